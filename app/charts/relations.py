"""Partners: cooperation to the right, conflict to the left. Pure."""

from typing import Any

from app.charts.look import AGAINST, FOR, Spec, name, number, titled

COLUMNS = ("actor", "name", "count", "cooperation", "conflict", "first", "last")
MOST = 25


def table(body: Spec) -> list[dict[str, Any]]:
    """What is drawn and what is beyond it, a row a partner."""
    return [{name: partner[name] for name in COLUMNS} for partner in body["data"]]


def spec(body: Spec) -> Spec:
    """The chart of `/v1/actors/{code}/relations`, of the most frequent partners."""
    rows = body["data"][:MOST]
    bars = [
        {"partner": r["name"], "kind": kind, "events": sign * r[kind], "count": r[kind]}
        for r in rows
        for kind, sign in (("cooperation", 1), ("conflict", -1))
    ]
    whole = {
        "width": 460,
        "height": {"step": 20},
        "data": {"values": bars},
        "mark": "bar",
        "encoding": {
            "x": number("events", "events (conflict to the left, cooperation to the right)"),
            "y": name("partner", None, sort=[r["name"] for r in rows], axis={"labelLimit": 240}),
            "color": name(
                "kind",
                None,
                scale={"domain": ["conflict", "cooperation"], "range": [AGAINST, FOR]},
                legend={"orient": "top"},
            ),
            "tooltip": [{"field": "partner"}, {"field": "kind"}, {"field": "count"}],
        },
    }
    return titled(whole, "Partners in events", told(body), body.get("meta"))


def told(body: Spec) -> str:
    """The chart in words."""
    rows = body["data"]
    if not rows:
        return "No partners in this window."
    first = "; ".join(
        f"{r['name']} {r['count']} ({r['cooperation']} cooperative, {r['conflict']} conflictual)"
        for r in rows[:5]
    )
    return f"Bars of {min(len(rows), MOST)} partners, most frequent first: {first}."
