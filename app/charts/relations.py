"""Draw the partners of an actor: cooperation to the right, conflict to the left. Pure."""

from app.charts.subjects import compose_partner_subject
from app.charts.vega_lite import (
    AGAINST,
    FOR,
    WIDTH,
    VegaSpec,
    build_label_axis,
    build_top_legend,
    complete_spec,
    draw_message,
    name_channel,
    number_channel,
)

COLUMNS = (
    "actor", "name", "basis", "count", "cooperation", "conflict", "neutral", "positive", "negative",
    "index", "first", "last",
)  # fmt: skip
MOST = 25


def tabulate_relations(body: VegaSpec) -> list[dict[str, object]]:
    """Tabulate all partners, including those that the chart leaves out."""
    return [{name: partner[name] for name in COLUMNS} for partner in body["data"]]


def draw_relations(body: VegaSpec, width: int = WIDTH) -> VegaSpec:
    """Draw the chart of `/v1/actors/{code}/relations` with the most frequent partners."""
    rows = body["data"][:MOST]
    if not rows:
        bare = draw_message("no partners in this window")
        subject = compose_partner_subject(body)
        return complete_spec(bare, subject, describe_relations(body), width, body)
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
            "x": number_channel(
                "events",
                "events (conflict to the left)",
                axis={"labelExpr": "format(abs(datum.value), ',d')", "tickMinStep": 1},
            ),
            "y": name_channel(
                "partner", None, sort=names, axis=build_label_axis(names, min(260, width * 2 // 5))
            ),
            "color": name_channel(
                "kind",
                None,
                scale={"domain": ["conflict", "cooperation"], "range": [AGAINST, FOR]},
                legend=build_top_legend(2, width),
            ),
            "tooltip": [{"field": "partner"}, {"field": "kind"}, {"field": "count"}],
        },
    }
    return complete_spec(
        whole, compose_partner_subject(body), describe_relations(body), width, body
    )


def describe_relations(body: VegaSpec) -> str:
    """Describe the chart in words."""
    rows = body["data"]
    if not rows:
        return "No partners in this window."
    first = "; ".join(
        f"{r['name']} {r['count']} ({r['cooperation']} cooperative, {r['conflict']} conflictual,"
        f" {r['neutral']} neither)"
        for r in rows[:5]
    )
    count = min(len(rows), MOST)
    return (
        f"Bars of {count} partner{'s' * (count != 1)}, most frequent first, by the signals between"
        f" the two: {first}."
    )
