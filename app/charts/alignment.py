"""Draw alignment over time: the index, its interval, shifts, and gaps in coverage. Pure."""

from app.charts.curves import count_quiet_stretches, list_line_runs, mark_quiet_points
from app.charts.shift_marks import MARK_HEIGHT, describe_marks, draw_shift_marks
from app.charts.subjects import compose_pair_subject
from app.charts.vega_lite import (
    BAND,
    LINE,
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
    number_channel,
)
from app.reader_words import write_signed

HEIGHT, LOW_HEIGHT, NARROW = 260, 170, 600
"""Pixels of the plot; of one in a narrow chart, as of several side by side; of such a chart."""
COLUMNS = (
    "start", "end", "index", "low", "high", "n", "positive", "negative", "effective", "sources",
    "covered",
)  # fmt: skip
TITLE = "alignment (−1 against … +1 for)"
INDEX: VegaSpec = {"domain": [-1, 1]}
POINT_EDGE = 8
"""Pixels that the largest point may go beyond the plot."""


def tabulate_alignment(body: VegaSpec) -> list[dict[str, object]]:
    """Tabulate the points that the chart draws."""
    return [{name: point.get(name) for name in COLUMNS} for point in body["data"]]


def draw_alignment(body: VegaSpec, width: int = WIDTH) -> VegaSpec:
    """Draw the chart of `/v1/alignment`, and mark the shifts that the body contains."""
    title = compose_pair_subject(body) or "Alignment"
    if not body["data"]:
        bare = draw_message("no days to draw")
        return complete_spec(bare, title, describe_alignment(body), width, body)
    height = LOW_HEIGHT if width < NARROW else HEIGHT
    days = (body["data"][0]["start"], bar_end(body["data"][-1]["end"]))
    axis = build_row_axis(body["data"], width)
    points = mark_quiet_points(body["data"])
    x = day_channel("end", axis, scale={"domain": list(days)})
    heading = TITLE if height == HEIGHT else "alignment"
    y = number_channel("index", heading, scale=INDEX)
    line = {"type": "line", "color": LINE, "strokeWidth": 2}
    by_run = {"x": x, "y": y, "detail": {"field": "run"}}
    layers: list[VegaSpec] = [
        *draw_gaps(body["data"], height, axis, width),
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "color": "#777777", "strokeDash": [2, 2]},
            "encoding": {"y": {"datum": 0, "title": heading}},
        },
        {
            "data": {"values": points},
            "mark": {"type": "area", "color": BAND, "opacity": 0.8},
            "encoding": {
                "x": x,
                "y": number_channel("low", heading, scale=INDEX),
                "y2": {"field": "high"},
                "detail": {"field": "part"},
            },
        },
        _reserve_edges(),
        *draw_shift_marks(body.get("shifts", []), axis, height, days, width),
        {
            "data": {"values": list_line_runs(points, quiet=False)},
            "mark": line,
            "encoding": by_run,
        },
        {
            "data": {"values": list_line_runs(points, quiet=True)},
            "mark": {**line, "strokeDash": [2, 4]},
            "encoding": by_run,
        },
        {
            "data": {"values": [p for p in points if p["n"]]},
            "mark": {"type": "point", "filled": True, "color": LINE, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "size": number_channel("n", "signals", scale={"range": [8, 120]}, legend=None),
                "tooltip": [{"field": n} for n in ("start", "end", "index", "low", "high", "n")],
            },
        },
    ]
    drawn = {"layer": layers, "height": height}
    return complete_spec(drawn, title, describe_alignment(body), width, body, days)


def _reserve_edges() -> VegaSpec:
    """Reserve the lines of labels above and half a point at the right, whatever is there.

    So plots side by side are of one size and at one height.
    """
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "opacity": 0, "xOffset": POINT_EDGE},
        "encoding": {
            "x": {"value": "width"},
            "y": {"value": -MARK_HEIGHT},
            "y2": {"value": 0},
        },
    }


def describe_alignment(body: VegaSpec) -> str:
    """Describe the chart in words."""
    title = compose_pair_subject(body) or "Alignment"
    points = mark_quiet_points(body["data"])
    if not points:
        return f"{title}: no index in this window.{describe_gaps(body['data'])}"
    first, last = points[0], points[-1]
    stretches = count_quiet_stretches(points)
    counted = f"{stretches} stretch{'es' * (stretches > 1)}"
    quiet = f" Dotted: {counted} of half a year or more without an act." if stretches else ""
    return (
        f"{title}, {describe_span(body['data'])}: a line of the index"
        f" with its 90 % interval, from {write_signed(first['index'])} to"
        f" {write_signed(last['index'])}."
        f"{describe_marks(body.get('shifts', []))}{quiet}{describe_gaps(body['data'])}"
    )
