"""How charts look: readable in grey, by lightness, shape and place, never by hue alone. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FOR, AGAINST, OTHER = "#7fb2d8", "#8c3b12", "#b5b5b5"
"""Cooperation is light and above, conflict dark and below: two thirds apart in lightness."""
LINE, BAND, HOLE, INK = "#1f3b57", "#b9cfe2", "#ececec", "#333333"
CONFIG: Spec = {
    "font": "Helvetica, Arial, sans-serif",
    "background": "white",
    "view": {"stroke": "#cccccc"},
    "axis": {"labelColor": INK, "titleColor": INK, "gridColor": "#e6e6e6", "labelFontSize": 11},
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 11},
    "title": {"color": INK, "anchor": "start", "fontSize": 14, "subtitleColor": "#555555"},
}


def titled(spec: Spec, title: str, told: str, meta: Spec | None = None) -> Spec:
    """A whole spec: what it shows in words stands in `description`, for who cannot see it."""
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": ""},
        "description": told,
        "config": CONFIG,
        "usermeta": {"entente": meta or {}},
        **spec,
    }


def days(field: str, title: str | None = None, **more: Any) -> Spec:
    """A channel of days, all over the world the same."""
    axis = {
        "format": "%Y-%m-%d", "labelOverlap": "greedy", "labelSeparation": 12, "title": title,
    }  # fmt: skip
    scale = {"type": "utc", **more.pop("scale", {})}
    return {"field": field, "type": "temporal", "scale": scale, "axis": axis, **more}


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


def holes(rows: Sequence[Spec], height: int) -> list[Spec]:
    """Where nothing is covered: a grey ground with a broken edge, so that it is no zero."""
    bare = [
        {"start": r["start"], "finish": after(r["end"]), "why": "not covered"}
        for r in rows
        if not r["covered"]
    ]
    if not bare:
        return []
    return [
        {
            "data": {"values": joined(bare)},
            "mark": {
                "type": "rect",
                "color": HOLE,
                "stroke": "#999999",
                "strokeDash": [3, 3],
                "description": "not covered by any dataset",
            },
            "encoding": {
                "x": days("start"),
                "x2": {"field": "finish"},
                "y": {"value": 0},
                "y2": {"value": height},
                "tooltip": [{"field": "why", "title": "these days"}],
            },
        },
        {
            "data": {"values": joined(bare)},
            "mark": {
                "type": "text", "align": "left", "baseline": "top", "dx": 4, "dy": 4,
                "color": "#666666", "fontSize": 10, "limit": 90,
            },
            "encoding": {"x": days("start"), "y": {"value": 0}, "text": name("why", None)},
        },
    ]  # fmt: skip


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
