"""Mark shifts on a curve: where each break may lie, where most likely, and what it was. Pure."""

from app.charts.shifts import VERDICT_WORDS, tabulate_shifts, write_onset_range
from app.charts.vega_lite import (
    BREAK,
    EDGE_WIDTH,
    INK,
    VegaSpec,
    bar_end,
    day_channel,
    find_day,
    find_pixel,
    name_channel,
)

MARKED_VERDICTS = ("strong", "shift", "weak", "watch")
MARK_LINE, MARK_LINES, MARK_LETTER = 14, 2, 6.6
"""Pixels of a line of labels above the plot, the number of lines, and pixels of a letter."""
MARK_HEIGHT = MARK_LINE * MARK_LINES
"""Pixels above the plot, also where no shift is marked: plots side by side are at one height."""


def select_marked_shifts(shifts: list[VegaSpec]) -> list[VegaSpec]:
    """Select the rows with a dated shift; rows that report no evidence are left out."""
    return [s for s in shifts if s["onset"] and s["verdict"] in MARKED_VERDICTS]


def describe_marks(shifts: list[VegaSpec]) -> str:
    """Describe the marked shifts in words; empty where there is none."""
    return "".join(
        f" A shift {s['direction']}, {write_onset_range(s)} ({VERDICT_WORDS[str(s['verdict'])]})."
        for s in tabulate_shifts({"data": select_marked_shifts(shifts)})
    )


def draw_shift_marks(
    shifts: list[VegaSpec], axis: VegaSpec, height: int, days: tuple[str, str], width: int
) -> list[VegaSpec]:
    """Draw a band for each range in which a break may lie, a line where most likely, a label."""
    marked = sorted(select_marked_shifts(shifts), key=lambda s: str(s["onset"]))
    marked = [s for s in marked if days[0] <= _write_day(s["onset"]) < days[1]]
    if not marked:
        return []
    bands = [
        {"from": max(span["start"], days[0]), "to": min(bar_end(span["end"]), days[1])}
        for s in marked
        for span in s["onset_set"]
        if span["start"] < days[1] and span["end"] >= days[0]
    ]
    onsets = [
        {
            "onset": _write_day(s["onset"]),
            "label": label_mark(s),
            "short": label_mark(s).partition(",")[0],
            "sentence": s["sentence"],
        }
        for s in marked
    ]
    tooltip = [{"field": n} for n in ("label", "sentence")]
    return [
        {
            "data": {"values": bands},
            "mark": {"type": "rect", "color": BREAK, "opacity": 0.13},
            "encoding": {
                "x": day_channel("from", axis),
                "x2": {"field": "to"},
                "y": {"value": 0},
                "y2": {"value": height},
            },
        },
        {
            "data": {"values": onsets},
            "mark": {"type": "rule", "color": BREAK, "strokeWidth": 2, "strokeDash": [6, 3]},
            "encoding": {"x": day_channel("onset", axis), "tooltip": tooltip},
        },
        *_draw_labels(onsets, axis, days, width),
    ]


def label_mark(shift: VegaSpec) -> str:
    """Return the label of a marked shift: its range, direction and verdict."""
    [row] = tabulate_shifts({"data": [shift]})
    return f"{write_onset_range(row)}: {row['direction']}, {VERDICT_WORDS[str(row['verdict'])]}"


def _draw_labels(
    onsets: list[VegaSpec], axis: VegaSpec, days: tuple[str, str], width: int
) -> list[VegaSpec]:
    """Draw each label in the first line where it is free; those without room are counted."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(MARK_LINES)]
    lines: list[list[VegaSpec]] = [[] for _ in range(MARK_LINES)]
    left_out, room = 0, width - EDGE_WIDTH
    for onset in onsets:
        if len(onset["label"]) * MARK_LETTER > room:
            onset = {**onset, "label": onset["short"]}
        half = len(onset["label"]) * MARK_LETTER / 2
        at = min(max(find_pixel(onset["onset"], days, room), half), max(room - half, half))
        box = (at - half - 4, at + half + 4)
        free = (n for n, row in enumerate(taken) if all(b < box[0] or a > box[1] for a, b in row))
        line = next(free, None)
        if line is None:
            left_out += 1
            continue
        taken[line].append(box)
        lines[line].append({**onset, "at": find_day(at, days, room)})
    if left_out:
        lines[-1][-1]["label"] += f" +{left_out}"
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "text", "baseline": "bottom", "color": INK, "fontSize": 12},
            "encoding": {
                "x": day_channel("at", axis),
                "y": {"value": -4 - MARK_LINE * line},
                "text": name_channel("label", None),
            },
        }
        for line, rows in enumerate(lines)
        if rows
    ]


def _write_day(onset: object) -> str:
    """Write the first day of an onset, which is a month or a day."""
    return f"{onset}-01"[:10]
