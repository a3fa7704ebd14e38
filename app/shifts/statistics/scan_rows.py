"""The rows that a scan tests: months, or event-days where there are few. Pure arithmetic."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.shifts.statistics import index
from app.shifts.statistics.sums import (
    DaySeries,
    Floats,
    MonthSeries,
    cap_days,
    month_number,
    sum_by_month,
    take_day_before,
)

MIN_DAYS_FOR_MONTHS = 30
"""Event-days from which on months are scanned; with fewer, single event-days are.

Permutations of single days take acts that come together for independent evidence: in dense series
without a change their p was below 0.05 in up to two of three.
"""
Method = Literal["quad_6", "mass_6", "event_days"]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class ScanRows:
    """The rows that a scan tests: months, or event-days where there are few."""

    method: Method
    when: Dates
    """First day of each row."""
    until: Dates
    """Last day of each row."""
    tested: Floats
    """(rows, classes): effective observations whose shares are compared."""
    mass: Floats
    """(rows, 2): effective observations for and against, from which levels are measured."""
    factor: Floats
    """(days, 2): effective observations per thousandth of mass of each day."""
    row_of_day: NDArray[np.int64]
    begun: NDArray[np.int64]
    """Event-days of each row."""

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
            until=self.until[start:stop],
            tested=self.tested[start:stop],
            mass=self.mass[start:stop],
            factor=self.factor[inside],
            row_of_day=self.row_of_day[inside] - start,
            begun=self.begun[start:stop],
        )


def monthly_rows(days: DaySeries, by_mass: bool = False) -> ScanRows:
    """Build monthly rows, tested by class; by mass where that is asked for or none has a class."""
    months = sum_by_month(days)
    mass = effective_month_mass(months)
    by_class = not by_mass and bool(months.classes.sum())
    tested = mass
    if by_class:
        spread = index.estimate_dispersion(months.classes, index.CLASS_DISPERSION)
        tested = index.saturate_counts(months.classes, spread)
    at = month_number(days.day) - months.first
    edges = np.arange(months.first, months.first + len(months) + 1).astype("datetime64[M]")
    edges = edges.astype("datetime64[D]")
    scale = mass.sum(1) / np.maximum(months.mass.sum(1), 1e-12) / 1000
    factor = _kept_fraction(days) * scale[at][:, None]
    method: Method = "quad_6" if by_class else "mass_6"
    begun = np.bincount(at[days.n > 0], minlength=len(months))
    return ScanRows(method, edges[:-1], take_day_before(edges[1:]), tested, mass, factor, at, begun)


def effective_month_mass(months: MonthSeries) -> Floats:
    """Return the mass of each month as effective observations for and against, (months, 2)."""
    phi = index.estimate_dispersion(months.mass, index.MASS_DISPERSION)
    return index.saturate_counts(months.mass, phi)


def daily_rows(days: DaySeries) -> ScanRows:
    """Build a row for each event-day, tested by mass.

    The days on which an act only goes on belong to the row before them: permutations move an act
    as a whole.
    """
    kept = cap_days(days)[0]
    factor = kept / np.maximum(days.mass, 1) / 1000 / index.DAY_DISPERSION
    begins = days.n > 0
    begins[:1] = True
    first = np.flatnonzero(begins)
    total = kept if len(first) == len(days) else np.add.reduceat(kept, first, axis=0)
    mass = total / 1000 / index.DAY_DISPERSION
    until = days.day[np.append(first[1:], len(days)) - 1] if len(days) else days.day
    begun = (days.n[first] > 0).astype(np.int64)
    row = begins.cumsum() - 1
    return ScanRows("event_days", days.day[first], until, mass, mass, factor, row, begun)


def rows_of_level(days: DaySeries) -> ScanRows:
    """Build the rows from which the level of a whole series is measured: months, or few days.

    By day, dense series have far too narrow an interval: it contained the level in 0.3 to 0.8.
    """
    return daily_rows(days) if count_event_days(days) < MIN_DAYS_FOR_MONTHS else monthly_rows(days)


def count_event_days(days: DaySeries) -> int:
    """Count the days on which an act began."""
    return int(np.count_nonzero(days.n))


def _kept_fraction(days: DaySeries) -> Floats:
    """Return, for each day, the fraction of its mass that remains within the bounds of a day."""
    kept: Floats = cap_days(days)[0] / np.maximum(days.mass, 1)
    return kept


def first_month(rows: ScanRows) -> int:
    """Return the month of the first row, as a number."""
    return int(month_number(rows.when[:1])[0])


def last_day_of_row(rows: ScanRows, row: int) -> str:
    """Return the last day of a row."""
    return str(rows.until[row])


def day_ranges(rows: ScanRows, likely: NDArray[np.int64]) -> tuple[tuple[str, str], ...]:
    """Return the first and last day of each run of adjacent rows."""
    runs = np.split(likely, np.flatnonzero(np.diff(likely) > 1) + 1)
    return tuple((str(rows.when[run[0]]), last_day_of_row(rows, int(run[-1]))) for run in runs)


def select_days(days: DaySeries, first: str, last: str) -> DaySeries:
    """Select the days of a stretch, both ends included."""
    inside = (days.day >= np.datetime64(first)) & (days.day <= np.datetime64(last))
    return DaySeries(days.day[inside], days.n[inside], days.mass[inside], days.classes[inside])


@lru_cache(maxsize=4)
def rows_for_method(method: Method, days: DaySeries) -> ScanRows:
    """Build the rows that a method tests; every check of a finding asks for those of its days."""
    return daily_rows(days) if method == "event_days" else monthly_rows(days, method == "mass_6")


@lru_cache(maxsize=4)
def factors_by_day(method: Method, days: DaySeries) -> dict[str, tuple[float, float]]:
    """Return the effective observations per thousandth of mass, for and against, of each day."""
    good, bad = rows_for_method(method, days).factor.T.tolist()
    return dict(zip(days.day.astype(str).tolist(), zip(good, bad, strict=True), strict=True))


def rows_in_span(rows: ScanRows, span: tuple[str, str, str]) -> tuple[ScanRows, int]:
    """Return the rows of a span, and the position of its first row after the onset."""
    ends = np.array(span, "datetime64[D]")
    start, turn = np.searchsorted(rows.when, ends[:2])
    stop = np.searchsorted(rows.when, ends[2], side="right")
    return rows.slice_rows(int(start), int(stop)), int(turn - start)
