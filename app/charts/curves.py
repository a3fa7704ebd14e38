"""Divide a curve into what may be drawn as a line: no line over a gap, none over silence. Pure."""

from itertools import groupby, pairwise

from app.charts.vega_lite import VegaSpec, bar_end, days_between

QUIET_DAYS = 182
"""Days without an act from which on a curve is dotted, at the value of the last act."""


def mark_quiet_points(points: list[VegaSpec]) -> list[VegaSpec]:
    """Mark the points in half a year or more without an act, and keep the last index in them.

    After the last act an index returns to its prior by and by: news of no act. Points that have no
    index, or one outside of its interval, are left out, as are those without an act that no dataset
    covers: acts that are recorded beside what a dataset follows are shown.
    """
    silent = _find_silent_points(points)
    found: list[VegaSpec] = []
    kept: float | None = None
    part = 0
    for at, point in enumerate(points):
        quiet = kept is not None and (at in silent or (_is_without_act(point) and _strays(point)))
        shown = {**point, "index": kept, "quiet": True} if quiet else {**point, "quiet": False}
        bare = not point["covered"] and _is_without_act(point)
        if bare or shown["index"] is None or _strays(shown):
            part, kept = part + 1, None
            continue
        kept = shown["index"]
        found.append({**shown, "part": part})
    return found


def list_line_runs(points: list[VegaSpec], *, quiet: bool) -> list[VegaSpec]:
    """List the points of the unbroken lines, those that are dotted or the others, by `run`."""
    steps = [(a, b) for a, b in pairwise(points) if a["part"] == b["part"]]
    runs = [
        list(of) for _, of in groupby(steps, key=lambda step: (step[1]["part"], step[1]["quiet"]))
    ]
    return [
        {**point, "run": number}
        for number, run in enumerate(runs)
        if run[0][1]["quiet"] is quiet
        for point in (run[0][0], *(b for _, b in run))
    ]


def count_quiet_stretches(points: list[VegaSpec]) -> int:
    """Count the stretches of marked points without an act."""
    return sum(quiet for quiet, _ in groupby(points, key=lambda point: bool(point["quiet"])))


def _is_without_act(point: VegaSpec) -> bool:
    return not (point["n"] or point.get("positive") or point.get("negative"))


def _strays(point: VegaSpec) -> bool:
    """Whether a point has an index outside of its interval."""
    return point["index"] is not None and not point["low"] <= point["index"] <= point["high"]


def _find_silent_points(points: list[VegaSpec]) -> set[int]:
    found: set[int] = set()
    for silent, stretch in groupby(range(len(points)), key=lambda at: _is_without_act(points[at])):
        places = list(stretch)
        first, last = points[places[0]], points[places[-1]]
        if silent and days_between(first["start"], bar_end(last["end"])) >= QUIET_DAYS:
            found.update(places)
    return found
