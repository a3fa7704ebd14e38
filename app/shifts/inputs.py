"""The inputs of a series of the index: what passed between two sides.

One dyad by one dataset, both sides' acts together, comes from its stored months, where the points
are made of whole months; everything else from days. The numbers are the same, to the last bit.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from app.shifts.materialized import statements
from app.shifts.materialized.months import PUBLISHER_SPANS, unpack_index, unpack_months
from app.shifts.question import (
    AlignmentQuestion,
    DyadFlow,
    gather_question_days,
    read_flows,
)
from app.shifts.side_periods import ALWAYS
from app.shifts.statistics import index
from app.shifts.statistics.index import SmoothedIndex
from app.shifts.statistics.sums import (
    DaySeries,
    Floats,
    Ints,
    MonthSeries,
    cap_days,
    gather_days,
    month_number,
    sum_by_month,
)

Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class DirectedChange:
    """What one side did to another, and how its own index changed in the window."""

    actor: str
    toward: str
    n: int
    """Signals in the window."""
    first: float
    """The index at the first day of the window."""
    last: float


class DailyInputs:
    """The inputs of a series, read by day."""

    def __init__(self, rows: Sequence[DyadFlow], case: AlignmentQuestion) -> None:
        self.rows, self.question = rows, case
        self.days = gather_question_days(rows, case)
        self.months = sum_by_month(self.days)
        self.dispersion = index.estimate_dispersion(self.months.mass, index.MASS_DISPERSION)

    @property
    def ends(self) -> tuple[str, str] | None:
        """The first and the last day; None without any."""
        return (str(self.days.day[0]), str(self.days.day[-1])) if len(self.days) else None

    def index_at_ends(self, ends: Dates, share: float) -> SmoothedIndex:
        """Compute the index at the end of some days."""
        return index.index_at_days(self.days, ends, share, self.dispersion, months=self.months)

    def value_at_ends(self, ends: Dates, share: float) -> Floats:
        """Compute the value of the index alone, at a fifth of the cost."""
        begun = index.open_month_mass(self.days, ends) / 1000
        return index.value_with_open_months(self.months, begun, ends, share, self.dispersion)

    def sums_inside(self, starts: Dates, ends: Dates) -> tuple[Ints, Ints]:
        """Add up n, positive and negative of some stretches.

        The second result is how many days came before the end of each.
        """
        total = _running_sums(np.concatenate([self.days.n[:, None], self.days.mass], axis=1))
        at = self.days.day.searchsorted(starts), self.days.day.searchsorted(ends, side="right")
        return total[at[1]] - total[at[0]], at[1]

    def directed_changes(self, first: str, last: str, share: float) -> list[DirectedChange]:
        """Measure what each side did to the other."""
        apart: dict[tuple[str, int], list[DyadFlow]] = defaultdict(list)
        for flow in self.rows:
            if self.question.side_on(flow.partner, flow.day):
                apart[flow.partner, flow.own].append(flow)
        ends = np.array([first, last], "datetime64[D]")
        found = []
        for (partner, own), some in sorted(apart.items()):
            days = gather_days([(f.day, *f.sums) for f in some])
            months, until = sum_by_month(days), index.open_month_mass(days, ends) / 1000
            value = index.value_with_open_months(months, until, ends, share, index.MASS_DISPERSION)
            n = int(days.n[(days.day >= ends[0]) & (days.day <= ends[1])].sum())
            found.append(
                DirectedChange(*_name_direction(self.question, partner, own), n, *value.tolist())
            )
        return found


class MonthlyInputs:
    """The inputs of a series of one dyad, from its stored months.

    All stretches must end where a month ends.
    """

    def __init__(
        self, db: Connection, case: AlignmentQuestion, row: tuple[str, str, float, bytes, bytes]
    ) -> None:
        self.db, self.question, self.partner = db, case, case.toward[0]
        first, last, self.dispersion, stored, drawn_as = row
        self.ends = (first, last)
        columns = unpack_months(stored)
        self.index_columns = unpack_index(drawn_as)
        self.month, self.sums = columns[0], columns[1:4]
        self.mass, self.publisher_columns = columns[5:7], columns[11:14]
        turned = case.actor > self.partner
        one = columns[4], columns[7:9]
        other = columns[1] - columns[4], columns[9:11]
        self.acts_by_side = {int(not turned): one, int(turned): other}

    def index_at_ends(self, ends: Dates, share: float) -> SmoothedIndex:
        """Compute the index at the end of some months."""
        at, size = month_number(ends) - self.month[0], self.index_columns.shape[1] - 2
        inside = int(at.searchsorted(size))
        kept = np.minimum(np.maximum(at + 1, 0), size)
        good, mass, low, high = self.index_columns.take(kept, axis=1)
        found = SmoothedIndex(index.index_value(good, mass, share), low, high, mass, good)
        if inside < len(at):
            later = index.value_after_end(self.index_columns[:2, -1], at[inside:] - size + 1, share)
            found.value[inside:], found.effective[inside:], found.good[inside:] = later
        return found

    def value_at_ends(self, ends: Dates, share: float) -> Floats:
        """Compute the value of the index alone."""
        return self.index_at_ends(ends, share).value

    def sums_inside(self, starts: Dates, ends: Dates) -> tuple[Ints, Ints]:
        """Add up n, positive and negative of some stretches.

        The second result is how many months came before the end of each.
        """
        total = _running_sums(self.sums.T)
        at = (
            self.month.searchsorted(month_number(starts)),
            self.month.searchsorted(month_number(ends), side="right"),
        )
        return total[at[1]] - total[at[0]], at[1]

    def count_publishers_by_span(self, starts: Dates, size: int) -> list[int]:
        """Count the publishers of each of some whole stretches of 1, 3 or 12 months."""
        opened = month_number(starts) // size
        spans = self.month // size
        at = np.minimum(spans.searchsorted(opened), len(spans) - 1)
        counts = self.publisher_columns[PUBLISHER_SPANS.index(size)]
        found: list[int] = np.where(spans[at] == opened, counts[at], 0).tolist()
        return found

    def directed_changes(self, first: str, last: str, share: float) -> list[DirectedChange]:
        """Measure what each side did to the other."""
        ends = np.array([first, last], "datetime64[D]")
        opened, closed = month_number(ends).tolist()
        at = np.searchsorted(self.month, (opened, closed))
        begun: dict[int, Ints] = {}
        if at[0] < len(self.month) and self.month[at[0]] == opened:
            begun = self._read_mass_until(first)
        found = []
        for own in (0, 1):
            count, kept = self.acts_by_side[own]
            used = (count > 0) | (kept.sum(0) > 0)  # an act may go on into a later month
            if not used.any():
                continue
            month, mass = self.month[used], kept[:, used]
            months = _fill_months(month, mass)
            whole = mass[:, month == closed].sum(1)
            until = np.stack([begun.get(own, np.zeros(2, np.int64)), whole])
            value = index.value_with_open_months(
                months, until / 1000, ends, share, index.MASS_DISPERSION
            )
            n = int(count[(self.month >= opened) & (self.month <= closed)].sum())
            found.append(
                DirectedChange(
                    *_name_direction(self.question, self.partner, own), n, *value.tolist()
                )
            )
        return found

    def _read_mass_until(self, day: str) -> dict[int, Ints]:
        """Read what each side did to the other in a month until a day.

        Each day counts within its bounds.
        """
        run = statements.compile_open_month_sums(self.db.dialect.name)
        values = {"one": self.question.actor, "other": self.partner, "first": day[:8] + "01"}
        values |= {"wanted": self.question.datasets[0], "last": day}
        total: dict[int, Ints] = {}
        for own, good, bad in run.fetch_rows(self.db, values):
            days = DaySeries(
                np.zeros(1, "datetime64[D]"), np.ones(1, np.int64), np.array([[good, bad]]),
                np.zeros((1, 4), np.int64),
            )  # fmt: skip
            total[own] = total.get(own, 0) + cap_days(days)[0][0]
        return total


def _name_direction(case: AlignmentQuestion, partner: str, own: int) -> tuple[str, str]:
    return (case.actor, partner) if own else (partner, case.actor)


def _running_sums(rows: Ints) -> Ints:
    """Add up the rows before each, and all of them."""
    return np.concatenate([np.zeros((1, rows.shape[1]), np.int64), rows.cumsum(0)])


def _fill_months(month: Ints, mass: Ints) -> MonthSeries:
    """Fill in the months without an event; signals and classes are left out."""
    first, size = int(month[0]), int(month[-1] - month[0]) + 1
    dense = np.zeros((size, 2))
    dense[month - first] = mass.T / 1000
    return MonthSeries(first, np.zeros(size, np.int64), dense, np.zeros((size, 0)))


def read_inputs(
    db: Connection, case: AlignmentQuestion, size: str, since: str | None, until: str | None
) -> "DailyInputs | MonthlyInputs":
    """Read what passed between the sides for points of a size, by the cheaper of both ways."""
    if size in ("day", "week") or not _is_one_dyad(case):
        return DailyInputs(read_flows(db, case), case)
    one, other = sorted((case.actor, *case.toward))
    run = statements.compile_months_between(db.dialect.name)
    rows = run.fetch_rows(db, {"one": one, "other": other, "wanted": case.datasets[0]})
    if not rows or not _cuts_no_month(rows[0][0], rows[0][1], since, until):
        return DailyInputs(read_flows(db, case), case)
    return MonthlyInputs(db, case, rows[0])


def _is_one_dyad(case: AlignmentQuestion) -> bool:
    plain = case.event_filter is None and case.as_of is None and case.acts == "both"
    alone = len(case.toward) == 1 and case.periods == {case.toward[0]: ALWAYS}
    return plain and alone and len(case.datasets) == 1


def _cuts_no_month(first: str, last: str, since: str | None, until: str | None) -> bool:
    """Whether a window cuts no month with an event."""
    opens = since is None or since[8:] == "01" or since <= first
    closes = until is None or until >= last or _is_month_end(until)
    return opens and closes


def _is_month_end(day: str) -> bool:
    return day[8:] == f"{monthrange(int(day[:4]), int(day[5:7]))[1]:02}"
