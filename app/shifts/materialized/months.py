"""The months of busy dyads, materialized so that a series of years need not read its days.

All months of a dyad are one row of the database, in one array. A row is rebuilt with the shifts of
the dyad, where its day sums changed; until then, and for dyads of few days, a reader adds up the
days, with the same numbers.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from app.db import dialect
from app.shifts.materialized import statements
from app.shifts.statistics import index
from app.shifts.statistics.sums import (
    DaySeries,
    DyadSides,
    Floats,
    Ints,
    cap_days,
    month_number,
    sum_by_month,
)

Pair = tuple[str, str]
MIN_EVENT_DAYS = 20
"""Event-days from which on months are stored: fewer are added up in half a millisecond."""
PAIRS_PER_QUERY = 25
"""Dyads whose publishers are in memory at once."""
MONTH_COLUMNS = (
    "month", "n", "positive", "negative", "one_n", "kept_positive", "kept_negative",
    "kept_one_positive", "kept_one_negative", "kept_other_positive", "kept_other_negative",
    "publishers", "publishers_of_quarter", "publishers_of_year",
)  # fmt: skip
"""The columns that are stored for each month with an event.

The month since 1970-01, its day sums, and how often the dyad's `one` acted; the thousandths within
the bounds of a day, of both sides' acts together and of each side's alone; and how many publishers
reported it, also in its quarter and in its year.
"""
PUBLISHER_SPANS = (1, 3, 12)
"""Months over which publishers are counted."""
PublisherCounts = tuple[dict[int, int], ...]
"""Numbers of publishers: for each of `PUBLISHER_SPANS`, by the number of the span."""
INDEX_COLUMNS = ("good", "effective", "low", "high")
"""The fields of the index that are stored, before the first month and after each until the last.

Months without an event are included. The value itself also depends on the prior share and is
computed on reading. A last column has `index.remaining_mass`, from which the index of later
months follows.
"""
_INTEGER, _FLOAT = np.dtype("<i8"), np.dtype("<f8")
Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A row of `dyad_months`: fields and columns have the same names."""

    one: str
    other: str
    dataset: str
    dispersion: float
    first: str
    last: str
    months: bytes
    index: bytes


def pack_months(columns: Ints) -> bytes:
    """Encode the columns of months for storage."""
    return columns.astype(_INTEGER).tobytes()


def unpack_months(stored: bytes) -> Ints:
    """Decode the columns that `pack_months` encoded."""
    columns: Ints = np.frombuffer(stored, _INTEGER).reshape(len(MONTH_COLUMNS), -1)
    return columns


def unpack_index(stored: bytes) -> Floats:
    """Decode the columns of the index."""
    columns: Floats = np.frombuffer(stored, _FLOAT).reshape(len(INDEX_COLUMNS), -1)
    return columns


def build_month_rows(
    dataset: str, dyads: Mapping[Pair, DyadSides], publisher_counts: Mapping[Pair, PublisherCounts]
) -> list[MonthRow]:
    """Build the rows of `dyad_months` for the dyads in `publisher_counts`."""
    found = []
    for pair in sorted(publisher_counts):
        of = dyads[pair].both
        columns = _build_month_columns(dyads[pair], publisher_counts[pair])
        months = sum_by_month(of)
        phi = index.estimate_dispersion(months.mass, index.MASS_DISPERSION)
        smoothed = index.index_at_months(months, phi)
        rows = np.zeros((len(INDEX_COLUMNS), len(months) + 2), _FLOAT)
        rows[:, :-1] = [getattr(smoothed, name) for name in INDEX_COLUMNS]
        rows[:3, -1] = index.remaining_mass(months, phi)
        found.append(
            MonthRow(
                one=pair[0],
                other=pair[1],
                dataset=dataset,
                dispersion=phi,
                first=str(of.day[0]),
                last=str(of.day[-1]),
                months=pack_months(columns),
                index=rows.tobytes(),
            )
        )
    return found


def _build_month_columns(sides: DyadSides, publisher_counts: PublisherCounts) -> Ints:
    """Build `MONTH_COLUMNS` of a dyad, as the acts of its `one`."""
    days, side = sides.both, sides.by_side
    own = sides.own[:, None].astype(np.int64)
    month = np.unique(month_number(days.day))
    kept, apart = cap_days(days)[0], cap_days(side)[0]
    columns = np.zeros((len(month), len(MONTH_COLUMNS)), np.int64)
    columns[:, 0] = month
    both = np.concatenate([days.n[:, None], days.mass, kept], axis=1)
    of_side = np.concatenate([side.n[:, None] * own, apart * own, apart * (1 - own)], axis=1)
    columns[:, [1, 2, 3, 5, 6]] = _add_by_month(days.day, both, month)
    columns[:, [4, 7, 8, 9, 10]] = _add_by_month(side.day, of_side, month)
    for at, (size, of) in enumerate(zip(PUBLISHER_SPANS, publisher_counts, strict=True), 11):
        columns[:, at] = [of.get(period, 0) for period in (month // size).tolist()]
    return columns.T


def _add_by_month(day: Dates, values: Ints, months: Ints) -> Ints:
    """Add up values of days by month."""
    total = np.zeros((len(months), values.shape[1]), np.int64)
    np.add.at(total, months.searchsorted(month_number(day)), values)
    return total


def count_publishers(
    reported: Iterable[tuple[str, str, str, str]], pairs: Iterable[Pair]
) -> dict[Pair, PublisherCounts]:
    """Count publishers from (one, other, month, publisher), each once."""
    publishers_of: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one, other, name, publisher in reported:
        publishers_of[one, other, name].append(publisher)
    sets: dict[Pair, tuple[dict[int, set[str]], ...]] = {
        pair: tuple(defaultdict(set) for _ in PUBLISHER_SPANS) for pair in pairs
    }
    for (one, other, name), some in publishers_of.items():
        month = _parse_month(name)
        for size, names in zip(PUBLISHER_SPANS, sets[one, other], strict=True):
            names[month // size].update(some)
    return {
        pair: tuple({at: len(names) for at, names in of_span.items()} for of_span in of)
        for pair, of in sets.items()
    }


@lru_cache(maxsize=4096)
def _parse_month(name: str) -> int:
    """Parse a month such as `2022-09` to months since 1970-01."""
    return (int(name[:4]) - 1970) * 12 + int(name[5:7]) - 1


def read_publisher_counts(
    db: Connection, dataset: str, since: Mapping[Pair, str]
) -> dict[Pair, PublisherCounts]:
    """Count the publishers of some dyads from the year of a day on."""
    run = statements.compile_publisher_months(db.dialect.name)
    asked = [(*pair, f"{day[:4]}-01-01" if day else "") for pair, day in since.items()]
    found: dict[Pair, PublisherCounts] = {}
    for at in range(0, len(asked), PAIRS_PER_QUERY):
        part = asked[at : at + PAIRS_PER_QUERY]
        values = dialect.values_table_params(db.dialect.name, statements.DATED_PAIR, part) | {
            "wanted": dataset
        }
        reported = [(r[0], r[1], r[2], r[3]) for r in run.fetch_rows(db, values)]
        found |= count_publishers(reported, [pair[:2] for pair in part])
    return found


def rebuild_month_rows(
    db: Connection, dataset: str, changed: Mapping[Pair, str], dyads: Mapping[Pair, DyadSides]
) -> list[MonthRow]:
    """Rebuild the rows of `dyad_months` of those dyads that are busy.

    `changed` gives the first day that changed in each: publishers are counted again from its year
    on.
    """
    stored = read_stored_months(db, dataset, list(changed))
    since = {
        pair: day if pair in stored else ""
        for pair, day in changed.items()
        if pair in dyads and is_busy(dyads[pair].both)
    }
    publisher_counts = read_publisher_counts(db, dataset, since)
    for pair, day in since.items():
        if day:
            _add_earlier_counts(
                publisher_counts[pair], unpack_months(stored[pair]), _parse_month(f"{day[:4]}-01")
            )
    return build_month_rows(dataset, dyads, publisher_counts)


def _add_earlier_counts(publisher_counts: PublisherCounts, columns: Ints, opened: int) -> None:
    """Take over the stored counts of the years before a month."""
    early = columns[:, columns[0] < opened]
    for at, (size, of) in enumerate(zip(PUBLISHER_SPANS, publisher_counts, strict=True), 11):
        of.update(zip((early[0] // size).tolist(), early[at].tolist(), strict=True))


def is_busy(days: DaySeries) -> bool:
    """Whether months of a dyad are stored."""
    return len(days) >= MIN_EVENT_DAYS


def read_stored_months(db: Connection, dataset: str, pairs: Sequence[Pair]) -> dict[Pair, bytes]:
    """Read the stored months of some dyads."""
    run = statements.compile_months_of_pairs(db.dialect.name)
    values = dialect.values_table_params(db.dialect.name, statements.PAIR, pairs) | {
        "wanted": dataset
    }
    return {(one, other): bytes(stored) for one, other, stored in run.fetch_rows(db, values)}
