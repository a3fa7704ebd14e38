"""Draw events over time: cooperation above the line, conflict below it, and gaps. Pure.

Events that go beyond a period or have no known day are lines above the bars, not bars.
"""

from collections.abc import Sequence

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
COLUMNS = (
    "start", "end", "count", "cooperation", "conflict", "neutral", "mean_intensity", "positive",
    "negative", "index", "spans", "covered",
)  # fmt: skip
LANE_HEIGHT, MAX_LANES = 7, 8
"""Pixels of a line of lasting events, and the most lines."""
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
        days_of = {"start": b["start"], "finish": bar_end(b["end"]), "last": b["end"]}
        above = 0
        for kind, count in zip(KINDS, count_bar_events(b), strict=True):
            if not count:
                continue
            low, high = (-count, 0) if kind == "conflict" else (above, above + count)
            above = max(above, high)
            bars.append({**days_of, "kind": kind, "count": count, "low": low, "high": high})
    lanes = place_in_lanes(body["meta"]["under_way"], buckets)
    height = HEIGHT + LANE_HEIGHT * len(lanes)
    least, most = _find_count_range(bars, height, len(lanes))
    counts: VegaSpec = {"axis": COUNTS}
    if lanes:
        counts["scale"] = {"domain": [least, most], "nice": False}
    drawn: VegaSpec = {
        "data": {"values": bars},
        "mark": {"type": "rect", "strokeWidth": 0.7},
        "encoding": {
            "x": day_channel("start", axis, scale=window_scale(buckets)),
            "x2": {"field": "finish"},
            "y": number_channel("low", TITLE, **counts),
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
    layers = [*draw_gaps(buckets, height, axis, width), drawn, line]
    if lanes:
        layers.append(_draw_lanes(lanes, axis, least, most, height))
    whole = {"height": height, "layer": layers}
    return complete_spec(whole, TOP, describe_timeline(body), width, body.get("meta"))


def count_bar_events(bucket: VegaSpec) -> tuple[int, int, int]:
    """Count the events of a bar by `KINDS`: those of the bucket that are within it."""
    good = bucket["cooperation"] - bucket["spans_cooperation"]
    bad = bucket["conflict"] - bucket["spans_conflict"]
    return good, bucket["count"] - bucket["spans"] - good - bad, bad


def place_in_lanes(
    under_way: Sequence[VegaSpec], buckets: Sequence[VegaSpec]
) -> list[list[VegaSpec]]:
    """Place lasting events in as few lines as they need, without overlaps; the first that fit."""
    first, last = buckets[0]["start"], buckets[-1]["end"]
    lanes: list[list[VegaSpec]] = []
    for event in under_way:
        start, end = max(event["start"], first), min(event["end"] or last, last)
        shown = {
            "start": start,
            "finish": bar_end(max(start, end)),
            "kind": KINDS[1 - event["sign"]],
            "title": event["title"],
            "date": event["date"],
        }
        free = next((lane for lane in lanes if lane[-1]["finish"] <= start), None)
        if free is not None:
            free.append(shown)
        elif len(lanes) < MAX_LANES:
            lanes.append([shown])
    return lanes


def _find_count_range(bars: Sequence[VegaSpec], height: int, lanes: int) -> tuple[float, float]:
    """Find the range of the counts that leaves room for lanes above the bars."""
    low = min((bar["low"] for bar in bars), default=0)
    high = max((bar["high"] for bar in bars), default=0)
    room = max(high - low, 1)
    return low, low + room * height / (height - LANE_HEIGHT * (lanes + 1))


def _draw_lanes(
    lanes: Sequence[Sequence[VegaSpec]], axis: VegaSpec, low: float, high: float, height: int
) -> VegaSpec:
    """Draw lasting events as thick lines at the top."""
    lines = [
        {**event, "at": high - (high - low) * (number + 0.6) * LANE_HEIGHT / height}
        for number, lane in enumerate(lanes)
        for event in lane
    ]
    return {
        "data": {"values": lines},
        "mark": {"type": "rule", "strokeWidth": LANE_HEIGHT - 3},
        "encoding": {
            "x": day_channel("start", axis),
            "x2": {"field": "finish"},
            "y": number_channel("at", TITLE),
            "color": name_channel("kind", None),
            "tooltip": [{"field": "title"}, {"field": "date"}, {"field": "kind"}],
        },
    }


def describe_timeline(body: VegaSpec) -> str:
    """Describe the chart in words."""
    buckets = body["data"]
    count, good, bad = (sum(b[n] for b in buckets) for n in ("count", "cooperation", "conflict"))
    if not buckets:
        return "No events, and no window that could be drawn."
    most = max(buckets, key=lambda b: b["count"] - b["spans"])
    alone = most["count"] - most["spans"]
    peak = f" Most are in {most['start']} to {most['end']}: {alone}." if alone else ""
    of_pair = body["meta"]["basis"] == "signals"
    what = "events between the two, by the signals between them" if of_pair else "events"
    spans = sum(b["spans"] for b in buckets)
    lasting = f" {spans} that last or have no known day are lines at the top." if spans else ""
    return (
        f"Bars of {what}, {describe_span(buckets)}: {count} in all, {good} cooperative above the"
        f" line, {bad} conflictual below it.{peak}{lasting}{describe_gaps(buckets)}"
    )
