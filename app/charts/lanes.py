"""Lay out events that last or have no known day as labelled bars in lanes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from app.charts.vega_lite import (
    INK,
    VegaSpec,
    bar_end,
    day_channel,
    find_pixel,
    name_channel,
    number_channel,
    shorten_text,
)
from app.edtf import parse_edtf

LANE_HEIGHT, BAR_HEIGHT, HEADING = 18, 14, 16
"""Pixels of a lane, of a bar in it, and of the line above the lanes."""
MAX_LANES = 6
LANE_LETTER, LANE_SIZE = 6.3, 11
"""Pixels of the width of a letter of a label, and of its font."""
FEWEST, FEW_LETTERS, MOST_LETTERS = 12, 22, 48
"""Letters of the shortest label in a bar, of a shortened one beside it, and of the longest."""


KindColors = Mapping[str, tuple[str, str]]
"""The colours of the areas and edges of each kind of events."""
LabelSide = Literal["within", "after", "before", "none"]


class Lanes(NamedTuple):
    """The bars of lasting events, each with its lane and the label that fits."""

    bars: list[VegaSpec]
    lanes: int
    """The number of lanes."""
    left_out: int
    """Events for which no lane had room."""

    @property
    def height(self) -> int:
        """The height of all lanes with their heading, in pixels; 0 without a lane."""
        return HEADING + LANE_HEIGHT * self.lanes if self.lanes else 0


def place_in_lanes(
    under_way: Sequence[VegaSpec], days: tuple[str, str], kinds: Sequence[str], room: float
) -> Lanes:
    """Place lasting events, the weightiest first, each in the first lane where it has room.

    `days` are the first day of the axis and the day after its last; `kinds` name the signs 1, 0
    and -1 of the events; `room` is the width of the plot in pixels.
    """
    lanes: list[list[tuple[float, float]]] = [[] for _ in range(MAX_LANES)]
    bars: list[VegaSpec] = []
    left_out = 0
    for event in sorted(under_way, key=_rank_event):
        bar = _cut_to_days(event, days, kinds)
        edges = [find_pixel(bar[end], days, room) for end in ("start", "finish")]
        place = _find_place(lanes, edges[0], edges[1], room, event["title"])
        if place is None:
            left_out += 1
            continue
        lane, reach, label, side = place
        lanes[lane].append(reach)
        bars.append({**bar, "lane": lane, "label": label, "side": side})
    bars.sort(key=lambda bar: (bar["lane"], bar["start"]))
    return Lanes(bars, len({bar["lane"] for bar in bars}), left_out)


def _rank_event(event: VegaSpec) -> tuple[float, str]:
    return -abs(event.get("intensity") or 0), event["id"]


def _cut_to_days(event: VegaSpec, days: tuple[str, str], kinds: Sequence[str]) -> VegaSpec:
    """Cut an event to the days of the axis, and say where it goes on beyond them."""
    finish = bar_end(event["end"]) if event.get("end") else days[1]
    return {
        "start": max(event["start"], days[0]),
        "finish": min(finish, days[1]),
        "before": event["start"] < days[0],
        "after": not event.get("end") or finish > days[1],
        "vague": parse_edtf(event["date"]).precision not in ("day", "interval"),
        "kind": kinds[1 - event["sign"]],
        "title": event["title"],
        "date": event["date"],
    }


def _find_place(
    lanes: Sequence[Sequence[tuple[float, float]]],
    left: float,
    end: float,
    right: float,
    title: str,
) -> tuple[int, tuple[float, float], str, LabelSide] | None:
    """Find the first lane with room for a bar with its label in it, after it, or before it.

    Where none has, its label is shortened, or left out.
    """
    full, short = (shorten_text(title, most) for most in (MOST_LETTERS, FEW_LETTERS))
    inside = shorten_text(title, max(int((end - left - 8) / LANE_LETTER), 1))
    ways: list[tuple[str, LabelSide]] = [(full, "after"), (full, "before"), (short, "after")]
    ways.insert(0 if inside == title else 2, (inside if len(inside) > FEWEST else "", "within"))
    for label, side in [*ways, ("", "none")]:
        long = len(label) * LANE_LETTER + 8
        spread = {"after": (left, end + long), "before": (left - long, end)}
        wanted = spread.get(side, (left, end))
        for number, lane in enumerate(lanes):
            in_plot = wanted[0] >= 0 and wanted[1] <= right
            if in_plot and all(wanted[0] >= b + 3 or wanted[1] + 3 <= a for a, b in lane):
                return number, wanted, label, side
    return None


def draw_lanes(lanes: Lanes, axis: VegaSpec, height: int, colors: KindColors) -> list[VegaSpec]:
    """Draw lanes at the top of a plot of `height` pixels: dashed where the day is not known."""
    if not lanes.bars:
        return []
    rows = [
        {
            **bar,
            "top": HEADING + LANE_HEIGHT * bar["lane"],
            "foot": HEADING + LANE_HEIGHT * bar["lane"] + BAR_HEIGHT,
            "middle": HEADING + LANE_HEIGHT * bar["lane"] + BAR_HEIGHT / 2,
        }
        for bar in lanes.bars
    ]
    more = f" (and {lanes.left_out} more)" if lanes.left_out else ""
    scale: VegaSpec = {"domain": [0, height], "range": [0, height], "nice": False}

    def place(field: str) -> VegaSpec:
        return number_channel(field, None, scale=scale, axis=None)

    x = day_channel("start", axis)
    boxes = [
        {
            "data": {"values": [r for r in rows if r["vague"] is vague and r["kind"] == kind]},
            "mark": {
                "type": "rect", "fill": fill, "fillOpacity": 0.32, "stroke": edge,
                "strokeWidth": 1, **dash,
            },
            "encoding": {
                "x": x,
                "x2": {"field": "finish"},
                "y": place("top"),
                "y2": {"field": "foot"},
                "tooltip": [{"field": "title"}, {"field": "date"}, {"field": "kind"}],
            },
        }
        for vague, dash in ((False, {}), (True, {"strokeDash": [3, 2]}))
        for kind, (fill, edge) in colors.items()
    ]  # fmt: skip
    ends = [
        {
            "data": {"values": [row for row in rows if row[beyond]]},
            "mark": {
                "type": "point", "shape": shape, "filled": True, "size": 70, "opacity": 1,
                "color": INK,
            },
            "encoding": {"x": day_channel(field, axis), "y": place("middle")},
        }
        for beyond, field, shape in (
            ("before", "start", "triangle-left"), ("after", "finish", "triangle-right")
        )
    ]  # fmt: skip
    words = {"type": "text", "fontSize": LANE_SIZE, "color": INK}
    texts: list[VegaSpec] = [
        {
            "data": {"values": [row for row in rows if row["side"] == side]},
            "mark": {**words, "baseline": "middle", "align": align, "dx": shift},
            "encoding": {
                "x": day_channel(end, axis), "y": place("middle"),
                "text": name_channel("label", None),
            },
        }
        for side, end, align, shift in (
            ("within", "start", "left", 6), ("after", "finish", "left", 6),
            ("before", "start", "right", -6),
        )
    ] + [
        {
            "data": {"values": [{"what": f"under way, or day not known{more}", "top": 4}]},
            "mark": {**words, "baseline": "top", "align": "left"},
            "encoding": {
                "x": {"value": 0}, "y": place("top"), "text": name_channel("what", None),
            },
        },
    ]  # fmt: skip
    return [part for part in [*boxes, *ends, *texts] if part["data"]["values"]]
