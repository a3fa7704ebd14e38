"""Draw events over time: cooperation above the line, conflict below it, and gaps. Pure."""

from app.charts.vega_lite import (
    AGAINST,
    EDGE,
    FOR,
    OTHER,
    WIDTH,
    VegaSpec,
    bar_end,
    build_row_axis,
    complete_spec,
    day_channel,
    describe_gaps,
    describe_span,
    draw_gaps,
    draw_message,
    name_channel,
    number_channel,
)

HEIGHT = 220
TOP = "Events over time"
TITLE = "events (conflict below the line)"
COLUMNS = ("start", "end", "count", "cooperation", "conflict", "mean_intensity", "covered")
KINDS = ("cooperation", "neither", "conflict")
COUNTS = {"tickMinStep": 1, "labelExpr": "format(abs(datum.value), ',d')"}
"""Counts are whole, and no count is negative because it is drawn below the line."""


def window_scale(buckets: list[VegaSpec]) -> VegaSpec:
    """Return a scale over all requested days, also those without events."""
    return {"domain": [buckets[0]["start"], bar_end(buckets[-1]["end"])]}


def tabulate_timeline(body: VegaSpec) -> list[dict[str, object]]:
    """Tabulate the time buckets that the chart draws."""
    return [{name: bucket[name] for name in COLUMNS} for bucket in body["data"]]


def draw_timeline(body: VegaSpec, width: int = WIDTH) -> VegaSpec:
    """Draw the chart of `/v1/timeline`."""
    buckets = body["data"]
    if not buckets:
        return complete_spec(
            draw_message("no days to draw"), TOP, describe_timeline(body), width, body.get("meta")
        )
    axis = build_row_axis(buckets, width)
    bars = []
    for b in buckets:
        rest = b["count"] - b["cooperation"] - b["conflict"]
        days_of = {"start": b["start"], "finish": bar_end(b["end"]), "last": b["end"]}
        above = 0
        for kind, count in zip(KINDS, (b["cooperation"], rest, b["conflict"]), strict=True):
            if not count:
                continue
            low, high = (-count, 0) if kind == "conflict" else (above, above + count)
            above = max(above, high)
            bars.append({**days_of, "kind": kind, "count": count, "low": low, "high": high})
    drawn: VegaSpec = {
        "data": {"values": bars},
        "mark": {"type": "rect", "strokeWidth": 0.7},
        "encoding": {
            "x": day_channel("start", axis, scale=window_scale(buckets)),
            "x2": {"field": "finish"},
            "y": number_channel("low", TITLE, axis=COUNTS),
            "y2": {"field": "high"},
            "color": name_channel(
                "kind",
                None,
                scale={"domain": list(KINDS), "range": [FOR, OTHER, AGAINST]},
                legend={"orient": "top"},
            ),
            "stroke": name_channel(
                "kind",
                None,
                scale={"domain": list(KINDS), "range": ["white", EDGE, "white"]},
                legend=None,
            ),
            "tooltip": [
                {"field": "start", "title": "from"},
                {"field": "last", "title": "to"},
                {"field": "kind"},
                {"field": "count", "type": "quantitative"},
            ],
        },
    }
    line: VegaSpec = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": "#333333"},
        "encoding": {"y": {"datum": 0, "title": TITLE}},
    }
    whole = {"height": HEIGHT, "layer": [*draw_gaps(buckets, HEIGHT, axis, width), drawn, line]}
    return complete_spec(whole, TOP, describe_timeline(body), width, body.get("meta"))


def describe_timeline(body: VegaSpec) -> str:
    """Describe the chart in words."""
    buckets = body["data"]
    count, good, bad = (sum(b[n] for b in buckets) for n in ("count", "cooperation", "conflict"))
    if not buckets:
        return "No events, and no window that could be drawn."
    most = max(buckets, key=lambda b: b["count"])
    peak = f" Most are in {most['start']} to {most['end']}: {most['count']}." if count else ""
    return (
        f"Bars of events, {describe_span(buckets)}: {count} in all, {good} cooperative above the"
        f" line, {bad} conflictual below it.{peak}{describe_gaps(buckets)}"
    )
