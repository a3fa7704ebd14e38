"""Draw alignment over time: the index, its interval, shifts, and gaps in coverage. Pure."""

from typing import Any

from app.charts.look import (
    AGAINST,
    BAND,
    INK,
    LINE,
    WIDTH,
    Spec,
    days,
    holes,
    name,
    nothing,
    number,
    of_rows,
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
    """Tabulate the points that the chart draws."""
    return [{name: point.get(name) for name in COLUMNS} for point in body["data"]]


def spec(body: Spec, width: int = WIDTH) -> Spec:
    """Draw the chart of `/v1/alignment`, and mark the shifts that the body contains."""
    if not body["data"]:
        bare = nothing("no days to draw")
        return titled(bare, _title(body), told(body), width, body.get("meta"))
    axis = of_rows(body["data"], width)
    points = [p for p in body["data"] if p["index"] is not None]
    parts = unbroken(body["data"])
    x = days("end", axis)
    y = number("index", TITLE, scale=INDEX)
    layers: list[Spec] = [
        *holes(body["data"], HEIGHT, axis, width),
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
        *_marks(body.get("shifts", []), axis),
    ]
    whole = titled({"layer": layers}, _title(body), told(body), width, body.get("meta"))
    whole["height"] = HEIGHT
    if marked := found(body.get("shifts", [])):
        whole["title"]["offset"] = 8 + LINE_OF_MARKS * min(LEVELS, len(marked))
    return whole


def unbroken(points: list[Spec]) -> list[Spec]:
    """Number the unbroken runs of points, so that no line or area is drawn over a gap."""
    found, part = [], 0
    for point in points:
        if not point["covered"] or point["index"] is None:
            part += 1
            continue
        found.append({**point, "part": part})
    return found


def found(shifts: list[Spec]) -> list[Spec]:
    """Select the rows with a dated shift; rows that report no evidence are left out."""
    return [s for s in shifts if s["onset"] and s["verdict"] in ("strong", "shift", "watch")]


LEVELS, LINE_OF_MARKS = 2, 14
"""Lines above the plot that the labels of shifts take turns in, and pixels of one."""


def _marks(shifts: list[Spec], axis: Spec) -> list[Spec]:
    dated = [
        {
            "onset": (s["onset"] + "-01")[:10],
            "label": f"{s['onset']} {s['direction']}, {s['verdict']}",
            **_tip(s),
        }
        for s in sorted(found(shifts), key=lambda s: str(s["onset"]))
    ]
    if not dated:
        return []
    x = days("onset", axis)
    rules: Spec = {
        "data": {"values": dated},
        "mark": {"type": "rule", "color": AGAINST, "strokeWidth": 2, "strokeDash": [6, 3]},
        "encoding": {
            "x": x,
            "tooltip": [{"field": n} for n in ("onset", "label", "magnitude")],
        },
    }
    return [rules] + [
        {
            "data": {"values": dated[level::LEVELS]},
            "mark": {"type": "text", "baseline": "bottom", "color": INK, "fontSize": 12},
            "encoding": {
                "x": x,
                "y": {"value": -4 - LINE_OF_MARKS * level},
                "text": name("label", None),
            },
        }
        for level in range(min(LEVELS, len(dated)))
    ]


def _tip(shift: Spec) -> Spec:
    return {n: shift.get(n) for n in ("id", "magnitude")}


def _title(body: Spec) -> str:
    meta = body.get("meta", {})
    toward, against = (" + ".join(meta.get(side, [])) for side in ("toward", "against"))
    tail = f", against {against}" if against else ""
    return f"{meta.get('actor', '')} toward {toward}{tail}" if toward else "Alignment"


def told(body: Spec) -> str:
    """Describe the chart in words."""
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
