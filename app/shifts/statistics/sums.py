"""Days and months of a dyad: whole numbers, added up and kept within bounds. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY_MASS = 1500
"""Most mass that one day can add, in thousandths."""
DAY_EVENTS = 3
"""Most classified events that one day can add."""
ONE_DAY, ONE_MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")
"""What is added to a day or a month: NumPy no longer takes bare numbers."""
CLASS_UNIT = 1000
"""Thousandths of a classified event of one day."""


@dataclass(frozen=True, slots=True, eq=False)
class DaySeries:
    """What passed between two sides, day by day; equal to itself alone, as keys of caches are.

    Integers, so that the order of addition never matters.
    """

    day: NDArray[np.datetime64]
    n: Ints
    mass: Ints
    """(days, 2): thousandths for and against."""
    classes: Ints
    """(days, 4): thousandths of events of quad 1 to 4; for partners in `against` 3, 4, 1, 2."""

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
    mass, classes = days.mass, days.classes
    total, count = mass.sum(1, keepdims=True), classes.sum(1, keepdims=True)
    if total.max(initial=0) > DAY_MASS:
        mass = np.where(total > DAY_MASS, mass * DAY_MASS // np.maximum(total, 1), mass)
    if count.max(initial=0) > DAY_EVENTS * CLASS_UNIT:
        most = DAY_EVENTS * CLASS_UNIT * classes // np.maximum(count, 1)
        classes = np.where(count > DAY_EVENTS * CLASS_UNIT, most, classes)
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


def take_day_before(day: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return the day before each day."""
    before: NDArray[np.datetime64] = np.subtract(day, ONE_DAY)
    return before


def sum_by_month(days: DaySeries) -> MonthSeries:
    """Add up days by month, each within its bounds."""
    if not len(days):
        return MonthSeries(0, np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros((0, 4)))
    month = month_number(days.day)
    sums = np.concatenate([days.n[:, None], *cap_days(days)], axis=1)
    begins = np.ones(len(month), np.bool_)
    begins[1:] = month[1:] != month[:-1]
    first = np.flatnonzero(begins)
    total = np.zeros((int(month[-1] - month[0]) + 1, 7), np.int64)
    total[month[first] - month[0]] = np.add.reduceat(sums, first, axis=0)
    return MonthSeries(int(month[0]), total[:, 0], total[:, 1:3] / 1000, total[:, 3:] / 1000)
