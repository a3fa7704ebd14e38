"""Draw a ranking of shifts: the levels before and after each, and when it happened. Pure."""

from typing import Any

from app.charts.look import INK, LINE, WIDTH, Spec, labels, name, nothing, number, titled

COLUMNS = (
    "actor", "toward", "against", "onset", "direction", "before", "after", "magnitude", "p", "q",
    "verdict", "robust", "provisional", "id",
)  # fmt: skip

TOP = "Shifts of alignment"
TITLE = ["alignment", "(−1 against … +1 for)"]
AXIS: Spec = {
    "values": [-1, -0.5, 0, 0.5, 1], "format": "+.1f", "title": TITLE, "labelOverlap": "greedy",
    "labelSeparation": 8,
}  # fmt: skip


def table(body: Spec) -> list[dict[str, Any]]:
    """Tabulate the shifts; a level is shown as its index."""
    return [{n: _cell(shift.get(n)) for n in COLUMNS} for shift in body["data"]]


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return value["index"]
    return "; ".join(value) if isinstance(value, list) else value


def spec(body: Spec, width: int = WIDTH) -> Spec:
    """Draw the chart of `/v1/shifts`: a line from before to after, most important shift first."""
    rows = [
        {**row, "label": label(row)}
        for row in table(body)
        if row["before"] is not None and row["after"] is not None
    ]
    if not rows:
        bare = nothing("no shift to draw")
        return titled(bare, TOP, told(body), width, body.get("meta"))
    names = [row["label"] for row in rows]
    ends = [{**row, "end": end, "index": row[end]} for row in rows for end in ("before", "after")]
    y = name("label", None, sort=None, axis=labels(names, min(320, width // 2)))
    scale = {"domain": [-1, 1]}
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "color": LINE, "strokeWidth": 2},
            "encoding": {
                "x": number("before", None, scale=scale, axis=AXIS),
                "x2": {"field": "after"},
                "y": y,
            },
        },
        {
            "data": {"values": ends},
            "mark": {"type": "point", "size": 90, "color": LINE, "fill": "white", "opacity": 1},
            "encoding": {
                "x": number("index", None, scale=scale, axis=AXIS),
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
    whole = {"height": {"step": 28}, "layer": layers}
    return titled(whole, TOP, told(body), width, body.get("meta"))


def label(row: dict[str, Any]) -> str:
    """Return the label of a shift: the actors, the month and the verdict."""
    tail = f" against {row['against']}" if row["against"] else ""
    when = row["onset"] or "undated"
    return f"{row['actor']} toward {row['toward']}{tail}, {when} ({row['verdict']})"


def told(body: Spec) -> str:
    """Describe the chart in words."""
    rows = table(body)
    if not rows:
        return "No shift was found."
    described = [
        label(row)
        + ("" if row["before"] is None else f": {row['before']:+.2f} to {row['after']:+.2f}")
        for row in rows[:5]
        if row["after"] is not None or row["before"] is None
    ]
    count = f"{len(rows)} shifts, most important first" if len(rows) > 1 else "1 shift"
    return f"{count}. {'; '.join(described)}."
