"""Detection: from the days of a dyad or of a tilt to its shifts, with their size and certainty.

Pure arithmetic: no database, no HTTP.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.shifts.statistics import changepoints, index
from app.shifts.statistics.changepoints import KEDS_NULL, NullModel
from app.shifts.statistics.index import DaySeries, Floats, IndexLevel, MonthSeries

Method = Literal["quad_6", "mass_6", "event_days"]
Verdict = Literal["strong", "shift", "watch", "no_evidence", "insufficient_data"]
Dates = NDArray[np.datetime64]

MIN_DAYS_PER_SIDE, MIN_DAYS_FOR_MONTHS = 15, 30
"""Event-days on either side, and in all, from which on months are scanned.

With fewer, single event-days are scanned.
"""
MIN_EFFECTIVE_PER_SIDE = 4.0
"""Effective observations on either side without which no shift is claimed."""
MAX_UNDATED_P = 0.1
"""Highest p at which a single candidate with too little data is shown.

Above it the finding is the level of all days, without a date.
"""
MAX_SPLIT_P = 0.05
"""Highest p at which a stretch of event-days is split and its parts are tested in turn."""
WATCH_GAP = 1.4
"""Distance between the fast and the slow index, in standard errors, that is worth watching.

In one of twenty decades without a change it is ever exceeded, at low and at high volume.
"""


@dataclass(frozen=True, slots=True)
class ScanRows:
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
    def is_monthly(self) -> bool:
        """Whether rows are months."""
        return self.method != "event_days"

    def slice_rows(self, start: int, stop: int) -> "ScanRows":
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


def monthly_rows(days: DaySeries, weighed: bool) -> ScanRows:
    """Build monthly rows, tested by class.

    They are tested by mass where two sides are weighed or no signal has a class.
    """
    months = index.sum_by_month(days)
    phi = index.estimate_dispersion(months.mass, index.MASS_DISPERSION)
    mass = index.saturate_counts(months.mass, phi)
    by_class = not weighed and bool(months.classes.sum())
    tested = mass
    if by_class:
        spread = index.estimate_dispersion(months.classes, index.CLASS_DISPERSION)
        tested = index.saturate_counts(months.classes, spread)
    at = index.month_number(days.day) - months.first
    when = np.arange(months.first, months.first + len(months)).astype("datetime64[M]")
    scale = mass.sum(1) / np.maximum(months.mass.sum(1), 1e-12) / 1000
    factor = _kept_fraction(days) * scale[at][:, None]
    method: Method = "quad_6" if by_class else "mass_6"
    return ScanRows(method, when.astype("datetime64[D]"), tested, mass, factor, at)


def daily_rows(days: DaySeries) -> ScanRows:
    """Build a row for each event-day, tested by mass."""
    kept = index.cap_days(days)[0]
    mass = kept / 1000 / index.DAY_DISPERSION
    factor = kept / np.maximum(days.mass, 1) / 1000 / index.DAY_DISPERSION
    return ScanRows("event_days", days.day, mass, mass, factor, np.arange(len(days)))


def _kept_fraction(days: DaySeries) -> Floats:
    """Return, for each day, the fraction of its mass that remains within the bounds of a day."""
    kept: Floats = index.cap_days(days)[0] / np.maximum(days.mass, 1)
    return kept


@dataclass(frozen=True, slots=True)
class ShiftFinding:
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
    before: IndexLevel | None
    after: IndexLevel | None
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
    def certain_change(self) -> float:
        """Lower bound of the change, signed; 0 where the data guarantee none."""
        if self.before is None or self.after is None:
            return 0.0
        return index.certain_change(self.before, self.after)


def find_shifts(
    days: DaySeries,
    weighed: bool,
    last: str,
    share: float = 0.5,
    begun: "PendingScan | None" = None,
) -> list[ShiftFinding]:
    """Find every change point, in order.

    Without one, the only row is the best candidate or says what is missing. `last` is the last day
    on which an event could have been known; `begun` is the result of `begin_scan`, where the caller
    has it.
    """
    rows, cuts = complete_scan(begun or begin_scan(days, weighed))
    if not cuts:
        return [_make_undated_finding(days, share)]
    ends = [0, *cuts, len(rows.when)]
    spans = zip(ends, cuts, ends[2:], strict=False)
    found = [_make_finding(rows.slice_rows(a, c), b - a, last, share) for a, b, c in spans]
    undated = len(found) == 1 and not found[0].enough and found[0].p > MAX_UNDATED_P
    return [_make_undated_finding(days, share)] if undated else found


class PendingScan(NamedTuple):
    """The rows to test and their change points; None where permutations have to decide."""

    rows: ScanRows
    cuts: list[int] | None

    @property
    def is_hopeless(self) -> bool:
        """Whether no finding with enough data on both sides can result, whatever its p."""
        if not self.cuts:
            return self.cuts is not None
        alone = len(self.cuts) == 1 and not self.rows.is_monthly
        return alone and not _has_enough_effective(self.rows, self.cuts[0])


def begin_scan(days: DaySeries, weighed: bool) -> PendingScan:
    """Do all work of `find_shifts` that comes before the permutations of event-days."""
    if len(days) < MIN_DAYS_FOR_MONTHS:
        return PendingScan(daily_rows(days), None if len(days) > 1 else [])
    rows = monthly_rows(days, weighed)
    cuts = _find_month_cuts(rows)
    return PendingScan(rows, cuts) if _is_dense(rows, cuts) else PendingScan(daily_rows(days), None)


def precompute_scan_p(begun: Iterable[PendingScan]) -> None:
    """Compute p of the event-days of many scans in one batch.

    The results are cached: each scan then finds its own there.
    """
    changepoints.permutation_p_each([rows.tested for rows, cuts in begun if cuts is None], 1, 1)


def complete_scan(begun: PendingScan) -> PendingScan:
    """Return the same scan with its change points."""
    rows, cuts = begun
    return PendingScan(rows, _find_day_cuts(rows) if cuts is None else cuts)


def _has_enough_effective(rows: ScanRows, at: int) -> bool:
    return bool(min(rows.tested[:at].sum(), rows.tested[at:].sum()) >= MIN_EFFECTIVE_PER_SIDE)


def _make_undated_finding(days: DaySeries, share: float) -> ShiftFinding:
    level = index.measure_level(daily_rows(days).mass, share) if len(days) else None
    return ShiftFinding("event_days", None, (), None, None, level, 0.0, 1.0, False, True)


def _is_dense(rows: ScanRows, cuts: Sequence[int]) -> bool:
    counts = np.bincount(rows.row_of_day, minlength=len(rows.when))
    ends = [0, *cuts, len(rows.when)]
    sides = [int(counts[a:b].sum()) for a, b in pairwise(ends)]
    return len(sides) > 1 and min(sides) >= MIN_DAYS_PER_SIDE


def _find_month_cuts(rows: ScanRows) -> list[int]:
    """Find confirmed change points and a provisional one at the end, else the best candidate."""
    found = changepoints.partition_series(
        rows.tested, changepoints.CONFIRMED, changepoints.PENALTY[changepoints.CONFIRMED]
    )
    size, start = len(rows.when), found[-1] if found else 0
    late = changepoints.split_gains(rows.tested[start:], changepoints.PROVISIONAL)
    late[: max(size - start - changepoints.CONFIRMED + 1, 0)] = -np.inf
    if late.max(initial=-np.inf) >= changepoints.PENALTY[changepoints.PROVISIONAL]:
        found.append(start + int(late.argmax()))
    if found:
        return found
    gain = changepoints.split_gains(rows.tested, changepoints.CONFIRMED)
    return [int(gain.argmax())] if np.isfinite(gain.max()) else []


def _find_day_cuts(rows: ScanRows) -> list[int]:
    """Find the best cut, and those of its parts for as long as permutations are significant."""
    gain = changepoints.split_gains(rows.tested, 1)
    if not np.isfinite(gain.max()):
        return []
    at = int(gain.argmax())
    if changepoints.permutation_p(rows.tested, 1, 1) > MAX_SPLIT_P:
        return [at]
    return [
        *_find_further_cuts(rows.slice_rows(0, at), 0),
        at,
        *_find_further_cuts(rows.slice_rows(at, len(rows.when)), at),
    ]


def _find_further_cuts(rows: ScanRows, offset: int) -> list[int]:
    gain = changepoints.split_gains(rows.tested, 1)
    if (
        not np.isfinite(gain.max(initial=-np.inf))
        or changepoints.permutation_p(rows.tested, 1, 1) > MAX_SPLIT_P
    ):
        return []
    at = int(gain.argmax())
    after = _find_further_cuts(rows.slice_rows(at, len(rows.when)), offset + at)
    return [*_find_further_cuts(rows.slice_rows(0, at), offset), offset + at, *after]


def _make_finding(
    rows: ScanRows, at: int, last: str, share: float, *, fixed: bool = False
) -> ShiftFinding:
    size = len(rows.when)
    short = min(at, size - at) < changepoints.CONFIRMED
    least = (
        1 if not rows.is_monthly else changepoints.PROVISIONAL if short else changepoints.CONFIRMED
    )
    gain = changepoints.split_gains(rows.tested, least)
    if np.isfinite(gain.max()) and not fixed:
        at = int(gain.argmax())
    llr = float(gain[at])
    p = (
        changepoints.monthly_permutation_p(rows.tested, _first_month(rows), least, llr)
        if rows.is_monthly
        else changepoints.permutation_p(rows.tested, 1, 1)
    )
    before, after = index.measure_levels([rows.mass[:at], rows.mass[at:]], share)
    end = _last_day_of_row(rows, size - 1)
    return ShiftFinding(
        method=rows.method,
        onset=str(rows.when[at].astype("datetime64[M]") if rows.is_monthly else rows.when[at]),
        onset_set=_day_ranges(rows, changepoints.credible_rows(gain)) if np.isfinite(llr) else (),
        span=(str(rows.when[0]), str(rows.when[at]), end),
        before=before,
        after=after,
        llr=llr,
        p=p,
        enough=_has_enough_effective(rows, at),
        provisional=is_provisional(str(rows.when[at]), last),
    )


def _first_month(rows: ScanRows) -> int:
    return int(index.month_number(rows.when[:1])[0])


def is_provisional(onset: str, last: str) -> bool:
    """Whether fewer than six months lie between an onset and the last known day."""
    begun, end = (int(day[:4]) * 12 + int(day[5:7]) for day in (onset, last))
    return end - begun < changepoints.CONFIRMED


def _last_day_of_row(rows: ScanRows, row: int) -> str:
    """Return the last day of a row."""
    if not rows.is_monthly:
        return str(rows.when[row])
    return str((rows.when[row].astype("datetime64[M]") + 1).astype("datetime64[D]") - 1)


def _day_ranges(rows: ScanRows, likely: NDArray[np.int64]) -> tuple[tuple[str, str], ...]:
    runs = np.split(likely, np.flatnonzero(np.diff(likely) > 1) + 1)
    return tuple((str(rows.when[run[0]]), _last_day_of_row(rows, int(run[-1]))) for run in runs)


def select_days(days: DaySeries, first: str, last: str) -> DaySeries:
    """Select the days of a stretch, both ends included."""
    inside = (days.day >= np.datetime64(first)) & (days.day <= np.datetime64(last))
    return DaySeries(days.day[inside], days.n[inside], days.mass[inside], days.classes[inside])


def rows_for_method(method: Method, days: DaySeries) -> ScanRows:
    """Build the rows that a method tests."""
    return daily_rows(days) if method == "event_days" else monthly_rows(days, method == "mass_6")


def rows_in_span(rows: ScanRows, span: tuple[str, str, str]) -> tuple[ScanRows, int]:
    """Return the rows of a span, and the position of its first row after the onset."""
    ends = np.array(span, "datetime64[D]")
    start, turn = np.searchsorted(rows.when, ends[:2])
    stop = np.searchsorted(rows.when, ends[2], side="right")
    return rows.slice_rows(int(start), int(stop)), int(turn - start)


def finding_at_span(
    days: DaySeries,
    method: Method,
    span: tuple[str, str, str] | None,
    last: str,
    share: float = 0.5,
) -> ShiftFinding:
    """Build the finding for the days of a span, whatever onset a new scan would find."""
    if span is None or not len(days):
        return _make_undated_finding(days, share)
    rows, at = rows_in_span(rows_for_method(method, days), span)
    if not 0 < at < len(rows.when):
        return _make_undated_finding(days, share)
    return _make_finding(rows, at, last, share, fixed=True)


def change_persists(
    finding: ShiftFinding, days: DaySeries, null: NullModel = KEDS_NULL, limit: float = 0.1
) -> bool:
    """Check whether the change persists, in the same direction, in the days that are left."""
    if len(days) < 2:
        return False
    rows = rows_for_method(finding.method, days)
    least = changepoints.CONFIRMED if rows.is_monthly else 1
    gain = changepoints.split_gains(rows.tested, least)
    if not np.isfinite(gain.max()):
        return False
    at = int(gain.argmax())
    p = (
        changepoints.closed_form_p(float(gain[at]), len(rows.when), float(rows.tested.sum()), null)
        if rows.is_monthly
        else changepoints.permutation_p(rows.tested, 1, 1, 199, 199)
    )
    before, after = index.measure_levels([rows.mass[:at], rows.mass[at:]])
    return p < limit and (after.index - before.index) * finding.change > 0


def drop_influential_months(finding: ShiftFinding, days: DaySeries) -> DaySeries:
    """Return the days without the two months that support the change most."""
    rows = rows_for_method(finding.method, days)
    month = index.month_number(rows.when)
    least = changepoints.CONFIRMED if rows.is_monthly else 1
    influential = changepoints.most_influential_groups(rows.tested, least, month)
    left = ~np.isin(index.month_number(days.day), influential)
    return DaySeries(days.day[left], days.n[left], days.mass[left], days.classes[left])


def decide_verdict(finding: ShiftFinding, q: float, robust: bool | None, watched: bool) -> Verdict:
    """Decide the verdict of a finding; `robust` is None where it was not checked."""
    if not finding.enough:
        return "insufficient_data"
    change = abs(finding.change)
    if robust and q <= 0.01 and change >= 0.6:
        return "strong"
    if robust and q <= 0.05 and change >= 0.3:
        return "shift"
    return "watch" if watched else "no_evidence"


def needs_robustness_check(finding: ShiftFinding, q: float) -> bool:
    """Whether the verdict depends on the robustness of the finding."""
    return finding.enough and q <= 0.05 and abs(finding.change) >= 0.3


def index_gaps(months: MonthSeries, share: float = 0.5) -> Floats:
    """Compute how many standard errors the fast index (6 months) is from the slow one (36)."""
    phi = index.estimate_dispersion(months.mass, index.MASS_DISPERSION)
    rows = index.saturate_counts(months.mass, phi)
    fast, slow = (index.smooth_index(rows, share, h) for h in (6.0, 36.0))
    theta = (1 + slow.value) / 2
    spread = sum(1 / (s.effective + index.PRIOR + 1) for s in (fast, slow))
    error = np.sqrt(np.maximum(theta * (1 - theta), 1e-6) * spread)
    found: Floats = (fast.value - slow.value) / 2 / error
    return found


def is_watched(days: DaySeries, share: float = 0.5) -> bool:
    """Whether the newest months are worth watching."""
    return bool(len(days)) and abs(index_gaps(index.sum_by_month(days), share)[-1]) >= WATCH_GAP
