"""How certain a shift is: its robustness and its verdict. Pure arithmetic."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from app.shifts.statistics import changepoints, index, null_model, permutation
from app.shifts.statistics.detection import MIN_EFFECTIVE_PER_SIDE, ShiftFinding
from app.shifts.statistics.index import fade_masses, index_value
from app.shifts.statistics.levels import measure_level, measure_levels
from app.shifts.statistics.null_model import KEDS_NULL, NullModel
from app.shifts.statistics.scan_rows import (
    ScanRows,
    count_event_days,
    effective_month_mass,
    rows_for_method,
    rows_of_level,
)
from app.shifts.statistics.sums import DaySeries, Floats, month_number, sum_by_month

Verdict = Literal[
    "strong", "shift", "weak", "watch", "steady", "no_evidence", "insufficient_data"
]  # fmt: skip
Check = Literal["months", "publisher", "places", "days", "within_publishers"]
"""What a change must hold without, or within."""
STRENGTH: dict[Verdict, int] = {"strong": 4, "shift": 3, "weak": 2, "watch": 1}
"""Order of the verdicts that claim a change; the others claim none."""
WATCH_GAP = 1.4
"""Distance between the fast and the slow index, in standard errors, that is worth watching.

In one of twenty decades without a change it is ever exceeded, at low and at high volume.
"""
MAX_CHECKED_P = 0.05
"""Highest p of a finding that is checked further: q is never lower."""
MIN_SIZE, MIN_STRONG_SIZE = 0.3, 0.6
"""Least change of the index of a shift and of a strong one."""
MAX_STEADY_P, MAX_STEADY_HALF_WIDTH = 0.2, 0.3
"""Least p of every cut of a steady level, and the widest half of its interval."""
MIN_BASELINE_DAYS = 365
"""Least days from the first to the last act; within less, nothing is a baseline for the rest."""
CARRIER_SHARE = 0.5
"""Share of a change from which on members of a group carry it."""
FEW_CARRIERS = 3
"""Most members that carry a change together where their group has no part in it."""
OWN_SHARE = 0.1
"""Share of a change from which on the groups themselves have a part in it."""
MIN_DROPPED_DAYS = 2
"""Least event-days that are left out where all rests on one publisher."""


@dataclass(frozen=True, slots=True)
class CarrierShare:
    """How much of a change is what passed with one partner, of those that count for the sides."""

    actor: str
    share: float


@dataclass(frozen=True, slots=True)
class GroupPart:
    """Which part the groups of a question and their members have in a finding."""

    own: float
    """Share of what passed with the groups themselves, and others that are named."""
    acted: int
    """Members with which something passed, for a change in its direction."""
    members: int
    """Members that counted on its days."""
    all_recorded: bool
    """Whether all members of the groups are recorded."""
    leading: tuple[str, float] | None
    """The member with most of a level, and its share; None for a change, which has carriers."""

    @property
    def is_led(self) -> bool:
        """Whether one member of several has half of a level or more."""
        return self.leading is not None and self.members > 1 and self.leading[1] >= CARRIER_SHARE

    @property
    def says_nothing(self) -> bool:
        """Whether a finding says nothing about a group (decision 055).

        The groups have next to no part in it, and not most of their members have one.
        """
        most = self.all_recorded and 2 * self.acted >= self.members
        return self.own < OWN_SHARE and (not most or self.is_led)


@dataclass(frozen=True, slots=True)
class FindingChecks:
    """What the signals behind a finding say about it; stored as JSON with every dyad."""

    failed: tuple[Check, ...]
    single_publisher: str | None
    """The publisher on which all rests, if it is one."""
    within_publishers: float | None
    """Share of the change that holds within publishers; None where they are not known."""
    stated_share: float
    """Share of the supporting evidence whose scores an analyst stated."""
    without_stated: Verdict | None
    """The verdict without stated signals; None where there are none."""
    left_without_stated: float | None
    """The change that is left without stated signals."""
    carried_by: tuple[CarrierShare, ...]
    """Partners and their shares, where members of a group count."""
    without_carrier: Verdict | None
    """What is left where one member or a few carry most of a change: the verdict without them.

    For one member it is the weaker of that and the verdict of the groups alone. None if none do.
    """
    part: GroupPart | None = None
    """None where no members of a group count."""

    @property
    def robust(self) -> bool:
        """Whether the change holds in every check."""
        return not self.failed


def list_carriers(carried: Sequence[CarrierShare], named: Collection[str]) -> list[CarrierShare]:
    """List the member that carries most of a change, or the two or three that do together.

    Several do only where the groups, which are `named` with all sides, have no part in it: what
    three of thirty did in matters of another group is no move toward this one. Empty if none do.
    """
    if not carried or carried[0].actor in named:
        return []
    own = sum(one.share for one in carried if one.actor in named)
    found, share = [], 0.0
    for one in carried[: FEW_CARRIERS if own < OWN_SHARE else 1]:
        if one.actor not in named:
            found.append(one)
            share += one.share
        if share >= CARRIER_SHARE:
            return found
    return []


def complete_findings(
    found: Sequence[ShiftFinding],
    days: DaySeries,
    share: float = 0.5,
    scanned: ScanRows | None = None,
) -> list[ShiftFinding]:
    """Add what depends on the whole series: what is steady, worth watching, or not datable.

    A single candidate that chance explains, where the level is known, gives way to that level.
    `scanned` are the rows of the days that were tested, where the caller has them.
    """
    if not len(days):
        return [replace(one, datable=False) for one in found]
    completed = [
        replace(one, datable=one.enough or (_is_long(days) and is_datable(one, days, scanned)))
        for one in found
    ]
    one = completed[-1]
    certain = one.enough and one.p <= MAX_CHECKED_P
    if not certain and is_watched(days, share, scanned):
        one = replace(one, watched=True)
    elif len(completed) == 1 and one.datable and not (one.enough and one.p <= MAX_STEADY_P):
        rows = scanned or rows_of_level(days)
        level = measure_level(rows.mass, share)
        if (level.high - level.low) / 2 <= MAX_STEADY_HALF_WIDTH:
            p = one.p if one.enough else 1.0  # what leaves too little on a side is no test
            one = ShiftFinding(
                rows.method, None, (), None, None, level, one.llr, p, enough=True, provisional=True
            )
    return [*completed[:-1], one]


def _is_long(days: DaySeries) -> bool:
    """Whether the days are more than an episode, of which nothing is a baseline for the rest."""
    return bool(days.day[-1] - days.day[0] >= np.timedelta64(MIN_BASELINE_DAYS, "D"))


def is_datable(finding: ShiftFinding, days: DaySeries, scanned: ScanRows | None = None) -> bool:
    """Whether any date leaves enough effective observations on both sides."""
    if not len(days):
        return False
    same = scanned is not None and scanned.method == finding.method
    rows = scanned if scanned is not None and same else rows_for_method(finding.method, days)
    before = rows.tested.sum(1).cumsum()
    after = before[-1] - before
    enough = (before >= MIN_EFFECTIVE_PER_SIDE) & (after >= MIN_EFFECTIVE_PER_SIDE)
    return bool(enough.any())


def change_persists(
    finding: ShiftFinding, days: DaySeries, null: NullModel = KEDS_NULL, limit: float = 0.1
) -> bool:
    """Check whether the change persists, in the same direction, in the days that are left."""
    if count_event_days(days) < 2:
        return False
    rows = rows_for_method(finding.method, days)
    least = changepoints.CONFIRMED if rows.is_monthly else 1
    gain = changepoints.split_gains(rows.tested, least)
    if not np.isfinite(gain.max()):
        return False
    at = int(gain.argmax())
    p = (
        null_model.closed_form_p(float(gain[at]), len(rows.when), float(rows.tested.sum()), null)
        if rows.is_monthly
        else permutation.permutation_p(rows.tested, 1, 1, 199, 199)
    )
    before, after = measure_levels([rows.mass[:at], rows.mass[at:]])
    return p < limit and (after.index - before.index) * finding.change > 0


def drop_influential_months(finding: ShiftFinding, days: DaySeries) -> DaySeries:
    """Return the days without the two months that support the change most."""
    rows = rows_for_method(finding.method, days)
    month = month_number(rows.when)
    least = changepoints.CONFIRMED if rows.is_monthly else 1
    influential = changepoints.most_influential_groups(rows.tested, least, month)
    left = ~np.isin(month_number(days.day), influential)
    return DaySeries(days.day[left], days.n[left], days.mass[left], days.classes[left])


def drop_influential_days(finding: ShiftFinding, days: DaySeries) -> DaySeries:
    """Return the days without the tenth of the event-days that supports the change most.

    At least two are dropped. A day supports a change by its mass in the direction of it after the
    onset, and against it before.
    """
    assert finding.span is not None
    after = days.day >= np.datetime64(finding.span[1])
    friendly = after == (finding.change > 0)
    support = np.where(friendly, days.mass[:, 0], days.mass[:, 1])
    count = max(MIN_DROPPED_DAYS, count_event_days(days) // 10)
    left = np.ones(len(days), bool)
    left[np.argsort(-support, kind="stable")[:count]] = False
    return DaySeries(days.day[left], days.n[left], days.mass[left], days.classes[left])


def decide_verdict(
    finding: ShiftFinding, q: float, checks: FindingChecks | None, part: GroupPart | None = None
) -> Verdict:
    """Decide the verdict of a finding; `checks` is None where its p is too high for any claim.

    `part` is that of the groups where there are no checks.
    """
    if not finding.datable:
        return "insufficient_data"
    part = checks.part if checks else part
    if part is not None and part.says_nothing:
        return "no_evidence"
    found: Verdict = "no_evidence"
    if finding.enough and q <= 0.05 and finding.span is not None:
        robust, size = checks is not None and checks.robust, abs(finding.change)
        if robust and q <= 0.01 and size >= MIN_STRONG_SIZE:
            found = "strong"
        else:
            found = "shift" if robust and size >= MIN_SIZE else "weak"
    elif finding.watched:
        found = "watch"
    elif finding.enough and finding.span is None:
        found = "steady"
    return _cap_verdict(found, checks)


def _cap_verdict(found: Verdict, checks: FindingChecks | None) -> Verdict:
    """Cap a verdict: where one member carries the change of a group, the others must bear it."""
    rest = checks.without_carrier if checks else None
    if rest is None or STRENGTH.get(rest, 0) >= STRENGTH.get(found, 0):
        return found
    return rest if rest in STRENGTH else "no_evidence"


def is_capped(finding: ShiftFinding, q: float, checks: FindingChecks | None) -> bool:
    """Whether a verdict would be stronger, if a member did not carry the change of its group.

    Where the group has no part in the change either, only if nothing is left without the member.
    """
    if checks is None:
        return False
    if checks.part is not None and checks.part.says_nothing and checks.without_carrier in STRENGTH:
        return False
    capped = replace(checks, part=None)
    free = replace(capped, without_carrier=None)
    return decide_verdict(finding, q, free) != decide_verdict(finding, q, capped)


def needs_checks(finding: ShiftFinding) -> bool:
    """Whether a finding is checked further, whatever the tests among which it was found."""
    return finding.enough and finding.span is not None and finding.p <= MAX_CHECKED_P


def index_gaps(effective: Floats, share: float = 0.5) -> Floats:
    """Compute how many standard errors the fast index (6 months) is from the slow one (36).

    `effective` is (months, 2): the effective observations for and against of each month.
    """
    sides = [fade_masses(effective, half_life)[1:] for half_life in (6.0, 36.0)]
    masses = [side[:, 0] + side[:, 1] for side in sides]
    fast, slow = (
        index_value(side[:, 0], mass, share) for side, mass in zip(sides, masses, strict=True)
    )
    theta = (1 + slow) / 2
    spread = sum(1 / (mass + index.PRIOR + 1) for mass in masses)
    error = np.sqrt(np.maximum(theta * (1 - theta), 1e-6) * spread)
    found: Floats = (fast - slow) / 2 / error
    return found


def is_watched(days: DaySeries, share: float = 0.5, scanned: ScanRows | None = None) -> bool:
    """Whether the newest months are worth watching."""
    if not len(days):
        return False
    if scanned is not None and scanned.is_monthly:
        mass = scanned.mass
    else:
        mass = effective_month_mass(sum_by_month(days))
    return bool(abs(index_gaps(mass, share)[-1]) >= WATCH_GAP)
