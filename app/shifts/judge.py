"""Detection: from the days of a dyad or of a tilt to its shifts, with their size and certainty.

Pure arithmetic: no database, no HTTP.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.shifts import breaks, measure
from app.shifts.breaks import KEDS, Null
from app.shifts.measure import Days, Floats, Level, Months

Method = Literal["quad_6", "mass_6", "event_days"]
Verdict = Literal["strong", "shift", "watch", "no_evidence", "insufficient_data"]
Dates = NDArray[np.datetime64]

DENSE_SIDE, DENSE = 15, 30
"""Event-days on either side, and in all, from which on months are scanned.

With fewer, single event-days are scanned.
"""
LEAST_EFFECTIVE = 4.0
"""Effective observations on either side without which no shift is claimed."""
UNDATED = 0.1
"""Highest p at which a single candidate with too little data is shown.

Above it the finding is the level of all days, without a date.
"""
SPLIT = 0.05
"""Highest p at which a stretch of event-days is split and its parts are tested in turn."""
WATCH = 1.4
"""Distance between the fast and the slow index, in standard errors, that is worth watching.

In one of twenty decades without a change it is ever exceeded, at low and at high volume.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a scan tests: months, or event-days where there are few."""

    method: Method
    when: Dates
    """First day of each row."""
    tested: Floats
    """(rows, classes): effective observations whose shares are compared."""
    mass: Floats
    """(rows, 2): effective observations for and against, from which levels are measured."""
    factor: Floats
    """(days, 2): effective observations per thousandth of mass of each day."""
    row_of_day: NDArray[np.int64]

    @property
    def monthly(self) -> bool:
        """Whether rows are months."""
        return self.method != "event_days"

    def part(self, start: int, stop: int) -> "Rows":
        """Return the rows from `start` to `stop`, exclusive."""
        if (start, stop) == (0, len(self.when)):
            return self
        inside = (self.row_of_day >= start) & (self.row_of_day < stop)
        return replace(
            self,
            when=self.when[start:stop],
            tested=self.tested[start:stop],
            mass=self.mass[start:stop],
            factor=self.factor[inside],
            row_of_day=self.row_of_day[inside] - start,
        )


def monthly(days: Days, weighed: bool) -> Rows:
    """Build monthly rows, tested by class.

    They are tested by mass where two sides are weighed or no signal has a class.
    """
    months = measure.by_month(days)
    phi = measure.dispersion(months.mass, measure.MASS_DISPERSION)
    mass = measure.saturated(months.mass, phi)
    by_class = not weighed and bool(months.classes.sum())
    tested = mass
    if by_class:
        spread = measure.dispersion(months.classes, measure.CLASS_DISPERSION)
        tested = measure.saturated(months.classes, spread)
    at = measure.month_of(days.day) - months.first
    when = np.arange(months.first, months.first + len(months)).astype("datetime64[M]")
    scale = mass.sum(1) / np.maximum(months.mass.sum(1), 1e-12) / 1000
    factor = _kept(days) * scale[at][:, None]
    method: Method = "quad_6" if by_class else "mass_6"
    return Rows(method, when.astype("datetime64[D]"), tested, mass, factor, at)


def daily(days: Days) -> Rows:
    """Build a row for each event-day, tested by mass."""
    kept = measure.capped(days)[0]
    mass = kept / 1000 / measure.DAY_DISPERSION
    factor = kept / np.maximum(days.mass, 1) / 1000 / measure.DAY_DISPERSION
    return Rows("event_days", days.day, mass, mass, factor, np.arange(len(days)))


def _kept(days: Days) -> Floats:
    """Return, for each day, the fraction of its mass that remains within the bounds of a day."""
    kept: Floats = measure.capped(days)[0] / np.maximum(days.mass, 1)
    return kept


@dataclass(frozen=True, slots=True)
class Finding:
    """A change point with its levels, or the reason for having none.

    Its fields and their names are stored as JSON with every dyad: renaming one needs a migration.
    """

    method: Method
    onset: str | None
    """A month (`1990-08`) or a day; None where no date can be claimed."""
    onset_set: tuple[tuple[str, str], ...]
    """First and last days of the stretches with 80 % of the likelihood."""
    span: tuple[str, str, str] | None
    """First day before, first day after, last day after."""
    before: Level | None
    after: Level | None
    llr: float
    p: float
    enough: bool
    provisional: bool

    @property
    def change(self) -> float:
        """Change of the index from before to after."""
        if self.before is None or self.after is None:
            return 0.0
        return self.after.index - self.before.index

    @property
    def certain(self) -> float:
        """Lower bound of the change, signed; 0 where the data guarantee none."""
        if self.before is None or self.after is None:
            return 0.0
        return measure.certain(self.before, self.after)


def findings(
    days: Days, weighed: bool, last: str, share: float = 0.5, begun: "Begun | None" = None
) -> list[Finding]:
    """Find every change point, in order.

    Without one, the only row is the best candidate or says what is missing. `last` is the last day
    on which an event could have been known; `begun` is the result of `begin_scan`, where the caller
    has it.
    """
    rows, cuts = settled(begun or begin(days, weighed))
    if not cuts:
        return [_nothing(days, share)]
    ends = [0, *cuts, len(rows.when)]
    spans = zip(ends, cuts, ends[2:], strict=False)
    found = [_finding(rows.part(a, c), b - a, last, share) for a, b, c in spans]
    undated = len(found) == 1 and not found[0].enough and found[0].p > UNDATED
    return [_nothing(days, share)] if undated else found


class Begun(NamedTuple):
    """The rows to test and their change points; None where permutations have to decide."""

    rows: Rows
    cuts: list[int] | None

    @property
    def hopeless(self) -> bool:
        """Whether no finding with enough data on both sides can result, whatever its p."""
        if not self.cuts:
            return self.cuts is not None
        alone = len(self.cuts) == 1 and not self.rows.monthly
        return alone and not _enough(self.rows, self.cuts[0])


def begin(days: Days, weighed: bool) -> Begun:
    """Do all work of `find_shifts` that comes before the permutations of event-days."""
    if len(days) < DENSE:
        return Begun(daily(days), None if len(days) > 1 else [])
    rows = monthly(days, weighed)
    cuts = _month_cuts(rows)
    return Begun(rows, cuts) if _dense(rows, cuts) else Begun(daily(days), None)


def foresee(begun: Iterable[Begun]) -> None:
    """Compute p of the event-days of many scans in one batch.

    The results are cached: each scan then finds its own there.
    """
    breaks.p_permuted_each([rows.tested for rows, cuts in begun if cuts is None], 1, 1)


def settled(begun: Begun) -> Begun:
    """Return the same scan with its change points."""
    rows, cuts = begun
    return Begun(rows, _day_cuts(rows) if cuts is None else cuts)


def _enough(rows: Rows, at: int) -> bool:
    return bool(min(rows.tested[:at].sum(), rows.tested[at:].sum()) >= LEAST_EFFECTIVE)


def _nothing(days: Days, share: float) -> Finding:
    level = measure.level(daily(days).mass, share) if len(days) else None
    return Finding("event_days", None, (), None, None, level, 0.0, 1.0, False, True)


def _dense(rows: Rows, cuts: Sequence[int]) -> bool:
    counts = np.bincount(rows.row_of_day, minlength=len(rows.when))
    ends = [0, *cuts, len(rows.when)]
    sides = [int(counts[a:b].sum()) for a, b in pairwise(ends)]
    return len(sides) > 1 and min(sides) >= DENSE_SIDE


def _month_cuts(rows: Rows) -> list[int]:
    """Find confirmed change points and a provisional one at the end, else the best candidate."""
    found = breaks.partition(rows.tested, breaks.CONFIRMED, breaks.PENALTY[breaks.CONFIRMED])
    size, start = len(rows.when), found[-1] if found else 0
    late = breaks.gains(rows.tested[start:], breaks.PROVISIONAL)
    late[: max(size - start - breaks.CONFIRMED + 1, 0)] = -np.inf
    if late.max(initial=-np.inf) >= breaks.PENALTY[breaks.PROVISIONAL]:
        found.append(start + int(late.argmax()))
    if found:
        return found
    gain = breaks.gains(rows.tested, breaks.CONFIRMED)
    return [int(gain.argmax())] if np.isfinite(gain.max()) else []


def _day_cuts(rows: Rows) -> list[int]:
    """Find the best cut, and those of its parts for as long as permutations are significant."""
    gain = breaks.gains(rows.tested, 1)
    if not np.isfinite(gain.max()):
        return []
    at = int(gain.argmax())
    if breaks.p_permuted(rows.tested, 1, 1) > SPLIT:
        return [at]
    return [*_told_apart(rows.part(0, at), 0), at, *_told_apart(rows.part(at, len(rows.when)), at)]


def _told_apart(rows: Rows, offset: int) -> list[int]:
    gain = breaks.gains(rows.tested, 1)
    if not np.isfinite(gain.max(initial=-np.inf)) or breaks.p_permuted(rows.tested, 1, 1) > SPLIT:
        return []
    at = int(gain.argmax())
    after = _told_apart(rows.part(at, len(rows.when)), offset + at)
    return [*_told_apart(rows.part(0, at), offset), offset + at, *after]


def _finding(rows: Rows, at: int, last: str, share: float, *, fixed: bool = False) -> Finding:
    size = len(rows.when)
    short = min(at, size - at) < breaks.CONFIRMED
    least = 1 if not rows.monthly else breaks.PROVISIONAL if short else breaks.CONFIRMED
    gain = breaks.gains(rows.tested, least)
    if np.isfinite(gain.max()) and not fixed:
        at = int(gain.argmax())
    llr = float(gain[at])
    p = (
        breaks.p_of_months(rows.tested, _first_month(rows), least, llr)
        if rows.monthly
        else breaks.p_permuted(rows.tested, 1, 1)
    )
    before, after = measure.levels([rows.mass[:at], rows.mass[at:]], share)
    end = _after(rows, size - 1)
    return Finding(
        method=rows.method,
        onset=str(rows.when[at].astype("datetime64[M]") if rows.monthly else rows.when[at]),
        onset_set=_stretches(rows, breaks.likely(gain)) if np.isfinite(llr) else (),
        span=(str(rows.when[0]), str(rows.when[at]), end),
        before=before,
        after=after,
        llr=llr,
        p=p,
        enough=_enough(rows, at),
        provisional=provisional(str(rows.when[at]), last),
    )


def _first_month(rows: Rows) -> int:
    return int(measure.month_of(rows.when[:1])[0])


def provisional(onset: str, last: str) -> bool:
    """Whether fewer than six months lie between an onset and the last known day."""
    begun, end = (int(day[:4]) * 12 + int(day[5:7]) for day in (onset, last))
    return end - begun < breaks.CONFIRMED


def _after(rows: Rows, row: int) -> str:
    """Return the last day of a row."""
    if not rows.monthly:
        return str(rows.when[row])
    return str((rows.when[row].astype("datetime64[M]") + 1).astype("datetime64[D]") - 1)


def _stretches(rows: Rows, likely: NDArray[np.int64]) -> tuple[tuple[str, str], ...]:
    runs = np.split(likely, np.flatnonzero(np.diff(likely) > 1) + 1)
    return tuple((str(rows.when[run[0]]), _after(rows, int(run[-1]))) for run in runs)


def within(days: Days, first: str, last: str) -> Days:
    """Select the days of a stretch, both ends included."""
    inside = (days.day >= np.datetime64(first)) & (days.day <= np.datetime64(last))
    return Days(days.day[inside], days.n[inside], days.mass[inside], days.classes[inside])


def rows_by(method: Method, days: Days) -> Rows:
    """Build the rows that a method tests."""
    return daily(days) if method == "event_days" else monthly(days, method == "mass_6")


def inside(rows: Rows, span: tuple[str, str, str]) -> tuple[Rows, int]:
    """Return the rows of a span, and the position of its first row after the onset."""
    ends = np.array(span, "datetime64[D]")
    start, turn = np.searchsorted(rows.when, ends[:2])
    stop = np.searchsorted(rows.when, ends[2], side="right")
    return rows.part(int(start), int(stop)), int(turn - start)


def at_span(
    days: Days,
    method: Method,
    span: tuple[str, str, str] | None,
    last: str,
    share: float = 0.5,
) -> Finding:
    """Build the finding for the days of a span, whatever onset a new scan would find."""
    if span is None or not len(days):
        return _nothing(days, share)
    rows, at = inside(rows_by(method, days), span)
    if not 0 < at < len(rows.when):
        return _nothing(days, share)
    return _finding(rows, at, last, share, fixed=True)


def holds(finding: Finding, days: Days, null: Null = KEDS, limit: float = 0.1) -> bool:
    """Check whether the change persists, in the same direction, in the days that are left."""
    if len(days) < 2:
        return False
    rows = rows_by(finding.method, days)
    least = breaks.CONFIRMED if rows.monthly else 1
    gain = breaks.gains(rows.tested, least)
    if not np.isfinite(gain.max()):
        return False
    at = int(gain.argmax())
    p = (
        breaks.p_closed(float(gain[at]), len(rows.when), float(rows.tested.sum()), null)
        if rows.monthly
        else breaks.p_permuted(rows.tested, 1, 1, 199, 199)
    )
    before, after = measure.levels([rows.mass[:at], rows.mass[at:]])
    return p < limit and (after.index - before.index) * finding.change > 0


def without_telling_months(finding: Finding, days: Days) -> Days:
    """Return the days without the two months that support the change most."""
    rows = rows_by(finding.method, days)
    month = measure.month_of(rows.when)
    least = breaks.CONFIRMED if rows.monthly else 1
    influential = breaks.most_telling(rows.tested, least, month)
    left = ~np.isin(measure.month_of(days.day), influential)
    return Days(days.day[left], days.n[left], days.mass[left], days.classes[left])


def verdict(finding: Finding, q: float, robust: bool | None, watched: bool) -> Verdict:
    """Decide the verdict of a finding; `robust` is None where it was not checked."""
    if not finding.enough:
        return "insufficient_data"
    change = abs(finding.change)
    if robust and q <= 0.01 and change >= 0.6:
        return "strong"
    if robust and q <= 0.05 and change >= 0.3:
        return "shift"
    return "watch" if watched else "no_evidence"


def worth_testing(finding: Finding, q: float) -> bool:
    """Whether the verdict depends on the robustness of the finding."""
    return finding.enough and q <= 0.05 and abs(finding.change) >= 0.3


def gaps(months: Months, share: float = 0.5) -> Floats:
    """Compute how many standard errors the fast index (6 months) is from the slow one (36)."""
    phi = measure.dispersion(months.mass, measure.MASS_DISPERSION)
    rows = measure.saturated(months.mass, phi)
    fast, slow = (measure.smoothed(rows, share, h) for h in (6.0, 36.0))
    theta = (1 + slow.value) / 2
    spread = sum(1 / (s.effective + measure.PRIOR + 1) for s in (fast, slow))
    error = np.sqrt(np.maximum(theta * (1 - theta), 1e-6) * spread)
    found: Floats = (fast.value - slow.value) / 2 / error
    return found


def watched(days: Days, share: float = 0.5) -> bool:
    """Whether the newest months are worth watching."""
    return bool(len(days)) and abs(gaps(measure.by_month(days), share)[-1]) >= WATCH
