"""The index of alignment, its interval and its levels. Pure arithmetic.

An index is 2θ − 1, where θ is the share of cooperative mass in all signed mass: it does not depend
on how much a corpus covers. Months with many events are saturated, so that one crisis does not
dominate years. docs/shifts.md gives each formula with its source.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.shifts.statistics.beta import beta_interval
from app.shifts.statistics.sums import (
    DaySeries,
    Floats,
    Ints,
    MonthSeries,
    cap_days,
    month_number,
    sum_by_month,
    take_day_before,
)

SATURATION = 6.0
"""Most effective observations (K) that a month can add."""
PRIOR = 2.0
"""Weight (κ) of the prior share, in effective observations."""
HALF_LIFE = 12.0
"""Months after which an event counts half in the smoothed index."""
FADE_STRIDE = 120
"""Months that fade in one step; more would lose digits."""
FEW_ENDS = 4
"""Days up to which the months before each are weighed apart, a third of the cost of all months."""
TINY_MASS = 1e-300
"""A positive number below any mass that is not 0."""
MASS_DISPERSION, CLASS_DISPERSION, DAY_DISPERSION = 0.6, 1.6, 0.5
"""φ₀ of monthly masses and of monthly class counts; φ of single days."""

MIN_EXPECTED_SHARE = 0.05
"""Least share that a class is expected to have where its dispersion is estimated."""


def estimate_dispersion(counts: Floats, usual: float) -> float:
    """Estimate φ: how much more months vary than single independent observations would.

    `counts` is (months, classes). Each month is compared with the shares of the six months on
    either side; the mean is shrunk towards `usual` as if twelve months had shown that.
    """
    by_class = np.ascontiguousarray(counts.T)  # sums over classes then run over whole arrays
    total, summed = by_class.sum(0), by_class.cumsum(1)
    around = _window_sums(summed) - by_class
    near = around.sum(0)
    used = np.flatnonzero((total > 0) & (near > 0))
    if not len(used):
        return usual
    pooled = summed[:, -1] / total.sum()
    mass, near = total.take(used), near.take(used)
    theta = (around.take(used, 1) + pooled[:, None]) / (near + 1)
    gap = (by_class.take(used, 1) - mass * theta) ** 2
    scale = np.maximum(theta, MIN_EXPECTED_SHARE) * mass * (1 + mass / near)
    free = max(int(np.count_nonzero(pooled)) - 1, 1)
    found = (gap / scale).sum(0) / free
    found = np.minimum(found, _quantile(found, 0.98))
    return float((found.sum() + usual * 12) / (len(found) + 12))


def _quantile(values: Floats, level: float) -> float:
    """Compute a quantile as NumPy does, which takes ten times as long for few values."""
    ordered = np.sort(values)
    at = level * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (at - low) * (ordered[high] - ordered[low]))


def _window_sums(summed: Floats, reach: int = 6) -> Floats:
    """Add up each month and the `reach` months on either side, from the sums until each.

    Both are (classes, months).
    """
    size = summed.shape[1]
    at = np.arange(size)
    around: Floats = summed.take(np.minimum(at + reach, size - 1), 1)
    around[:, reach + 1 :] -= summed[:, : max(size - reach - 1, 0)]
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
    last = take_day_before(ends.astype("datetime64[D]"))
    return index_with_open_months(months, begun, last, 0.5, phi)


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
    effective = saturate_counts(months.mass, phi)
    month = month_number(ends) - months.first
    last = np.minimum(np.maximum(month, 0), len(months))
    age = 0.5 ** ((np.maximum(month - last, 0) + 1) / HALF_LIFE)
    if len(ends) <= FEW_ENDS:
        states = np.stack([_fading_weights(size) @ effective[:size] for size in last.tolist()])
    else:
        states = fade_masses(effective, HALF_LIFE)[last, :2]
    good, bad = (states * age[:, None] + saturate_counts(begun, phi)).T
    return index_value(good, good + bad, share)


@lru_cache(maxsize=512)
def _fading_weights(size: int) -> Floats:
    """Return what remains of each of some months after the last of them."""
    left: Floats = 0.5 ** (np.arange(size - 1, -1, -1) / HALF_LIFE)
    return left


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
