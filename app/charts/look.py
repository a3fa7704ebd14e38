"""How charts look: readable in grey, by lightness, shape and place, never by hue alone. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FOR, AGAINST, OTHER, EDGE = "#5899cc", "#6b2a0a", "#e0e0e0", "#666666"
"""Cooperation is lighter and above, conflict dark and below, each at 3 : 1 from the other and from
the ground; what is neither is lightest, with an edge."""
LINE, BAND, HOLE, INK = "#1f3b57", "#b9cfe2", "#ececec", "#333333"
WIDTH = 720
"""Pixels of a drawing from edge to edge, unless another width is asked for."""
LETTER = 7.2
"""Pixels of a letter of a label in the widest font that a reader may have in place of ours."""
WIDER = 1.12
"""How much wider a text may come out in another font than ours."""
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


def titled(spec: Spec, title: str, told: str, width: int, meta: Spec | None = None) -> Spec:
    """A whole spec: what it shows in words stands in `description`, for who cannot see it.

    The width is that of the whole drawing, with its axes and edges."""
    return {
        "$schema": SCHEMA,
        "title": {"text": title},
        "description": told,
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
"""Of what, how many, days between two, how it is written, pixels of that."""
APART = 14
"""Pixels between two labels."""
EDGES = 100
"""Pixels of a drawing that are not its days."""


def calendar(first: str, last: str, width: int) -> Spec:
    """An axis of days with as many ticks as have room, each written as short as it is exact."""
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
    """The axis of rows that run from a `start` to an `end`."""
    return calendar(rows[0]["start"], rows[-1]["end"], width) if rows else {"title": None}


def days(field: str, axis: Spec, **more: Any) -> Spec:
    """A channel of days, all over the world the same."""
    scale = {"type": "utc", **more.pop("scale", {})}
    return {"field": field, "type": "temporal", "scale": scale, "axis": axis, **more}


def labels(texts: Sequence[str], most: int) -> Spec:
    """An axis of names with room for the longest, in whichever font; a longer one is cut."""
    longest = int(max((len(text) for text in texts), default=0) * LETTER)
    if longest <= most:
        return {"labelLimit": most, "minExtent": longest, "title": None}
    return {"labelLimit": int(most / WIDER), "minExtent": most, "title": None}


def number(field: str, title: str | None, **more: Any) -> Spec:
    """A channel of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def name(field: str, title: str | None, **more: Any) -> Spec:
    """A channel of names."""
    return {"field": field, "type": "nominal", "title": title, **more}


def after(day: str) -> str:
    """The day after, at whose beginning a bar ends; the last of the calendar has none."""
    last = date.fromisoformat(day)
    return day if last == date.max else (last + timedelta(days=1)).isoformat()


def holes(rows: Sequence[Spec], height: int, axis: Spec, width: int) -> list[Spec]:
    """Where nothing is covered: a grey ground with a broken edge, so that it is no zero."""
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
"""Pixels of a hole that has room for its name; a narrower one is told apart by its ground."""


def nothing(why: str) -> Spec:
    """A drawing of nothing: no axes that would look like zeros, but words."""
    return {
        "height": 40,
        "data": {"values": [{"why": why}]},
        "mark": {"type": "text", "align": "left", "color": INK, "fontSize": 13},
        "encoding": {"text": name("why", None), "x": {"value": 8}},
    }


def length(first: str, last: str) -> int:
    """Days from one to another."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def joined(spans: Sequence[Spec]) -> list[Spec]:
    """Spans that touch as one."""
    found: list[Spec] = []
    for span in spans:
        if found and found[-1]["finish"] == span["start"]:
            found[-1] = {**found[-1], "finish": span["finish"]}
        else:
            found.append(dict(span))
    return found


def span(rows: Sequence[Spec]) -> str:
    """The days that rows run over, in words."""
    return f"{rows[0]['start']} to {rows[-1]['end']}" if rows else "no days"


def uncovered(rows: Sequence[Spec]) -> str:
    """How much of it nobody covers, in words; empty where all is covered."""
    count = sum(not r["covered"] for r in rows)
    return f" {count} of {len(rows)} stretches are not covered by any dataset." if count else ""
