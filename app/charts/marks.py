"""Draw few events as marks on a line, each with a label that lies on no other. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from app.charts.labels import MARK, ROW, Label, place_labels, stack_marks
from app.charts.lanes import KindColors, Lanes
from app.charts.vega_lite import (
    INK,
    VegaSpec,
    bar_end,
    day_channel,
    find_day,
    find_pixel,
    name_channel,
    number_channel,
    shorten_text,
)
from app.edtf import parse_edtf

GAP = 12
"""Pixels between the marks and the nearest row of labels."""
LABEL_SIZE = 11
FEWEST_LETTERS, MOST_LETTERS, LABEL_SHARE = 20, 44, 22
"""Letters of a label, and pixels of the plot for each."""


class MarkRows(NamedTuple):
    """Where the line of the marks and the rows of labels are, in pixels from the top."""

    line: float
    above: float
    """The lower edge of the nearest row above."""
    below: float
    """The upper edge of the nearest row below."""
    height: float

    def find_middle(self, row: int) -> float:
        """Find the middle of a row of labels."""
        return self.above + ROW * (row + 0.5) if row < 0 else self.below + ROW * (row - 0.5)


def draw_marks(
    buckets: list[VegaSpec],
    colors: KindColors,
    lanes: Lanes,
    axis: VegaSpec,
    room: float,
    legend: VegaSpec,
) -> tuple[list[VegaSpec], int]:
    """Draw a mark with a label for each event; returns the layers and the height in pixels."""
    days = (buckets[0]["start"], bar_end(buckets[-1]["end"]))
    events = list_marked_events(buckets, list(colors), days, room)
    letters = min(MOST_LETTERS, max(FEWEST_LETTERS, int(room / LABEL_SHARE)))
    weighty = sorted(events, key=lambda event: (-event["weight"], event["start"]))
    texts = [shorten_text(event["title"], letters) for event in weighty]
    labels = place_labels(texts, [event["at"] for event in weighty], room)
    rest = sum(bucket["count"] - bucket["spans"] for bucket in buckets) - len(labels)
    gaps = any(not bucket["covered"] for bucket in buckets)
    top = lanes.height + (ROW if rest else 0)
    rows = _arrange_rows(events, labels, top, ROW if gaps else 0)
    layers = [
        *_draw_line(rows, axis, days),
        *_draw_labels(rows, labels, axis, days, room),
        *_draw_rest(rest, lanes.height, rows),
        *_draw_points(rows, events, colors, axis, legend),
    ]
    return layers, round(rows.height)


def list_marked_events(
    buckets: list[VegaSpec], kinds: Sequence[str], days: tuple[str, str], room: float
) -> list[VegaSpec]:
    """List the named events that lie within their bucket, oldest first, each with its place."""
    found: list[VegaSpec] = []
    for bucket in buckets:
        for event in bucket["top"]:
            date = parse_edtf(event["date"])
            if not _lies_within(event["date"], bucket):
                continue
            start = date.start.isoformat()
            found.append(
                {
                    "title": event["title"],
                    "start": start,
                    "finish": (date.end or date.start).isoformat(),
                    "kind": kinds[1 - event["sign"]],
                    "weight": abs(event["intensity"] or 0),
                    "date": event["date"],
                    "at": find_pixel(start, days, room),
                }
            )
    found.sort(key=lambda event: (event["start"], -event["weight"]))
    for event, slot in zip(found, stack_marks([event["at"] for event in found]), strict=True):
        event["slot"] = slot
    return found


def _lies_within(text: str, bucket: VegaSpec) -> bool:
    """Whether a date has a known day and does not go beyond a bucket; what does is in a lane."""
    date = parse_edtf(text)
    if date.end is None or date.precision not in ("day", "interval"):
        return False
    first, last = date.start.isoformat(), date.end.isoformat()
    return bool(bucket["start"] <= first and last <= bucket["end"])


def _arrange_rows(events: list[VegaSpec], labels: list[Label], top: float, foot: float) -> MarkRows:
    up = max((-event["slot"] for event in events), default=0) * MARK
    down = max((event["slot"] for event in events), default=0) * MARK
    above = max((-label.row for label in labels), default=0)
    below = max(1, max((label.row for label in labels), default=1))
    edge = top + 4 + ROW * above
    line = edge + GAP + up
    return MarkRows(line, edge, line + down + GAP, line + down + GAP + ROW * below + 4 + foot)


def _place_at(rows: MarkRows, field: str) -> VegaSpec:
    scale: VegaSpec = {"domain": [0, rows.height], "range": [0, round(rows.height)], "nice": False}
    return number_channel(field, None, scale=scale, axis=None)


def _draw_line(rows: MarkRows, axis: VegaSpec, days: tuple[str, str]) -> list[VegaSpec]:
    ends = {"first": days[0], "last": days[1], "y": rows.line}
    return [
        {
            "data": {"values": [ends]},
            "mark": {"type": "rule", "color": "#777777", "strokeWidth": 1.5},
            "encoding": {
                "x": day_channel("first", axis, scale={"domain": list(days)}),
                "x2": {"field": "last"},
                "y": _place_at(rows, "y"),
            },
        }
    ]


def _draw_labels(
    rows: MarkRows, labels: list[Label], axis: VegaSpec, days: tuple[str, str], room: float
) -> list[VegaSpec]:
    written = [
        {
            "day": find_day(label.x, days, room),
            "text": label.text,
            "leftward": label.leftward,
            "middle": rows.find_middle(label.row),
            "edge": rows.find_middle(label.row) + (ROW / 2 - 2) * (-1 if label.row > 0 else 1),
            "line": rows.line,
        }
        for label in labels
    ]
    x = day_channel("day", axis)
    leads: VegaSpec = {
        "data": {"values": written},
        "mark": {"type": "rule", "color": "#999999", "strokeWidth": 0.7},
        "encoding": {"x": x, "y": _place_at(rows, "line"), "y2": {"field": "edge"}},
    }
    texts = [
        {
            "data": {"values": [row for row in written if row["leftward"] is leftward]},
            "mark": {
                "type": "text", "align": align, "baseline": "middle", "dx": shift,
                "fontSize": LABEL_SIZE, "color": INK,
            },
            "encoding": {
                "x": x, "y": _place_at(rows, "middle"), "text": name_channel("text", None),
            },
        }
        for leftward, align, shift in ((False, "left", -2), (True, "right", 2))
    ]  # fmt: skip
    return [leads, *texts]


def _draw_rest(rest: int, top: float, rows: MarkRows) -> list[VegaSpec]:
    """Say how many events have no label."""
    if not rest:
        return []
    words = {"type": "text", "align": "left", "baseline": "top", "fontSize": LABEL_SIZE}
    said = {"text": f"+{rest} without a label", "y": top + 3}
    return [
        {
            "data": {"values": [said]},
            "mark": {**words, "color": INK},
            "encoding": {
                "x": {"value": 0},
                "y": _place_at(rows, "y"),
                "text": name_channel("text", None),
            },
        }
    ]


def _draw_points(
    rows: MarkRows,
    events: list[VegaSpec],
    colors: KindColors,
    axis: VegaSpec,
    legend: VegaSpec,
) -> list[VegaSpec]:
    kinds = list(colors)
    shown = [{**event, "y": rows.line + MARK * event["slot"]} for event in events]
    fill = {"domain": list(kinds), "range": [colors[kind][0] for kind in kinds]}
    shape = {"domain": list(kinds), "range": ["circle", "circle", "diamond"]}
    y = _place_at(rows, "y")
    lasting = [event for event in shown if event["finish"] > event["start"]]
    lines: list[VegaSpec] = [
        {
            "data": {"values": [event for event in lasting if event["kind"] == kind]},
            "mark": {"type": "rule", "strokeWidth": 4, "strokeCap": "round", "stroke": edge},
            "encoding": {"x": day_channel("start", axis), "x2": {"field": "finish"}, "y": y},
        }
        for kind, (_, edge) in colors.items()
    ]
    rings: VegaSpec = {
        "data": {"values": [event for event in shown if event["kind"] == kinds[1]]},
        "mark": {"type": "point", "size": 70, "strokeWidth": 1.2, "stroke": colors[kinds[1]][1]},
        "encoding": {"x": day_channel("start", axis), "y": y},
    }
    points: VegaSpec = {
        "data": {"values": shown},
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "strokeWidth": 1},
        "encoding": {
            "x": day_channel("start", axis),
            "y": y,
            "color": name_channel("kind", None, scale=fill, legend=legend),
            "shape": name_channel("kind", None, scale=shape, legend=legend),
            "tooltip": [{"field": "title"}, {"field": "date"}, {"field": "kind"}],
        },
    }
    return [*(layer for layer in lines if layer["data"]["values"]), points, rings]
