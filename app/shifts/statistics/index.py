"""The index of alignment, its interval and its levels. Pure arithmetic.

An index is 2θ − 1, where θ is the share of cooperative mass in all signed mass: it does not depend
on how much a corpus covers. Months with many events are saturated, so that one crisis does not
dominate years. docs/shifts.md gives each formula with its source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.shifts.statistics.beta import beta_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_MASS = 1500
"""Most mass that one day can add, in thousandths."""
DAY_EVENTS = 3
"""Most classified events that one day can add."""
SATURATION = 6.0
"""Most effective observations (K) that a month can add."""
PRIOR = 2.0
"""Weight (κ) of the prior share, in effective observations."""
HALF_LIFE = 12.0
"""Months after which an event counts half in the smoothed index."""
FADE_STRIDE = 120
"""Months that fade in one step; more would lose digits."""
TINY_MASS = 1e-300
"""A positive number below any mass that is not 0."""
MASS_DISPERSION, CLASS_DISPERSION, DAY_DISPERSION = 0.6, 1.6, 0.5
"""φ₀ of monthly masses and of monthly class counts; φ of single days."""


@dataclass(frozen=True, slots=True)
class DaySeries:
    """What passed between two sides, day by day.

    Integers, so that the order of addition never matters.
    """

    day: NDArray[np.datetime64]
    n: Ints
    mass: Ints
    """(days, 2): thousandths for and against."""
    classes: Ints
    """(days, 4): events of quad 1 to 4; for partners in `against` in the order 3, 4, 1, 2."""

    def __len__(self) -> int:
        return len(self.day)


def gather_days(rows: Sequence[tuple[str, int, int, int, int, int, int, int]]) -> DaySeries:
    """Gather rows of (day, n, for, against, q1 … q4) in day order; rows of one day are added up."""
    if not rows:
        day = np.zeros(0, "datetime64[D]")
        return DaySeries(day, *(np.zeros(s, np.int64) for s in ((0,), (0, 2), (0, 4))))
    columns = list(zip(*rows, strict=True))
    day = np.array(columns[0], "datetime64[D]")
    order = day.argsort()
    day, sums = day[order], np.array(columns[1:], np.int64).T[order]
    # Contiguous, so that later sums of it are the same to the last bit.
    sums = np.ascontiguousarray(sums)
    first = np.concatenate([[0], np.flatnonzero(day[1:] != day[:-1]) + 1])
    if len(first) < len(day):
        sums = np.add.reduceat(sums, first, axis=0)
    return _make_days(day[first], sums)


class DyadSides(NamedTuple):
    """What passed in a dyad, day by day: of both sides together, and of each."""

    both: DaySeries
    by_side: DaySeries
    """One row for each day and side: a day on which both acted occurs twice."""
    own: Ints
    """For each row of `by_side`: 1 where the dyad's `one` acted, 0 where its `other` did."""

    def days_of_side(self, own: int) -> DaySeries:
        """Return the days of one side."""
        chosen, days = self.own == own, self.by_side
        return DaySeries(days.day[chosen], days.n[chosen], days.mass[chosen], days.classes[chosen])


def gather_dyad_sides(
    count: int, dyad: Ints, own: Ints, day: NDArray[np.datetime64], sums: Ints
) -> list[DyadSides]:
    """Build `DyadSides` of `count` dyads.

    The arrays give, for each row, the dyad, the side, the day, and n, for, against, q1 … q4.
    """
    number = day.astype(np.int64)
    order = np.lexsort((number, dyad))
    dyad, own, number, sums = (column[order] for column in (dyad, own, number, sums))
    day = day[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (dyad[1:] != dyad[:-1]) | (number[1:] != number[:-1])
    first = np.flatnonzero(new)
    total = np.add.reduceat(sums, first, axis=0) if len(first) else sums
    whole, every = _make_days(day[first], total), _make_days(day, sums)
    inner, outer = (numbers.searchsorted(np.arange(count + 1)) for numbers in (dyad[first], dyad))
    return [
        DyadSides(_slice_days(whole, a, b), _slice_days(every, c, d), own[c:d])
        for (a, b), (c, d) in zip(pairwise(inner.tolist()), pairwise(outer.tolist()), strict=True)
    ]


def _make_days(day: NDArray[np.datetime64], sums: Ints) -> DaySeries:
    return DaySeries(day, sums[:, 0], sums[:, 1:3], sums[:, 3:])


def _slice_days(days: DaySeries, start: int, stop: int) -> DaySeries:
    at = slice(start, stop)
    return DaySeries(days.day[at], days.n[at], days.mass[at], days.classes[at])


def cap_days(days: DaySeries) -> tuple[Ints, Ints]:
    """Reduce each day to its bounds: masses and classes in thousandths, whole numbers."""
    mass, classes = days.mass, days.classes * 1000
    total, count = mass.sum(1, keepdims=True), days.classes.sum(1, keepdims=True)
    if total.max(initial=0) > DAY_MASS:
        mass = np.where(total > DAY_MASS, mass * DAY_MASS // np.maximum(total, 1), mass)
    if count.max(initial=0) > DAY_EVENTS:
        most = DAY_EVENTS * 1000 * days.classes // np.maximum(count, 1)
        classes = np.where(count > DAY_EVENTS, most, classes)
    return mass, classes


@dataclass(frozen=True, slots=True)
class MonthSeries:
    """Consecutive months, from the first with an event to the last."""

    first: int
    """Months since 1970-01."""
    n: Ints
    mass: Floats
    """(months, 2)."""
    classes: Floats
    """(months, 4)."""

    def __len__(self) -> int:
        return len(self.n)


def month_number(day: NDArray[np.datetime64]) -> Ints:
    """Return the number of months since 1970-01."""
    return day.astype("datetime64[M]").astype(np.int64)


def sum_by_month(days: DaySeries) -> MonthSeries:
    """Add up days by month, each within its bounds."""
    if not len(days):
        return MonthSeries(0, np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros((0, 4)))
    month = month_number(days.day)
    sums = np.concatenate([days.n[:, None], *cap_days(days)], axis=1)
    first = np.flatnonzero(np.diff(month, prepend=month[0] - 1))
    total = np.zeros((int(month[-1] - month[0]) + 1, 7), np.int64)
    total[month[first] - month[0]] = np.add.reduceat(sums, first, axis=0)
    return MonthSeries(int(month[0]), total[:, 0], total[:, 1:3] / 1000, total[:, 3:] / 1000)


def estimate_dispersion(counts: Floats, usual: float) -> float:
    """Estimate φ: how much more months vary than single independent observations would.

    `counts` is (months, classes). Each month is compared with the shares of the six months on
    either side; the mean is shrunk towards `usual` as if twelve months had shown that.
    """
    total = counts.sum(1)
    around = _window_sums(counts) - counts
    near = around.sum(1)
    used = (total > 0) & (near > 0)
    if not used.any():
        return usual
    pooled = counts.sum(0) / total.sum()
    theta = (around[used] + pooled) / (near[used, None] + 1)
    mass = total[used, None]
    alive = pooled > 0
    gap = (counts[used] - mass * theta)[:, alive] ** 2
    scale = (theta * mass * (1 + mass / near[used, None]))[:, alive]
    free = max(int(alive.sum()) - 1, 1)
    found = (gap / scale).sum(1) / free
    found = np.minimum(found, _quantile(found, 0.98))
    return float((found.sum() + usual * 12) / (len(found) + 12))


def _quantile(values: Floats, level: float) -> float:
    """Compute a quantile as NumPy does, which takes ten times as long for few values."""
    ordered = np.sort(values)
    at = level * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (at - low) * (ordered[high] - ordered[low]))


def _window_sums(counts: Floats, reach: int = 6) -> Floats:
    """Add up each month and the `reach` months on either side."""
    summed = np.concatenate([np.zeros((1, counts.shape[1])), counts.cumsum(0)])
    at = np.arange(len(counts))
    ends = np.minimum(at + reach + 1, len(counts)), np.maximum(at - reach, 0)
    around: Floats = summed[ends[0]] - summed[ends[1]]
    return around


def saturate_counts(counts: Floats, phi: float) -> Floats:
    """Turn counts into effective observations: counts / φ, no month above `SATURATION`."""
    total = counts.sum(-1, keepdims=True)
    rows: Floats = counts / (phi * (1 + total / (phi * SATURATION)))
    return rows


@dataclass(frozen=True, slots=True)
class SmoothedIndex:
    """The smoothed index at some moments, with its 90 % interval; −1 … +1.

    `months.INDEX_COLUMNS` names these fields, so that they can be stored.
    """

    value: Floats
    low: Floats
    high: Floats
    effective: Floats
    """Effective observations that it rests on; older ones count less."""
    good: Floats
    """The part of `effective` that is cooperative."""


def smooth_index(
    effective: Floats, share: float, half_life: float = HALF_LIFE, prior: float = PRIOR
) -> SmoothedIndex:
    """Compute the index after each month, older months fading; `effective` is (months, 2)."""
    good, bad, squares = fade_masses(effective, half_life)[1:].T
    return index_of_masses(good, bad, squares, share, prior)


def index_of_masses(
    good: Floats, bad: Floats, squares: Floats, share: float, prior: float = PRIOR
) -> SmoothedIndex:
    """Compute the index from faded masses.

    `squares` is the total mass, faded by the square.
    """
    mass = good + bad
    gain = mass / np.maximum(squares, TINY_MASS)
    low, high = beta_interval(0.5 + gain * good, 0.5 + gain * bad)
    return SmoothedIndex(
        index_value(good, mass, share, prior), 2 * low - 1, 2 * high - 1, mass, good
    )


def index_value(good: Floats, mass: Floats, share: float, prior: float = PRIOR) -> Floats:
    """Compute the value of the index from faded masses, `good` and total."""
    theta: Floats = (prior * share + good) / (prior + mass)
    return 2 * theta - 1


def index_at_months(months: MonthSeries, phi: float) -> SmoothedIndex:
    """Compute the index before the first month and after each, with a prior share of ½."""
    ends = (months.first + np.arange(len(months) + 1)).astype("datetime64[M]")
    begun = np.concatenate([np.zeros((1, 2)), months.mass])
    return index_with_open_months(months, begun, ends.astype("datetime64[D]") - 1, 0.5, phi)


def remaining_mass(months: MonthSeries, phi: float, half_life: float = HALF_LIFE) -> Floats:
    """Return what remains after the last month: mass for, against, and both faded by the square.

    `value_after_end` needs the first two.
    """
    left: Floats = fade_masses(saturate_counts(months.mass, phi), half_life)[-1]
    return left


def value_after_end(
    left: Floats, ages: Ints, share: float, half_life: float = HALF_LIFE
) -> tuple[Floats, Floats, Floats]:
    """Compute value, effective and good of the index some months after the last month.

    The interval stays that of the last month: it depends on how far the observations agree, and all
    of them fade alike.
    """
    age = 0.5 ** (ages / half_life)
    good = left[0] * age
    mass = good + left[1] * age
    return index_value(good, mass, share), mass, good


def fade_masses(effective: Floats, half_life: float) -> Floats:
    """Fade masses: for, against, and both by the square, before the first month and after each."""
    found = np.zeros((len(effective) + 1, 3))
    found[1:, :2], found[1:, 2] = effective, effective.sum(1)
    for at in range(1, len(found), FADE_STRIDE):
        part = found[at : at + FADE_STRIDE]
        age = _fading_factors(half_life)[: len(part)]
        part[:] = age * (found[at - 1] + (part / age).cumsum(0))
    return found


@lru_cache(maxsize=16)
def _fading_factors(half_life: float) -> Floats:
    """Return what remains after 1 … `FADE_STRIDE` months.

    The columns are the mass for, the mass against, and the total that fades by the square.
    """
    keep = 0.5 ** (np.array([1.0, 1.0, 2.0]) / half_life)
    ages: Floats = keep ** np.arange(1, FADE_STRIDE + 1)[:, None]
    return ages


@dataclass(frozen=True, slots=True)
class IndexLevel:
    """The index over a whole stretch, with its 90 % interval.

    Levels are stored as JSON within findings: renaming a field needs a migration.
    """

    index: float
    low: float
    high: float
    mass: float
    """Effective observations."""

    @property
    def share(self) -> float:
        """θ: of all mass, what is cooperative."""
        return (self.index + 1) / 2


def measure_level(effective: Floats, share: float = 0.5, prior: float = PRIOR) -> IndexLevel:
    """Measure the level of a stretch of effective observations, (n, 2)."""
    return measure_levels([effective], share, prior)[0]


def measure_levels(
    parts: Sequence[Floats], share: float = 0.5, prior: float = PRIOR
) -> list[IndexLevel]:
    """Measure the level of each of some stretches of effective observations, (n, 2)."""
    sums = np.array([part.sum(0) for part in parts])
    low, high = beta_interval(1 + sums[:, 0], 1 + sums[:, 1])
    rows = zip(sums.tolist(), (2 * low - 1).tolist(), (2 * high - 1).tolist(), strict=True)
    return [
        IndexLevel(2 * (good + prior * share) / (good + bad + prior) - 1, a, b, good + bad)
        for (good, bad), a, b in rows
    ]


def certain_change(before: IndexLevel, after: IndexLevel, prior: float = PRIOR) -> float:
    """Return the lower bound of a change of the index, signed: 1.645 standard errors closer to
    0."""
    change = after.index - before.index
    spread = sum(s.share * (1 - s.share) / (s.mass + prior + 1) for s in (before, after))
    return float(np.sign(change) * max(0.0, abs(change) - 2 * 1.645 * np.sqrt(spread)))


def index_at_days(
    days: DaySeries,
    ends: NDArray[np.datetime64],
    share: float,
    phi: float,
    half_life: float = HALF_LIFE,
    months: MonthSeries | None = None,
) -> SmoothedIndex:
    """Compute the index at the end of some days.

    It rests on the whole months before and on the days of the current month until then. `months`
    are those of the days, where the caller has them.
    """
    months = sum_by_month(days) if months is None else months
    return index_with_open_months(
        months, open_month_mass(days, ends) / 1000, ends, share, phi, half_life
    )


def open_month_mass(days: DaySeries, ends: NDArray[np.datetime64]) -> Ints:
    """Add up the month of each end until that day: (ends, 2) thousandths.

    Each day counts within its bounds.
    """
    summed = np.concatenate([np.zeros((1, 2), np.int64), cap_days(days)[0].cumsum(0)])
    month_start = days.day.searchsorted(ends.astype("datetime64[M]").astype("datetime64[D]"))
    found: Ints = summed[days.day.searchsorted(ends, side="right")] - summed[month_start]
    return found


def value_with_open_months(
    months: MonthSeries, begun: Floats, ends: NDArray[np.datetime64], share: float, phi: float
) -> Floats:
    """Compute the value alone of `index_with_open_months`."""
    states = fade_masses(saturate_counts(months.mass, phi), HALF_LIFE)
    month = month_number(ends) - months.first
    last = np.minimum(np.maximum(month, 0), len(months))
    age = 0.5 ** ((np.maximum(month - last, 0) + 1) / HALF_LIFE)
    good, bad = (states[last, :2] * age[:, None] + saturate_counts(begun, phi)).T
    return index_value(good, good + bad, share)


def index_with_open_months(
    months: MonthSeries,
    begun: Floats,
    ends: NDArray[np.datetime64],
    share: float,
    phi: float,
    half_life: float = HALF_LIFE,
) -> SmoothedIndex:
    """Compute the index at some days from `begun`, the sums of their months until then."""
    states = fade_masses(saturate_counts(months.mass, phi), half_life)
    month, size = month_number(ends) - months.first, len(months)
    after = month >= size if size else np.zeros(len(month), bool)
    if after.any():
        begun = np.where(after[:, None], months.mass[-1], begun)
    newest, age = saturate_counts(begun, phi), 0.5 ** (1 / half_life)
    good, bad, squares = states[np.minimum(np.maximum(month, 0), max(size - 1, 0))].T
    good, bad = good * age + newest[:, 0], bad * age + newest[:, 1]
    found = index_of_masses(good, bad, squares * age**2 + newest.sum(1), share)
    if after.any():
        later = value_after_end(states[-1], month[after] - size + 1, share, half_life)
        found.value[after], found.effective[after], found.good[after] = later
    return found
