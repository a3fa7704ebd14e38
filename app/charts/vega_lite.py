"""Build the parts of Vega-Lite specs that all charts share. Pure.

Charts are readable in grey: marks differ by lightness, shape and place, never by hue alone.
"""

import textwrap
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from app.reader_words import write_short_range

VegaSpec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FOR, AGAINST, OTHER, EDGE = "#5899cc", "#6b2a0a", "#e0e0e0", "#666666"
"""Cooperation is lighter and above, conflict darker and below. Their contrast with each other and
with the background is 3 : 1. What is neither is lightest, with an edge."""
LINE, BAND, GAP_COLOUR, INK = "#1f3b57", "#b9cfe2", "#ececec", "#333333"
BREAK = "#5c2a72"
"""Where a break lies; neither colour of cooperation and conflict, because it may go either way."""
WIDTH = 720
"""The default width of a chart from edge to edge, in pixels."""
LETTER_WIDTH = 7.2
"""Pixels of a letter of a label in the widest font that may replace ours."""
FONT_WIDTH_MARGIN = 1.12
"""How many times wider a text may be in another font than in ours."""
CONFIG: VegaSpec = {
    "font": "Helvetica, Arial, sans-serif",
    "background": "white",
    "padding": 8,
    "view": {"stroke": "#cccccc"},
    "axis": {
        "labelColor": INK, "titleColor": INK, "gridColor": "#e6e6e6", "labelFontSize": 12,
        "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 10,
    },
    "axisX": {"titlePadding": 6},
    "legend": {
        "labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12,
        "columnPadding": 22, "labelLimit": 240,
    },
    "title": {"color": INK, "anchor": "start", "fontSize": 15, "frame": "bounds"},
}  # fmt: skip


TITLE_LETTER = 9.9
"""Pixels of a letter of a title in the widest font that may replace ours, which is bold."""


def wrap_words(text: str, room: int) -> list[str]:
    """Wrap a text into lines of at most `room` letters, between words; at least one line."""
    return textwrap.wrap(text, max(room, 12), break_on_hyphens=False) or [text]


def shorten_text(text: str, room: int) -> str:
    """Shorten a text to at most `room` letters, between words where that leaves half of them."""
    if len(text) <= room:
        return text
    cut = text[: max(room - 1, 1)]
    words = cut.rpartition(" ")[0]
    return f"{words if len(words) * 2 >= room else cut}…"


def complete_spec(
    spec: VegaSpec,
    title: str,
    description: str,
    width: int,
    body: VegaSpec,
    days: tuple[str, str] | None = None,
) -> VegaSpec:
    """Complete a spec with its title, configuration and width.

    `description` says in words what it shows, for screen readers. `width` is that of the whole
    chart, with its axes and edges. `body` is the answer that is drawn; `days` are the first day of
    the axis and the day after its last, where it is one of days.
    """
    return {
        "$schema": SCHEMA,
        "title": {"text": wrap_words(title, int((width - 16) / TITLE_LETTER))},
        "description": description,
        "config": CONFIG,
        "usermeta": {
            "entente": body.get("meta") or {},
            **({"days": days} if days else {}),
        },
        "width": width,
        "autosize": {"type": "fit-x", "contains": "padding"},
        **spec,
    }


TICKS: tuple[tuple[str, int, float, str, int], ...] = (
    ("day", 1, 1, "%-d %b %Y", 80),
    ("day", 2, 2, "%-d %b %Y", 80),
    ("day", 7, 7, "%-d %b %Y", 80),
    ("month", 1, 30, "%b %Y", 60),
    ("month", 3, 91, "%b %Y", 60),
    ("month", 6, 182, "%b %Y", 60),
    *(("year", n, n * 365, "%Y", 36) for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""Each interval of ticks: unit, step, days between two, format, and pixels of a label."""
LABEL_DISTANCE = 14
"""Pixels between two labels."""
EDGE_WIDTH, BARE_EDGE_WIDTH = 100, 16
"""Pixels of a chart that its days do not get, with an axis at its side and without one."""


def build_day_axis(first: str, last: str, width: int) -> VegaSpec:
    """Build an axis of days with as many ticks as fit, each label as short as its unit allows."""
    count = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    room = max(width - EDGE_WIDTH, 100)
    fitting = (t for t in TICKS if count / t[2] * (t[4] + LABEL_DISTANCE) <= room)
    unit, step, _, written, _ = next(fitting, TICKS[-1])
    return {
        "format": written,
        "tickCount": {"interval": unit, "step": step},
        "labelOverlap": "greedy",
        "labelSeparation": LABEL_DISTANCE // 2,
        "title": None,
    }


def build_row_axis(rows: Sequence[VegaSpec], width: int) -> VegaSpec:
    """Build the axis of rows with the fields `start` and `end`."""
    return build_day_axis(rows[0]["start"], rows[-1]["end"], width) if rows else {"title": None}


def day_channel(
    field: str, axis: VegaSpec, *, scale: VegaSpec | None = None, **more: object
) -> VegaSpec:
    """Return an encoding channel of days in UTC, so that no time zone moves a day."""
    of_days = {"type": "utc", **(scale or {})}
    return {"field": field, "type": "temporal", "scale": of_days, "axis": axis, **more}


LEGEND_COLUMN = 116
"""Pixels of a kind of event in a legend, with its mark and the room beside it."""


def build_top_legend(kinds: int, width: int) -> VegaSpec:
    """Build a legend above the plot, on as many lines as a chart of this width needs."""
    return {"orient": "top", "columns": max(1, min(kinds, (width - 40) // LEGEND_COLUMN))}


def build_label_axis(texts: Sequence[str], most: int) -> VegaSpec:
    """Build an axis of names with room for the longest in any font, up to `most` pixels."""
    longest = int(max((len(text) for text in texts), default=0) * LETTER_WIDTH)
    if longest <= most:
        return {"labelLimit": most, "minExtent": longest, "title": None}
    return {"labelLimit": int(most / FONT_WIDTH_MARGIN), "minExtent": most, "title": None}


def number_channel(field: str, title: str | list[str] | None, **more: object) -> VegaSpec:
    """Return an encoding channel of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def name_channel(field: str, title: str | None, **more: object) -> VegaSpec:
    """Return an encoding channel of names."""
    return {"field": field, "type": "nominal", "title": title, **more}


def bar_end(day: str) -> str:
    """Return the next day, at whose beginning a bar ends; the last possible day is its own end."""
    last = date.fromisoformat(day)
    return day if last == date.max else (last + timedelta(days=1)).isoformat()


def draw_gaps(rows: Sequence[VegaSpec], height: int, axis: VegaSpec, width: int) -> list[VegaSpec]:
    """Draw grey areas with a dashed edge where no dataset covers the days, unlike a zero."""
    bare = merge_touching_spans(
        [
            {"start": r["start"], "finish": bar_end(r["end"]), "why": "not covered"}
            for r in rows
            if not r["covered"]
        ]
    )
    if not bare:
        return []
    pixel = (width - EDGE_WIDTH) / max(1, days_between(rows[0]["start"], rows[-1]["end"]))
    wide = [
        hole
        for hole in bare
        if days_between(hole["start"], hole["finish"]) * pixel >= LABELLED_GAP_WIDTH
    ]
    grounds: VegaSpec = {
        "data": {"values": bare},
        "mark": {
            "type": "rect",
            "color": GAP_COLOUR,
            "stroke": "#999999",
            "strokeDash": [3, 3],
            "description": "not covered by any dataset",
        },
        "encoding": {
            "x": day_channel("start", axis),
            "x2": {"field": "finish"},
            "y": {"value": 0},
            "y2": {"value": height},
            "tooltip": [{"field": "why", "title": "these days"}],
        },
    }
    texts: VegaSpec = {
        "data": {"values": wide},
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "bottom",
            "dx": 5,
            "dy": -4,
            "color": "#595959",
            "fontSize": 12,
        },
        "encoding": {
            "x": day_channel("start", axis),
            "y": {"value": height},
            "text": name_channel("why", None),
        },
    }
    return [grounds, texts] if wide else [grounds]


LABELLED_GAP_WIDTH = 84
"""Pixels of a gap that has room for its label; a narrower one has only its grey area."""


def draw_message(why: str) -> VegaSpec:
    """Draw a message in place of a chart without data, whose axes would look like zeros."""
    return {
        "height": 40,
        "data": {"values": [{"why": why}]},
        "mark": {"type": "text", "align": "left", "color": INK, "fontSize": 13},
        "encoding": {"text": name_channel("why", None), "x": {"value": 8}},
    }


def find_pixel(day: str, days: tuple[str, str], room: float) -> float:
    """Find how many pixels right of the left edge a day is, in a plot `room` pixels wide."""
    return days_between(days[0], day) / max(1, days_between(*days)) * room


def find_day(pixel: float, days: tuple[str, str], room: float) -> str:
    """Find the day at some pixels right of the left edge of a plot `room` pixels wide."""
    count = round(pixel / room * days_between(*days))
    return (date.fromisoformat(days[0]) + timedelta(days=count)).isoformat()


def days_between(first: str, last: str) -> int:
    """Return the number of days from one day to another."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def merge_touching_spans(spans: Sequence[VegaSpec]) -> list[VegaSpec]:
    """Merge spans that touch."""
    found: list[VegaSpec] = []
    for span in spans:
        if found and found[-1]["finish"] == span["start"]:
            found[-1] = {**found[-1], "finish": span["finish"]}
        else:
            found.append(dict(span))
    return found


def describe_span(rows: Sequence[VegaSpec]) -> str:
    """Return the first and last day of rows in words."""
    return write_short_range(rows[0]["start"], rows[-1]["end"]) if rows else "no days"


def describe_gaps(rows: Sequence[VegaSpec]) -> str:
    """Return how many rows no dataset covers, in words; empty where all are covered."""
    count = sum(not r["covered"] for r in rows)
    return f" {count} of {len(rows)} periods are not covered by any dataset." if count else ""
