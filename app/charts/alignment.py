"""Draw alignment over time: the index, its interval, shifts, and gaps in coverage. Pure."""

from app.charts.shifts import tabulate_shifts, write_onset_range
from app.charts.vega_lite import (
    AGAINST,
    BAND,
    INK,
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
    name_channel,
    number_channel,
)

HEIGHT = 260
COLUMNS = (
    "start", "end", "index", "low", "high", "n", "positive", "negative", "effective", "sources",
    "covered",
)  # fmt: skip
TITLE = "alignment (−1 against … +1 for)"
INDEX: VegaSpec = {"domain": [-1, 1]}


def tabulate_alignment(body: VegaSpec) -> list[dict[str, object]]:
    """Tabulate the points that the chart draws."""
    return [{name: point.get(name) for name in COLUMNS} for point in body["data"]]


def draw_alignment(body: VegaSpec, width: int = WIDTH) -> VegaSpec:
    """Draw the chart of `/v1/alignment`, and mark the shifts that the body contains."""
    if not body["data"]:
        bare = draw_message("no days to draw")
        return complete_spec(
            bare, _compose_title(body), describe_alignment(body), width, body.get("meta")
        )
    axis = build_row_axis(body["data"], width)
    points = [p for p in body["data"] if _is_known(p)]
    parts = number_runs(body["data"])
    x = day_channel("end", axis)
    y = number_channel("index", TITLE, scale=INDEX)
    layers: list[VegaSpec] = [
        *draw_gaps(body["data"], HEIGHT, axis, width),
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "color": "#777777", "strokeDash": [2, 2]},
            "encoding": {"y": {"datum": 0, "title": TITLE}},
        },
        {
            "data": {"values": parts},
            "mark": {"type": "area", "color": BAND, "opacity": 0.8},
            "encoding": {
                "x": x,
                "y": number_channel("low", TITLE, scale=INDEX),
                "y2": {"field": "high"},
                "detail": {"field": "part"},
            },
        },
        {
            "data": {"values": parts},
            "mark": {"type": "line", "color": LINE, "strokeWidth": 2},
            "encoding": {"x": x, "y": y, "detail": {"field": "part"}},
        },
        {
            "data": {"values": points},
            "mark": {"type": "point", "filled": True, "color": LINE},
            "encoding": {
                "x": x,
                "y": y,
                "size": number_channel("n", "signals", scale={"range": [8, 120]}, legend=None),
                "tooltip": [{"field": n} for n in ("start", "end", "index", "low", "high", "n")],
            },
        },
        *_draw_shift_marks(body.get("shifts", []), axis),
    ]
    whole = complete_spec(
        {"layer": layers}, _compose_title(body), describe_alignment(body), width, body.get("meta")
    )
    whole["height"] = HEIGHT
    if marked := select_marked_shifts(body.get("shifts", [])):
        whole["title"]["offset"] = 8 + MARK_LINE_HEIGHT * min(MARK_LINES, len(marked))
    return whole


def number_runs(points: list[VegaSpec]) -> list[VegaSpec]:
    """Number the unbroken runs of points, so that no line or area is drawn over a gap."""
    found, part = [], 0
    for point in points:
        if not point["covered"] or not _is_known(point):
            part += 1
            continue
        found.append({**point, "part": part})
    return found


def _is_known(point: VegaSpec) -> bool:
    """Whether a point has an index within its interval.

    After years without an act the index returns to its prior, while the interval remains that of
    the last acts: there is nothing to draw.
    """
    return point["index"] is not None and point["low"] <= point["index"] <= point["high"]


MARKED_VERDICTS = ("strong", "shift", "weak", "watch")


def select_marked_shifts(shifts: list[VegaSpec]) -> list[VegaSpec]:
    """Select the rows with a dated shift; rows that report no evidence are left out."""
    return [s for s in shifts if s["onset"] and s["verdict"] in MARKED_VERDICTS]


MARK_LINES, MARK_LINE_HEIGHT = 2, 14
"""Lines above the plot that the labels of shifts take turns in, and pixels of one."""


def _draw_shift_marks(shifts: list[VegaSpec], axis: VegaSpec) -> list[VegaSpec]:
    dated = [
        {
            "onset": _write_day(s["onset"]),
            "from": s["onset_from"] or _write_day(s["onset"]),
            "to": bar_end(str(s["onset_to"] or _write_day(s["onset"]))),
            "label": f"{write_onset_range(s)} {s['direction']}, {s['verdict']}",
            **_pick_tooltip(s),
        }
        for s in tabulate_shifts({"data": select_marked_shifts(shifts)})
    ]
    dated.sort(key=lambda mark: str(mark["onset"]))
    if not dated:
        return []
    x = day_channel("onset", axis)
    tooltip = [{"field": n} for n in ("label", "sentence", "magnitude")]
    ranges: VegaSpec = {
        "data": {"values": dated},
        "mark": {"type": "rect", "color": AGAINST, "opacity": 0.12},
        "encoding": {
            "x": day_channel("from", axis),
            "x2": {"field": "to"},
            "y": {"value": 0},
            "y2": {"value": HEIGHT},
            "tooltip": tooltip,
        },
    }
    rules: VegaSpec = {
        "data": {"values": dated},
        "mark": {"type": "rule", "color": AGAINST, "strokeWidth": 2, "strokeDash": [6, 3]},
        "encoding": {"x": x, "tooltip": tooltip},
    }
    return [ranges, rules] + [
        {
            "data": {"values": dated[level::MARK_LINES]},
            "mark": {"type": "text", "baseline": "bottom", "color": INK, "fontSize": 12},
            "encoding": {
                "x": x,
                "y": {"value": -4 - MARK_LINE_HEIGHT * level},
                "text": name_channel("label", None),
            },
        }
        for level in range(min(MARK_LINES, len(dated)))
    ]


def _write_day(onset: object) -> str:
    """Write the first day of an onset, which is a month or a day."""
    return f"{onset}-01"[:10]


def _pick_tooltip(shift: VegaSpec) -> VegaSpec:
    return {n: shift.get(n) for n in ("id", "magnitude", "sentence")}


def _compose_title(body: VegaSpec) -> str:
    meta = body.get("meta", {})
    toward, against = (" + ".join(meta.get(side, [])) for side in ("toward", "against"))
    tail = f", against {against}" if against else ""
    return f"{meta.get('actor', '')} toward {toward}{tail}" if toward else "Alignment"


def describe_alignment(body: VegaSpec) -> str:
    """Describe the chart in words."""
    points = [p for p in body["data"] if _is_known(p)]
    if not points:
        return f"{_compose_title(body)}: no index in this window.{describe_gaps(body['data'])}"
    first, last = points[0], points[-1]
    marked = select_marked_shifts(body.get("shifts", []))
    marks = "".join(
        f" A shift {s['direction']}, {write_onset_range(s)} ({s['verdict']})."
        for s in tabulate_shifts({"data": marked})
    )
    return (
        f"{_compose_title(body)}, {describe_span(body['data'])}: a line of the index"
        f" with its 90 % interval, from {first['index']:+.2f} to {last['index']:+.2f}.{marks}"
        f"{describe_gaps(body['data'])}"
    )
