"""Draw events over time: labelled marks of few, bars of many, and what lasts above them. Pure.

Cooperation is above the line and conflict below it; gaps in coverage are hatched.
"""

from app.charts.lanes import KindColors, Lanes, draw_lanes, place_in_lanes
from app.charts.marks import draw_marks
from app.charts.subjects import compose_event_subject
from app.charts.vega_lite import (
    AGAINST,
    BARE_EDGE_WIDTH,
    EDGE,
    EDGE_WIDTH,
    FOR,
    OTHER,
    WIDTH,
    VegaSpec,
    bar_end,
    build_row_axis,
    build_top_legend,
    complete_spec,
    day_channel,
    describe_gaps,
    describe_span,
    draw_gaps,
    draw_message,
    name_channel,
    number_channel,
)
from app.reader_words import write_short_range

HEIGHT = 200
"""Pixels of the bars."""
MAX_MARKS = 40
"""Most events that are drawn as marks with labels; more are bars."""
COLUMNS = (
    "start", "end", "count", "cooperation", "conflict", "neutral", "mean_intensity", "positive",
    "negative", "index", "spans", "covered",
)  # fmt: skip
KINDS = ("cooperation", "neither", "conflict")
PAIR_KINDS = ("together", "neither", "apart")
"""What events do to a pair, by the signals between the two."""
COUNTS = {"tickMinStep": 1, "labelExpr": "format(abs(datum.value), ',d')"}
"""Counts are whole, and no count is negative because it is drawn below the line."""


def tabulate_timeline(body: VegaSpec) -> list[dict[str, object]]:
    """Tabulate the time buckets that the chart draws."""
    return [{name: bucket[name] for name in COLUMNS} for bucket in body["data"]]


def draw_timeline(body: VegaSpec, width: int = WIDTH) -> VegaSpec:
    """Draw the chart of `/v1/timeline`."""
    buckets, title = body["data"], compose_event_subject(body)
    if not buckets:
        bare = draw_message("no days to draw")
        return complete_spec(bare, title, describe_timeline(body), width, body)
    days = (buckets[0]["start"], bar_end(buckets[-1]["end"]))
    kinds = name_kinds(body)
    colors = dict(zip(kinds, ((FOR, FOR), (OTHER, EDGE), (AGAINST, AGAINST)), strict=True))
    labelled = is_labelled(body)
    room = width - (BARE_EDGE_WIDTH if labelled else EDGE_WIDTH)
    lanes = place_in_lanes(body["meta"]["under_way"], days, kinds, room)
    draw = draw_marks if labelled else _draw_bars
    axis = build_row_axis(buckets, width) | {"grid": True}
    legend = build_top_legend(len(kinds), width)
    layers, height = draw(buckets, colors, lanes, axis, room, legend)
    drawn: VegaSpec = {
        "height": height,
        "layer": [
            *draw_gaps(buckets, height, axis, width),
            *layers,
            *draw_lanes(lanes, axis, height, colors),
        ],
        "resolve": {"scale": {"y": "independent"}},
    }
    return complete_spec(drawn, title, describe_timeline(body), width, body, days)


def name_kinds(body: VegaSpec) -> tuple[str, ...]:
    """Return the names of the kinds of events: by their signals for a pair, else by their quad."""
    return PAIR_KINDS if (body.get("meta") or {}).get("basis") == "signals" else KINDS


def is_labelled(body: VegaSpec) -> bool:
    """Whether a timeline has so few events that each is a mark with a label."""
    within = sum(int(bucket["count"] - bucket["spans"]) for bucket in body["data"])
    return within <= MAX_MARKS


def _draw_bars(
    buckets: list[VegaSpec],
    colors: KindColors,
    lanes: Lanes,
    axis: VegaSpec,
    _: float,
    legend: VegaSpec,
) -> tuple[list[VegaSpec], int]:
    """Draw a bar for each bucket; returns the layers and the height of the plot in pixels."""
    kinds = tuple(colors)
    bars = list_bars(buckets, kinds)
    height = HEIGHT + lanes.height
    low = min((bar["low"] for bar in bars), default=0)
    high = max((bar["high"] for bar in bars), default=1)
    scale = {"domain": [low, max(high, low + 1)], "range": [height, lanes.height + 6]}
    days = [buckets[0]["start"], bar_end(buckets[-1]["end"])]
    what = "events" if kinds == KINDS else "events between the two"
    # In one line it would be longer than a plot is high.
    heading = [what, f"({kinds[-1]} below the line)"]
    drawn: VegaSpec = {
        "data": {"values": bars},
        "mark": {"type": "rect", "strokeWidth": 0.7},
        "encoding": {
            "x": day_channel("start", axis, scale={"domain": days}),
            "x2": {"field": "finish"},
            "y": number_channel("low", heading, axis=COUNTS, scale=scale),
            "y2": {"field": "high"},
            "color": name_channel(
                "kind",
                None,
                scale={"domain": list(kinds), "range": [fill for fill, _ in colors.values()]},
                legend=legend,
            ),
            "stroke": name_channel(
                "kind",
                None,
                scale={"domain": list(kinds), "range": ["white", EDGE, "white"]},
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
        "encoding": {"y": {"datum": 0, "title": heading}},
    }
    return [{"layer": [drawn, line]}], height


def list_bars(buckets: list[VegaSpec], kinds: tuple[str, ...]) -> list[VegaSpec]:
    """List the parts of the bars, each of one kind, with its ends as counts."""
    bars: list[VegaSpec] = []
    for bucket in buckets:
        days = {"start": bucket["start"], "finish": bar_end(bucket["end"]), "last": bucket["end"]}
        above = 0
        for kind, count in zip(kinds, count_bar_events(bucket), strict=True):
            if not count:
                continue
            low, high = (-count, 0) if kind == kinds[-1] else (above, above + count)
            above = max(above, high)
            bars.append({**days, "kind": kind, "count": count, "low": low, "high": high})
    return bars


def count_bar_events(bucket: VegaSpec) -> tuple[int, int, int]:
    """Count the events of a bar by kind: those of the bucket that are within it."""
    good = bucket["cooperation"] - bucket["spans_cooperation"]
    bad = bucket["conflict"] - bucket["spans_conflict"]
    return good, bucket["count"] - bucket["spans"] - good - bad, bad


def describe_timeline(body: VegaSpec) -> str:
    """Describe the chart in words."""
    buckets, title = body["data"], compose_event_subject(body)
    count, good, bad = (sum(b[n] for b in buckets) for n in ("count", "cooperation", "conflict"))
    if not buckets:
        return f"{title}: no events, and no window that could be drawn."
    most = max(buckets, key=lambda b: b["count"] - b["spans"])
    alone = most["count"] - most["spans"]
    peak = (
        f" Most are in {write_short_range(most['start'], most['end'])}: {alone}." if alone else ""
    )
    kinds = name_kinds(body)
    shape = "Marks with labels" if is_labelled(body) else "Bars"
    spans = sum(b["spans"] for b in buckets)
    lasting = f" {spans} that last or have no known day are bars at the top." if spans else ""
    return (
        f"{title}, {describe_span(buckets)}. {shape}: {count} events in all, {good}"
        f" {kinds[0]}, {bad} {kinds[-1]}.{peak}{lasting}{describe_gaps(buckets)}"
    )
