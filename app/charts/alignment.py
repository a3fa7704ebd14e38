"""Alignment over time: the index, its interval, shifts marked, holes as holes. Pure."""

from typing import Any

from app.charts.look import (
    AGAINST,
    BAND,
    LINE,
    Spec,
    days,
    holes,
    name,
    number,
    span,
    titled,
    uncovered,
)

HEIGHT = 260
COLUMNS = (
    "start", "end", "index", "low", "high", "n", "positive", "negative", "effective", "sources",
    "covered",
)  # fmt: skip
TITLE = "alignment (−1 against … +1 for)"
INDEX: Spec = {"domain": [-1, 1]}


def table(body: Spec) -> list[dict[str, Any]]:
    """What is drawn, a row a point."""
    return [{name: point.get(name) for name in COLUMNS} for point in body["data"]]


def spec(body: Spec) -> Spec:
    """The chart of `/v1/alignment`; shifts, where the body has some, are marked."""
    points = [p for p in body["data"] if p["index"] is not None]
    parts = unbroken(body["data"])
    x = days("end")
    y = number("index", TITLE, scale=INDEX)
    layers: list[Spec] = [
        *holes(body["data"], HEIGHT),
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
                "y": number("low", TITLE, scale=INDEX),
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
                "size": number("n", "signals", scale={"range": [8, 120]}, legend=None),
                "tooltip": [{"field": n} for n in ("start", "end", "index", "low", "high", "n")],
            },
        },
        *_marks(body.get("shifts", [])),
    ]
    whole = {"width": 640, "height": HEIGHT, "layer": layers}
    return titled(whole, _title(body), told(body), body.get("meta"))


def unbroken(points: list[Spec]) -> list[Spec]:
    """Points with the number of the stretch they are in: a hole parts two stretches."""
    found, part = [], 0
    for point in points:
        if not point["covered"] or point["index"] is None:
            part += 1
            continue
        found.append({**point, "part": part})
    return found


def found(shifts: list[Spec]) -> list[Spec]:
    """Those that are shifts: a row that says that there is no evidence is none."""
    return [s for s in shifts if s["onset"] and s["verdict"] in ("strong", "shift", "watch")]


def _marks(shifts: list[Spec]) -> list[Spec]:
    dated = [
        {"onset": (s["onset"] + "-01")[:10], "label": s["verdict"], **_tip(s)}
        for s in found(shifts)
    ]
    if not dated:
        return []
    x = days("onset")
    return [
        {
            "data": {"values": dated},
            "mark": {"type": "rule", "color": AGAINST, "strokeWidth": 2, "strokeDash": [6, 3]},
            "encoding": {
                "x": x,
                "tooltip": [{"field": n} for n in ("onset", "label", "direction", "magnitude")],
            },
        },
        {
            "data": {"values": dated},
            "mark": {"type": "text", "angle": 270, "dx": -6, "dy": -6, "align": "right"},
            "encoding": {"x": x, "y": {"value": 0}, "text": name("label", None)},
        },
    ]


def _tip(shift: Spec) -> Spec:
    return {n: shift.get(n) for n in ("id", "direction", "magnitude")}


def _title(body: Spec) -> str:
    meta = body.get("meta", {})
    toward, against = (" + ".join(meta.get(side, [])) for side in ("toward", "against"))
    tail = f", against {against}" if against else ""
    return f"{meta.get('actor', '')} toward {toward}{tail}" if toward else "Alignment"


def told(body: Spec) -> str:
    """The chart in words."""
    points = [p for p in body["data"] if p["index"] is not None]
    if not points:
        return f"{_title(body)}: no index in this window.{uncovered(body['data'])}"
    first, last = points[0], points[-1]
    marked = found(body.get("shifts", []))
    marks = "".join(f" A shift {s['direction']} at {s['onset']} ({s['verdict']})." for s in marked)
    return (
        f"{_title(body)}, {span(body['data'])}: a line of the index with its 90 % interval, from"
        f" {first['index']:+.2f} to {last['index']:+.2f}.{marks}{uncovered(body['data'])}"
    )
