"""Shifts ranked: from where to where each went, and when. Pure."""

from typing import Any

from app.charts.look import INK, LINE, Spec, name, number, titled

COLUMNS = (
    "actor", "toward", "against", "onset", "direction", "before", "after", "magnitude", "p", "q",
    "verdict", "robust", "provisional", "id",
)  # fmt: skip

TITLE = "alignment (−1 against … +1 for)"


def table(body: Spec) -> list[dict[str, Any]]:
    """What is drawn, a row a shift; levels are their index."""
    return [{n: _cell(shift.get(n)) for n in COLUMNS} for shift in body["data"]]


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return value["index"]
    return "; ".join(value) if isinstance(value, list) else value


def spec(body: Spec) -> Spec:
    """The chart of `/v1/shifts`: an arrow from before to after, most important first."""
    rows = [
        {**row, "label": label(row)}
        for row in table(body)
        if row["before"] is not None and row["after"] is not None
    ]
    ends = [{**row, "end": end, "index": row[end]} for row in rows for end in ("before", "after")]
    y = name("label", None, sort=None, axis={"labelLimit": 260})
    scale = {"domain": [-1, 1]}
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "color": LINE, "strokeWidth": 2},
            "encoding": {
                "x": number("before", TITLE, scale=scale),
                "x2": {"field": "after"},
                "y": y,
            },
        },
        {
            "data": {"values": ends},
            "mark": {"type": "point", "size": 90, "color": LINE, "fill": "white"},
            "encoding": {
                "x": number("index", TITLE, scale=scale),
                "y": y,
                "shape": name(
                    "end", None,
                    scale={"domain": ["before", "after"], "range": ["circle", "diamond"]},
                    legend={"orient": "top"},
                ),
                "fill": name(
                    "end", None,
                    scale={"domain": ["before", "after"], "range": ["white", INK]},
                    legend=None,
                ),
                "tooltip": [{"field": n} for n in ("label", "onset", "before", "after", "q")],
            },
        },
    ]  # fmt: skip
    whole = {"width": 420, "height": {"step": 26}, "layer": layers}
    return titled(whole, "Shifts of alignment", told(body), body.get("meta"))


def label(row: dict[str, Any]) -> str:
    """Who, toward whom, and when."""
    tail = f" against {row['against']}" if row["against"] else ""
    when = row["onset"] or "undated"
    return f"{row['actor']} toward {row['toward']}{tail}, {when} ({row['verdict']})"


def told(body: Spec) -> str:
    """The chart in words."""
    rows = table(body)
    if not rows:
        return "No shift was found."
    told_rows = [
        label(row)
        + ("" if row["before"] is None else f": {row['before']:+.2f} to {row['after']:+.2f}")
        for row in rows[:5]
        if row["after"] is not None or row["before"] is None
    ]
    return f"{len(rows)} shifts, most important first. {'; '.join(told_rows)}."
