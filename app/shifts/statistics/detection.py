"""Detection: from the days of a dyad or of a tilt to its shifts, with their size and certainty.

Pure arithmetic: no database, no HTTP.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from app.shifts.statistics import changepoints, permutation, waves
from app.shifts.statistics.levels import (
    IndexLevel,
    certain_change,
    measure_level,
    measure_levels,
)
from app.shifts.statistics.scan_rows import (
    MIN_DAYS_FOR_MONTHS,
    Method,
    ScanRows,
    count_event_days,
    daily_rows,
    day_ranges,
    first_month,
    last_day_of_row,
    monthly_rows,
    rows_for_method,
    rows_in_span,
    rows_of_level,
)
from app.shifts.statistics.sums import DaySeries, Floats
from app.shifts.statistics.waves import PairVotes, Wave, WavePrior

MIN_EFFECTIVE_PER_SIDE = 4.0
"""Effective observations on either side without which no shift is claimed."""
MAX_UNDATED_P = 0.1
"""Highest p at which a single candidate with too little data is shown.

Above it the finding is the level of all days, without a date.
"""
MAX_SPLIT_P = 0.05
"""Highest p at which a stretch of event-days is split and its parts are tested in turn."""
MAX_MONTH_SPLIT_P = 0.01
"""Highest p, divided by their number, of each of several changes between months.

At 0.05 one of fourteen dense series without a change had one with p below 0.05; at 0.01 one of
twenty.
"""

ONSET_TEMPER, ONSET_TEMPER_OF_DAYS = 0.5, 0.4
"""Power of the likelihood of a month, and of an event-day, of onset.

Acts of one quarter resemble each other, and what is found is what differs by chance too. Measured:
at 1 the onset set has the true onset in 0.65 to 0.8 where a third of the acts changed, and by
event-days in 0.5; docs/shifts.md has what these give.
"""


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
    datable: bool = True
    """Whether any date leaves enough on both sides; set once the whole series is known."""
    watched: bool = False
    """Whether the newest months are worth watching; set where nothing more certain is found."""
    wave: Wave | None = None
    """What other partners of either side did then; None where too few can say."""

    @property
    def bounds_of_onset(self) -> tuple[str, str] | None:
        """The last day of the onset and the first after the change; None where there is no date.

        The last day of a month is its 31st.
        """
        if self.span is None or self.onset is None:
            return None
        return self.onset + "-31" if len(self.onset) == 7 else self.onset, self.span[1]

    @property
    def change(self) -> float:
        """Change of the index from before to after."""
        if self.before is None or self.after is None:
            return 0.0
        return self.after.index - self.before.index

    @property
    def weight(self) -> float:
        """What the wave of the change weighs where q is computed; 1 without one."""
        return 1.0 if self.wave is None else self.wave.weight

    @property
    def certain_change(self) -> float:
        """Lower bound of the change, signed; 0 where the data guarantee none."""
        if self.before is None or self.after is None:
            return 0.0
        return certain_change(self.before, self.after)


def find_shifts(
    days: DaySeries,
    last: str,
    share: float = 0.5,
    begun: "PendingScan | None" = None,
    votes: PairVotes | None = None,
) -> list[ShiftFinding]:
    """Find every change point, in order.

    Without one, the only row is the best candidate or says what is missing. `last` is the last day
    on which an event could have been known; `begun` is the result of `begin_scan`, where the caller
    has it, and `votes` those of the other partners of both sides.
    """
    rows, cuts, prior, least_p = complete_scan(begun or begin_scan(days, votes))
    if not cuts:
        return [_make_undated_finding(days, share)]
    ends = [0, *cuts, len(rows.when)]
    spans = zip(ends, cuts, ends[2:], strict=False)
    found = [
        _make_finding(rows.slice_rows(a, c), b - a, last, share, prior and prior.slice_months(a, c))
        for a, b, c in spans
    ]
    if len(found) > 1:
        found = [replace(one, p=min(1.0, max(len(found) * one.p, least_p))) for one in found]
    undated = len(found) == 1 and not found[0].enough and found[0].p > MAX_UNDATED_P
    return [_make_undated_finding(days, share)] if undated else found


class PendingScan(NamedTuple):
    """The rows to test and their change points; None where permutations have to decide."""

    rows: ScanRows
    cuts: list[int] | None
    prior: WavePrior | None = None
    least_p: float = 0.0
    """p of any change at all, which that of each of several changes is not below."""

    @property
    def is_hopeless(self) -> bool:
        """Whether no finding with enough data on both sides can result, whatever its p."""
        if not self.cuts:
            return self.cuts is not None
        alone = len(self.cuts) == 1 and not self.rows.is_monthly
        return alone and not _has_enough_effective(self.rows, self.cuts[0])


def begin_scan(days: DaySeries, votes: PairVotes | None = None) -> PendingScan:
    """Do all work of `find_shifts` that comes before the permutations of event-days."""
    if (count := count_event_days(days)) < MIN_DAYS_FOR_MONTHS:
        return PendingScan(daily_rows(days), None if count > 1 else [])
    rows = monthly_rows(days)
    prior = None if votes is None else votes.prior_of(rows)
    cuts = _find_month_cuts(rows, prior)
    if len(cuts) < 2:
        return PendingScan(rows, cuts, prior)
    kept, least_p = _drop_uncertain_cuts(rows, cuts)
    return PendingScan(rows, kept, prior, least_p)


def precompute_scan_p(begun: Iterable[PendingScan]) -> None:
    """Compute p of the event-days of many scans in one batch.

    The results are cached: each scan then finds its own there.
    """
    permutation.permutation_p_each([some.rows.tested for some in begun if some.cuts is None], 1, 1)


def complete_scan(begun: PendingScan) -> PendingScan:
    """Return the same scan with its change points."""
    if begun.cuts is not None:
        return begun
    rows = begun.rows
    cuts = _find_day_cuts(rows)
    least_p = permutation.permutation_p(rows.tested, 1, 1) if len(cuts) > 1 else 0.0
    return begun._replace(cuts=cuts, least_p=least_p)


def _has_enough_effective(rows: ScanRows, at: int) -> bool:
    return bool(min(rows.tested[:at].sum(), rows.tested[at:].sum()) >= MIN_EFFECTIVE_PER_SIDE)


def _make_undated_finding(days: DaySeries, share: float) -> ShiftFinding:
    rows = rows_of_level(days)
    level = measure_level(rows.mass, share) if len(days) else None
    return ShiftFinding(rows.method, None, (), None, None, level, 0.0, 1.0, False, True)


def _find_month_cuts(rows: ScanRows, prior: WavePrior | None) -> list[int]:
    """Find confirmed change points and a provisional one at the end, else the best candidate."""
    confirmed, penalty = changepoints.CONFIRMED, changepoints.PENALTY
    bonus = np.zeros(len(rows.when)) if prior is None else waves.STRENGTH * prior.log_ratio
    each = np.maximum(penalty[confirmed] - bonus, waves.LEAST_PENALTY)
    found = changepoints.partition_series(rows.tested, confirmed, each, rows.begun)
    size, start = len(rows.when), found[-1] if found else 0
    late = changepoints.split_gains(rows.tested[start:], changepoints.PROVISIONAL)
    late[: max(size - start - confirmed + 1, 0)] = -np.inf
    late[rows.begun[start:][::-1].cumsum()[::-1] < changepoints.MIN_SIDE_DAYS] = -np.inf
    late += np.minimum(bonus[start:], penalty[changepoints.PROVISIONAL] - waves.LEAST_PENALTY)
    if late.max(initial=-np.inf) >= penalty[changepoints.PROVISIONAL]:
        found.append(start + int(late.argmax()))
    if found:
        return found
    gain = changepoints.split_gains(rows.tested, confirmed) + bonus
    return [int(gain.argmax())] if np.isfinite(gain.max()) else []


def _drop_uncertain_cuts(rows: ScanRows, cuts: list[int]) -> tuple[list[int], float]:
    """Drop the least certain of several cuts until each is significant beside the others.

    The stretches of a partition are chosen so that their ends differ: p between two cuts is too
    small unless both are true. Dropping one lengthens the stretches of its neighbours. Several are
    kept only where the months change at all, whose p is returned with them.
    """
    kept = list(cuts)
    while len(kept) > 1:
        ends = [0, *kept, len(rows.when)]
        spans = [rows.slice_rows(a, b) for a, b in zip(ends, ends[2:], strict=False)]
        p = [
            _test_cut(part, cut - start)[2]
            for part, start, cut in zip(spans, ends, kept, strict=False)
        ]
        worst = max(range(len(p)), key=p.__getitem__)
        if p[worst] <= MAX_MONTH_SPLIT_P / len(kept):
            least_p = permutation.stretch_permutation_p(rows.tested, first_month(rows))
            if least_p <= MAX_MONTH_SPLIT_P:
                return kept, least_p
            return [kept[min(range(len(p)), key=p.__getitem__)]], 0.0
        del kept[worst]
    return kept, 0.0


def _find_day_cuts(rows: ScanRows) -> list[int]:
    """Find the best cut, and those of its parts for as long as permutations are significant."""
    gain = changepoints.split_gains(rows.tested, 1)
    if not np.isfinite(gain.max()):
        return []
    at = int(gain.argmax())
    if permutation.permutation_p(rows.tested, 1, 1) > MAX_SPLIT_P:
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
        or permutation.permutation_p(rows.tested, 1, 1) > MAX_SPLIT_P
    ):
        return []
    at = int(gain.argmax())
    after = _find_further_cuts(rows.slice_rows(at, len(rows.when)), offset + at)
    return [*_find_further_cuts(rows.slice_rows(0, at), offset), offset + at, *after]


def _test_cut(
    rows: ScanRows, at: int, prior: WavePrior | None = None, *, fixed: bool = False
) -> tuple[int, Floats, float]:
    """Test a cut: its place, the LLR of every place, and p of the best of them.

    The place is the likeliest one by LLR and prior, unless it is fixed; p knows no prior.
    """
    size = len(rows.when)
    short = min(at, size - at) < changepoints.CONFIRMED
    least = (
        1 if not rows.is_monthly else changepoints.PROVISIONAL if short else changepoints.CONFIRMED
    )
    gain = changepoints.split_gains(rows.tested, least)
    best = float(gain.max())
    if np.isfinite(best) and not fixed:
        at = int(
            (gain if prior is None else gain + waves.ONSET_STRENGTH * prior.log_ratio).argmax()
        )
    p = (
        permutation.monthly_permutation_p(rows.tested, first_month(rows), least, best)
        if rows.is_monthly
        else permutation.permutation_p(rows.tested, 1, 1)
    )
    return at, gain, p


def _make_finding(
    rows: ScanRows,
    at: int,
    last: str,
    share: float,
    prior: WavePrior | None = None,
    *,
    fixed: bool = False,
) -> ShiftFinding:
    at, gain, p = _test_cut(rows, at, prior, fixed=fixed)
    llr, size = float(gain[at]), len(rows.when)
    sides = [rows.mass[:at], rows.mass[at:]]
    before, after = measure_levels(sides, share)
    end = last_day_of_row(rows, size - 1)
    return ShiftFinding(
        method=rows.method,
        onset=str(rows.when[at].astype("datetime64[M]") if rows.is_monthly else rows.when[at]),
        onset_set=_find_onset_set(rows, gain, prior) if np.isfinite(llr) else (),
        span=(str(rows.when[0]), str(rows.when[at]), end),
        before=before,
        after=after,
        llr=llr,
        p=p,
        enough=_has_enough_effective(rows, at),
        provisional=is_provisional(str(rows.when[at]), last),
        wave=None if prior is None else prior.find_wave(at, after.index - before.index),
    )


def _find_onset_set(
    rows: ScanRows, gain: Floats, prior: WavePrior | None
) -> tuple[tuple[str, str], ...]:
    """Return the stretches of the onset set, weighed by a tempered likelihood."""
    posterior = gain if prior is None else gain + waves.ONSET_STRENGTH * prior.log_ratio
    temper = ONSET_TEMPER if rows.is_monthly else ONSET_TEMPER_OF_DAYS
    return day_ranges(rows, changepoints.credible_rows(temper * posterior))


def is_provisional(onset: str, last: str) -> bool:
    """Whether fewer than six months lie between an onset and the last known day."""
    begun, end = (int(day[:4]) * 12 + int(day[5:7]) for day in (onset, last))
    return end - begun < changepoints.CONFIRMED


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
