"""Draw the partners of an actor: cooperation to the right, conflict to the left. Pure."""

from typing import Any

from app.charts.look import AGAINST, FOR, WIDTH, Spec, labels, name, nothing, number, titled

COLUMNS = ("actor", "name", "count", "cooperation", "conflict", "first", "last")
MOST = 25
TOP = "Partners in events"


def table(body: Spec) -> list[dict[str, Any]]:
    """Tabulate all partners, including those that the chart leaves out."""
    return [{name: partner[name] for name in COLUMNS} for partner in body["data"]]


def spec(body: Spec, width: int = WIDTH) -> Spec:
    """Draw the chart of `/v1/actors/{code}/relations` with the most frequent partners."""
    rows = body["data"][:MOST]
    if not rows:
        bare = nothing("no partners in this window")
        return titled(bare, TOP, told(body), width, body.get("meta"))
    names = [r["name"] for r in rows]
    bars = [
        {"partner": r["name"], "kind": kind, "events": sign * r[kind], "count": r[kind]}
        for r in rows
        for kind, sign in (("cooperation", 1), ("conflict", -1))
    ]
    whole = {
        "height": {"step": 20},
        "data": {"values": bars},
        "mark": "bar",
        "encoding": {
            "x": number(
                "events",
                "events (conflict to the left)",
                axis={"labelExpr": "format(abs(datum.value), ',d')", "tickMinStep": 1},
            ),
            "y": name("partner", None, sort=names, axis=labels(names, min(260, width * 2 // 5))),
            "color": name(
                "kind",
                None,
                scale={"domain": ["conflict", "cooperation"], "range": [AGAINST, FOR]},
                legend={"orient": "top"},
            ),
            "tooltip": [{"field": "partner"}, {"field": "kind"}, {"field": "count"}],
        },
    }
    return titled(whole, TOP, told(body), width, body.get("meta"))


def told(body: Spec) -> str:
    """Describe the chart in words."""
    rows = body["data"]
    if not rows:
        return "No partners in this window."
    first = "; ".join(
        f"{r['name']} {r['count']} ({r['cooperation']} cooperative, {r['conflict']} conflictual)"
        for r in rows[:5]
    )
    count = min(len(rows), MOST)
    return f"Bars of {count} partner{'s' * (count != 1)}, most frequent first: {first}."
