"""What has to be said beside an index: how little it may rest on, and with whom it counts. Pure."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from app.db.types import NO_END_DAY
from app.reader_words import write_long_day
from app.shifts.alignment_schemas import AlignmentPoint, DirectedMover
from app.shifts.side_periods import Suspension
from app.shifts.statistics.detection import MIN_EFFECTIVE_PER_SIDE
from app.shifts.words import NAMED_MEMBERS, join_names

NAMED_SUSPENSIONS = 4
"""Most suspensions that a remark names."""


def describe_thin_record(points: Sequence[AlignmentPoint]) -> str | None:
    """Say that an index rests on too little for a level, and whether even its sign is open."""
    known = [point for point in points if point.index is not None]
    most = max((point.effective for point in known), default=MIN_EFFECTIVE_PER_SIDE)
    if most >= MIN_EFFECTIVE_PER_SIDE:
        return None
    least = math.floor(most * 10) / 10  # 3.97 is not shown as 4.0
    ends = [(point.low or 0.0, point.high or 0.0) for point in known]
    has_sign = any(low > 0 or high < 0 for low, high in ends)
    found = (
        f"The record between them is thin: in these days the index rests on {least:.1f} effective"
        f" observations at most, fewer than the {MIN_EFFECTIVE_PER_SIDE:.0f} that a level needs,"
        f" so that its size is no finding{'' if has_sign else ', nor is its sign'}."
    )
    one_sided = _describe_one_side(points)
    return f"{found} {one_sided}" if one_sided else found


def _describe_one_side(points: Sequence[AlignmentPoint]) -> str | None:
    if all(point.covered for point in points):
        return None
    friendly, hostile = any(p.positive for p in points), any(p.negative for p in points)
    if friendly == hostile:
        return None
    one, other = ("friendly", "hostile") if friendly else ("hostile", "friendly")
    return (
        f"All acts that are recorded in these days are {one}; this does not show that there was"
        f" no {other} one."
    )


def describe_uncovered_days(points: Sequence[AlignmentPoint]) -> str | None:
    """Say that no dataset covers some of the days, so that a fading index is no neutrality."""
    missing = sum(not point.covered for point in points)
    if not missing or all(point.index is None for point in points):
        return None
    where = "these days" if missing == len(points) else f"{missing} of these {len(points)} points"
    return (
        f"No dataset covers {where} for these actors: what is recorded there is a selection of"
        " acts, and where nothing is recorded the index fades to its prior because nothing is"
        " known, not because they were neutral."
    )


def describe_acts_outside(first: str, last: str) -> str:
    """Say from when to when acts are recorded, where none of them is in the days asked for."""
    ends = [write_long_day(day, monthly=True) for day in (first, last)]
    known = f"from {ends[0]} to {ends[1]}" if ends[0] != ends[1] else f"in {ends[0]}"
    return f"What is recorded between them is {known}: nothing in the days that were asked for."


def list_members_that_act(
    moved: Sequence[DirectedMover], actor: str, named: Collection[str]
) -> Counter[str]:
    """Count the signals with partners that count as members of a group, and were not named.

    Empty where those that were named have as many themselves.
    """
    of_partner: Counter[str] = Counter()
    for row in moved:
        of_partner[row.toward if row.actor == actor else row.actor] += row.n
    of_partner = +of_partner  # who acted on other days alone is not named
    own = sum(of_partner.pop(code, 0) for code in named)
    return of_partner if of_partner.total() > own else Counter()


def describe_members_that_act(
    members: Counter[str], moved: Sequence[DirectedMover], names: Mapping[str, str]
) -> str:
    """Say that most of what an index counts passed with members, and not with their group."""
    first = members.most_common(NAMED_MEMBERS)
    parts = [f"{names[code]} ({n})" for code, n in first]
    if len(members) > len(first):
        parts.append(f"{len(members) - len(first)} others")
    count, whole = members.total(), sum(row.n for row in moved)
    counted = f"of {whole} signals {count}"
    if count == whole:
        counted = {1: "the only signal", 2: "both signals"}.get(count, f"all {count} signals")
    return (
        f"Acts with members of a group count too: {counted} passed with members,"
        f" {join_names(parts)}."
    )


def describe_suspended_members(
    suspended: Sequence[Suspension], names: Mapping[str, str]
) -> list[str]:
    """Say of each group which members were suspended, and that acts with them then do not count."""
    found = []
    for group in sorted({one.group for one in suspended}):
        of_group = [one for one in suspended if one.group == group]
        of_group.sort(key=lambda one: one.since, reverse=True)
        parts = [
            f"{names[one.actor]} ({_describe_suspended_days(one)})"
            for one in of_group[:NAMED_SUSPENSIONS]
        ]
        if left := len(of_group) - len(parts):
            parts.append(f"{left} more")
        found.append(
            f"What passed with a suspended member does not count toward {names[group]}:"
            f" {join_names(parts)}."
        )
    return found


def _describe_suspended_days(one: Suspension) -> str:
    since = write_long_day(one.since)
    if one.until == NO_END_DAY:
        return f"since {since}"
    return f"{since} until {write_long_day(one.until)}"


def describe_missing_members(groups: Sequence[str], names: Mapping[str, str]) -> str | None:
    """Say of which groups only some members are recorded, so that acts of others are missing."""
    if not groups:
        return None
    return (
        f"Only some members of {join_names([names[code] for code in groups])} are recorded:"
        " acts with the others do not count."
    )
