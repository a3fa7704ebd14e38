"""Build the parts of Vega-Lite specs that all charts share. Pure.

Charts are readable in grey: marks differ by lightness, shape and place, never by hue alone.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FOR, AGAINST, OTHER, EDGE = "#5899cc", "#6b2a0a", "#e0e0e0", "#666666"
"""Cooperation is lighter and above, conflict darker and below. Their contrast with each other and
with the background is 3 : 1. What is neither is lightest, with an edge."""
LINE, BAND, HOLE, INK = "#1f3b57", "#b9cfe2", "#ececec", "#333333"
WIDTH = 720
"""The default width of a chart from edge to edge, in pixels."""
LETTER = 7.2
"""Pixels of a letter of a label in the widest font that may replace ours."""
WIDER = 1.12
"""How many times wider a text may be in another font than in ours."""
CONFIG: Spec = {
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


def titled(spec: Spec, title: str, description: str, width: int, meta: Spec | None = None) -> Spec:
    """Complete a spec with its title, configuration and width.

    `description` says in words what it shows, for screen readers. `width` is that of the whole
    chart, with its axes and edges.
    """
    return {
        "$schema": SCHEMA,
        "title": {"text": title},
        "description": description,
        "config": CONFIG,
        "usermeta": {"entente": meta or {}},
        "width": width,
        "autosize": {"type": "fit-x", "contains": "padding"},
        **spec,
    }


TICKS: tuple[tuple[str, int, float, str, int], ...] = (
    ("day", 1, 1, "%Y-%m-%d", 76),
    ("day", 2, 2, "%Y-%m-%d", 76),
    ("day", 7, 7, "%Y-%m-%d", 76),
    ("month", 1, 30, "%Y-%m", 56),
    ("month", 3, 91, "%Y-%m", 56),
    ("month", 6, 182, "%Y-%m", 56),
    *(("year", n, n * 365, "%Y", 36) for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""Each interval of ticks: unit, step, days between two, format, and pixels of a label."""
APART = 14
"""Pixels between two labels."""
EDGES = 100
"""Pixels of the width of a chart that its days do not get."""


def calendar(first: str, last: str, width: int) -> Spec:
    """Build an axis of days with as many ticks as fit, each label as short as its unit allows."""
    count = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    room = max(width - EDGES, 100)
    fitting = (t for t in TICKS if count / t[2] * (t[4] + APART) <= room)
    unit, step, _, written, _ = next(fitting, TICKS[-1])
    return {
        "format": written,
        "tickCount": {"interval": unit, "step": step},
        "labelOverlap": "greedy",
        "labelSeparation": APART // 2,
        "title": None,
    }


def of_rows(rows: Sequence[Spec], width: int) -> Spec:
    """Build the axis of rows with the fields `start` and `end`."""
    return calendar(rows[0]["start"], rows[-1]["end"], width) if rows else {"title": None}


def days(field: str, axis: Spec, **more: Any) -> Spec:
    """Return an encoding channel of days in UTC, so that no time zone moves a day."""
    scale = {"type": "utc", **more.pop("scale", {})}
    return {"field": field, "type": "temporal", "scale": scale, "axis": axis, **more}


def labels(texts: Sequence[str], most: int) -> Spec:
    """Build an axis of names with room for the longest in any font, up to `most` pixels."""
    longest = int(max((len(text) for text in texts), default=0) * LETTER)
    if longest <= most:
        return {"labelLimit": most, "minExtent": longest, "title": None}
    return {"labelLimit": int(most / WIDER), "minExtent": most, "title": None}


def number(field: str, title: str | None, **more: Any) -> Spec:
    """Return an encoding channel of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def name(field: str, title: str | None, **more: Any) -> Spec:
    """Return an encoding channel of names."""
    return {"field": field, "type": "nominal", "title": title, **more}


def after(day: str) -> str:
    """Return the next day, at whose beginning a bar ends; the last possible day is its own end."""
    last = date.fromisoformat(day)
    return day if last == date.max else (last + timedelta(days=1)).isoformat()


def holes(rows: Sequence[Spec], height: int, axis: Spec, width: int) -> list[Spec]:
    """Draw grey areas with a dashed edge where no dataset covers the days, unlike a zero."""
    bare = joined(
        [
            {"start": r["start"], "finish": after(r["end"]), "why": "not covered"}
            for r in rows
            if not r["covered"]
        ]
    )
    if not bare:
        return []
    pixel = (width - EDGES) / max(1, length(rows[0]["start"], rows[-1]["end"]))
    wide = [hole for hole in bare if length(hole["start"], hole["finish"]) * pixel >= NAMED]
    grounds: Spec = {
        "data": {"values": bare},
        "mark": {
            "type": "rect",
            "color": HOLE,
            "stroke": "#999999",
            "strokeDash": [3, 3],
            "description": "not covered by any dataset",
        },
        "encoding": {
            "x": days("start", axis),
            "x2": {"field": "finish"},
            "y": {"value": 0},
            "y2": {"value": height},
            "tooltip": [{"field": "why", "title": "these days"}],
        },
    }
    texts: Spec = {
        "data": {"values": wide},
        "mark": {
            "type": "text", "align": "left", "baseline": "top", "dx": 5, "dy": 5,
            "color": "#595959", "fontSize": 12,
        },
        "encoding": {"x": days("start", axis), "y": {"value": 0}, "text": name("why", None)},
    }  # fmt: skip
    return [grounds, texts] if wide else [grounds]


NAMED = 84
"""Pixels of a gap that has room for its label; a narrower one has only its grey area."""


def nothing(why: str) -> Spec:
    """Draw a message in place of a chart without data, whose axes would look like zeros."""
    return {
        "height": 40,
        "data": {"values": [{"why": why}]},
        "mark": {"type": "text", "align": "left", "color": INK, "fontSize": 13},
        "encoding": {"text": name("why", None), "x": {"value": 8}},
    }


def length(first: str, last: str) -> int:
    """Return the number of days from one day to another."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def joined(spans: Sequence[Spec]) -> list[Spec]:
    """Merge spans that touch."""
    found: list[Spec] = []
    for span in spans:
        if found and found[-1]["finish"] == span["start"]:
            found[-1] = {**found[-1], "finish": span["finish"]}
        else:
            found.append(dict(span))
    return found


def span(rows: Sequence[Spec]) -> str:
    """Return the first and last day of rows in words."""
    return f"{rows[0]['start']} to {rows[-1]['end']}" if rows else "no days"


def uncovered(rows: Sequence[Spec]) -> str:
    """Return how many rows no dataset covers, in words; empty where all are covered."""
    count = sum(not r["covered"] for r in rows)
    return f" {count} of {len(rows)} periods are not covered by any dataset." if count else ""
