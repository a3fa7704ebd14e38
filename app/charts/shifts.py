"""Draw a ranking of shifts: the levels before and after each, and when it happened. Pure."""

from collections.abc import Mapping, Sequence

from app.charts.subjects import compose_shift_subject
from app.charts.vega_lite import (
    INK,
    LINE,
    WIDTH,
    VegaSpec,
    build_label_axis,
    complete_spec,
    draw_message,
    name_channel,
    number_channel,
)
from app.reader_words import write_short_range, write_signed

COLUMNS = (
    "actor", "toward", "against", "onset", "direction", "before", "after", "magnitude", "p", "q",
    "verdict", "robust", "provisional", "id", "onset_from", "onset_to", "sentence",
)  # fmt: skip

VERDICT_WORDS = {
    "strong": "strong evidence",
    "shift": "a shift",
    "weak": "weak signs",
    "watch": "worth watching",
    "steady": "steady",
    "no_evidence": "no evidence of a shift",
    "insufficient_data": "too little to tell",
}
MAX_NAME = 24
"""Letters of a name; actors with a longer one go by their code."""
BREAK_OF_LABEL = "|"
TITLE = ["alignment", "(−1 against … +1 for)"]
AXIS: VegaSpec = {
    "values": [-1, -0.5, 0, 0.5, 1], "format": "+.1f", "title": TITLE, "labelOverlap": "greedy",
    "labelSeparation": 8,
}  # fmt: skip


def tabulate_shifts(body: VegaSpec) -> list[dict[str, object]]:
    """Tabulate the shifts; a level is shown as its index."""
    return [
        {n: _flatten_cell({**shift, **_find_onset_ends(shift)}.get(n)) for n in COLUMNS}
        for shift in body["data"]
    ]


def _find_onset_ends(shift: VegaSpec) -> dict[str, str | None]:
    """Find the first and the last day of the onset set."""
    ranges = shift.get("onset_set") or [{"start": None, "end": None}]
    return {"onset_from": ranges[0]["start"], "onset_to": ranges[-1]["end"]}


def write_onset_range(shift: Mapping[str, object]) -> str:
    """Write the range of an onset, in months where the onset is a month."""
    onset, ends = str(shift["onset"] or ""), (shift.get("onset_from"), shift.get("onset_to"))
    days = [str(day)[: len(onset)] for day in ends if day] or [onset]
    return write_short_range(days[0], days[-1]) if onset else "undated"


def _flatten_cell(value: object) -> object:
    if isinstance(value, dict):
        return value["index"]
    return "; ".join(value) if isinstance(value, list) else value


def draw_shifts(body: VegaSpec, width: int = WIDTH) -> VegaSpec:
    """Draw the chart of `/v1/shifts`: a line from before to after, most important shift first."""
    dated = [
        row
        for row in tabulate_shifts(body)
        if row["before"] is not None and row["after"] is not None
    ]
    title = compose_shift_subject(body)
    names = [BREAK_OF_LABEL.join(lines) for lines in label_rows(body, dated)]
    rows = [{**row, "label": name} for row, name in zip(dated, names, strict=True)]
    if not rows:
        bare = draw_message("no shift to draw")
        return complete_spec(bare, title, describe_shifts(body), width, body)
    ends = [{**row, "end": end, "index": row[end]} for row in rows for end in ("before", "after")]
    lines = [line for name in names for line in name.split(BREAK_OF_LABEL)]
    axis = build_label_axis(lines, min(320, width // 2))
    axis |= {"labelExpr": f"split(datum.label, '{BREAK_OF_LABEL}')", "labelLineHeight": 14}
    y = name_channel("label", None, sort=None, axis=axis)
    scale = {"domain": [-1, 1]}
    layers: list[VegaSpec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "color": LINE, "strokeWidth": 2},
            "encoding": {
                "x": number_channel("before", None, scale=scale, axis=AXIS),
                "x2": {"field": "after"},
                "y": y,
            },
        },
        {
            "data": {"values": ends},
            "mark": {"type": "point", "size": 90, "color": LINE, "fill": "white", "opacity": 1},
            "encoding": {
                "x": number_channel("index", None, scale=scale, axis=AXIS),
                "y": y,
                "shape": name_channel(
                    "end", None,
                    scale={"domain": ["before", "after"], "range": ["circle", "diamond"]},
                    legend={"orient": "top"},
                ),
                "fill": name_channel(
                    "end", None,
                    scale={"domain": ["before", "after"], "range": ["white", INK]},
                    legend=None,
                ),
                "tooltip": [{"field": n} for n in ("label", "sentence", "before", "after", "q")],
            },
        },
    ]  # fmt: skip
    whole = {"height": {"step": 38}, "layer": layers}
    return complete_spec(whole, title, describe_shifts(body), width, body)


def label_rows(body: VegaSpec, rows: Sequence[Mapping[str, object]]) -> list[tuple[str, str]]:
    """Label shifts in two lines: between whom, and when with the verdict.

    Where all are of one actor, which the title names, the first line is the other side.
    """
    names, actors = body.get("names", {}), {row["actor"] for row in rows}
    found = []
    for row in rows:
        toward, against = (
            ", ".join(_name_shortly(code, names) for code in str(row[side] or "").split("; "))
            for side in ("toward", "against")
        )
        who = "" if len(actors) == 1 and names else f"{_name_shortly(row['actor'], names)} – "
        tail = f" against {against}" if against else ""
        verdict = VERDICT_WORDS.get(str(row["verdict"]), str(row["verdict"]))
        found.append((f"{who}{toward}{tail}", f"{write_onset_range(row)}: {verdict}"))
    return found


def _name_shortly(code: object, names: Mapping[str, str]) -> str:
    """Return the name of an actor, or its code where the name is long."""
    name = names.get(str(code), str(code))
    return name if len(name) <= MAX_NAME else str(code)


def describe_shifts(body: VegaSpec) -> str:
    """Describe the chart in words."""
    rows = tabulate_shifts(body)
    if not rows:
        return "No shift was found."
    described = [
        ", ".join(lines) + _write_levels(row["before"], row["after"])
        for row, lines in zip(rows[:5], label_rows(body, rows), strict=False)
        if row["after"] is not None or row["before"] is None
    ]
    count = f"{len(rows)} shifts, most important first" if len(rows) > 1 else "1 shift"
    return f"{count}. {'; '.join(described)}."


def _write_levels(before: object, after: object) -> str:
    if not isinstance(before, float | int) or not isinstance(after, float | int):
        return ""
    return f": {write_signed(before)} to {write_signed(after)}"
