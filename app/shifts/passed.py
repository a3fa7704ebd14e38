"""The inputs of a series of the index: what passed between two sides.

One dyad by one dataset, both sides' acts together, comes from its stored months, where the points
are made of whole months; everything else from days. The numbers are the same, to the last bit.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from app.shifts import measure, queries
from app.shifts.case import WHOLE, Case, Flow, days_of, flows
from app.shifts.measure import Days, Index, Ints, Months
from app.shifts.months import SIZES, drawn, unpacked

Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Part:
    """What one side did to another, and how its own index changed in the window."""

    actor: str
    toward: str
    n: int
    """Signals in the window."""
    first: float
    """The index at the first day of the window."""
    last: float


class ByDay:
    """The inputs of a series, read by day."""

    def __init__(self, rows: Sequence[Flow], case: Case) -> None:
        self.rows, self.case = rows, case
        self.days = days_of(rows, case)
        self.months = measure.by_month(self.days)
        self.dispersion = measure.dispersion(self.months.mass, measure.MASS_DISPERSION)

    @property
    def ends(self) -> tuple[str, str] | None:
        """The first and the last day; None without any."""
        return (str(self.days.day[0]), str(self.days.day[-1])) if len(self.days) else None

    def index(self, ends: Dates, share: float) -> Index:
        """Compute the index at the end of some days."""
        return measure.index_at(self.days, ends, share, self.dispersion, months=self.months)

    def inside(self, starts: Dates, ends: Dates) -> tuple[Ints, Ints]:
        """Add up n, positive and negative of some stretches.

        The second result is how many days came before the end of each.
        """
        total = _running(np.concatenate([self.days.n[:, None], self.days.mass], axis=1))
        at = self.days.day.searchsorted(starts), self.days.day.searchsorted(ends, side="right")
        return total[at[1]] - total[at[0]], at[1]

    def parts(self, first: str, last: str, share: float) -> list[Part]:
        """Measure what each side did to the other."""
        apart: dict[tuple[str, int], list[Flow]] = defaultdict(list)
        for flow in self.rows:
            if self.case.side(flow.partner, flow.day):
                apart[flow.partner, flow.own].append(flow)
        ends = np.array([first, last], "datetime64[D]")
        found = []
        for (partner, own), some in sorted(apart.items()):
            days = measure.gathered([(f.day, *f.sums) for f in some])
            months, until = measure.by_month(days), measure.begun(days, ends) / 1000
            value = measure.value_with(months, until, ends, share, measure.MASS_DISPERSION)
            n = int(days.n[(days.day >= ends[0]) & (days.day <= ends[1])].sum())
            found.append(Part(*_ways(self.case, partner, own), n, *value.tolist()))
        return found


class ByMonth:
    """The inputs of a series of one dyad, from its stored months.

    All stretches must end where a month ends.
    """

    def __init__(self, db: Connection, case: Case, row: tuple[Any, ...]) -> None:
        self.db, self.case, self.partner = db, case, case.toward[0]
        first, last, self.dispersion, stored, drawn_as = row
        self.ends = (first, last)
        columns = unpacked(stored)
        self.drawn = drawn(drawn_as)
        self.month, self.sums = columns[0], columns[1:4]
        self.mass, self.said = columns[5:7], columns[11:14]
        turned = case.actor > self.partner
        one = columns[4], columns[7:9]
        other = columns[1] - columns[4], columns[9:11]
        self.ways = {int(not turned): one, int(turned): other}

    def index(self, ends: Dates, share: float) -> Index:
        """Compute the index at the end of some months."""
        at, size = measure.month_of(ends) - self.month[0], self.drawn.shape[1] - 2
        inside = int(at.searchsorted(size))
        kept = np.minimum(np.maximum(at + 1, 0), size)
        good, mass, low, high = self.drawn.take(kept, axis=1)
        found = Index(measure.valued(good, mass, share), low, high, mass, good)
        if inside < len(at):
            later = measure.value_after(self.drawn[:2, -1], at[inside:] - size + 1, share)
            found.value[inside:], found.effective[inside:], found.good[inside:] = later
        return found

    def inside(self, starts: Dates, ends: Dates) -> tuple[Ints, Ints]:
        """Add up n, positive and negative of some stretches.

        The second result is how many months came before the end of each.
        """
        total = _running(self.sums.T)
        at = (
            self.month.searchsorted(measure.month_of(starts)),
            self.month.searchsorted(measure.month_of(ends), side="right"),
        )
        return total[at[1]] - total[at[0]], at[1]

    def publishers(self, starts: Dates, size: int) -> list[int]:
        """Count the publishers of each of some whole stretches of 1, 3 or 12 months."""
        opened = measure.month_of(starts) // size
        spans = self.month // size
        at = np.minimum(spans.searchsorted(opened), len(spans) - 1)
        counts = self.said[SIZES.index(size)]
        found: list[int] = np.where(spans[at] == opened, counts[at], 0).tolist()
        return found

    def parts(self, first: str, last: str, share: float) -> list[Part]:
        """Measure what each side did to the other."""
        ends = np.array([first, last], "datetime64[D]")
        opened, closed = measure.month_of(ends).tolist()
        at = np.searchsorted(self.month, (opened, closed))
        begun: dict[int, Ints] = {}
        if at[0] < len(self.month) and self.month[at[0]] == opened:
            begun = self._until(first)
        found = []
        for own in (0, 1):
            count, kept = self.ways[own]
            used = count > 0
            if not used.any():
                continue
            month, mass = self.month[used], kept[:, used]
            months = _months(month, mass)
            whole = mass[:, month == closed].sum(1)
            until = np.stack([begun.get(own, np.zeros(2, np.int64)), whole])
            value = measure.value_with(months, until / 1000, ends, share, measure.MASS_DISPERSION)
            n = int(count[(self.month >= opened) & (self.month <= closed)].sum())
            found.append(Part(*_ways(self.case, self.partner, own), n, *value.tolist()))
        return found

    def _until(self, day: str) -> dict[int, Ints]:
        """Read what each side did to the other in a month until a day.

        Each day counts within its bounds.
        """
        run = queries.begun_between(self.db.dialect.name)
        values = {"one": self.case.actor, "other": self.partner, "first": day[:8] + "01"}
        values |= {"wanted": self.case.datasets[0], "last": day}
        total: dict[int, Ints] = {}
        for own, good, bad in run.rows(self.db, values):
            days = Days(
                np.zeros(1, "datetime64[D]"), np.ones(1, np.int64), np.array([[good, bad]]),
                np.zeros((1, 4), np.int64),
            )  # fmt: skip
            total[own] = total.get(own, 0) + measure.capped(days)[0][0]
        return total


def _ways(case: Case, partner: str, own: int) -> tuple[str, str]:
    return (case.actor, partner) if own else (partner, case.actor)


def _running(rows: Ints) -> Ints:
    """Add up the rows before each, and all of them."""
    return np.concatenate([np.zeros((1, rows.shape[1]), np.int64), rows.cumsum(0)])


def _months(month: Ints, mass: Ints) -> Months:
    """Fill in the months without an event; signals and classes are left out."""
    first, size = int(month[0]), int(month[-1] - month[0]) + 1
    dense = np.zeros((size, 2))
    dense[month - first] = mass.T / 1000
    return Months(first, np.zeros(size, np.int64), dense, np.zeros((size, 0)))


def passed(db: Connection, case: Case, size: str, since: str | None, until: str | None) -> (
    "ByDay | ByMonth"
):  # fmt: skip
    """Read what passed between the sides for points of a size, by the cheaper of both ways."""
    if size in ("day", "week") or not _of_one_dyad(case):
        return ByDay(flows(db, case), case)
    one, other = sorted((case.actor, *case.toward))
    run = queries.months_between(db.dialect.name)
    rows = run.rows(db, {"one": one, "other": other, "wanted": case.datasets[0]})
    if not rows or not _whole(rows[0][0], rows[0][1], since, until):
        return ByDay(flows(db, case), case)
    return ByMonth(db, case, rows[0])


def _of_one_dyad(case: Case) -> bool:
    plain = case.narrowed is None and case.as_of is None and case.acts == "both"
    alone = len(case.toward) == 1 and case.spells == {case.toward[0]: WHOLE}
    return plain and alone and len(case.datasets) == 1


def _whole(first: str, last: str, since: str | None, until: str | None) -> bool:
    """Whether a window cuts no month with an event."""
    opens = since is None or since[8:] == "01" or since <= first
    closes = until is None or until >= last or _month_ends(until)
    return opens and closes


def _month_ends(day: str) -> bool:
    return day[8:] == f"{monthrange(int(day[:4]), int(day[5:7]))[1]:02}"
