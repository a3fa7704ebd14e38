"""The months of busy dyads, materialized so that a series of years need not read its days.

All months of a dyad are one row of the database, in one array. A row is rebuilt with the shifts of
the dyad, where its day sums changed; until then, and for dyads of few days, a reader adds up the
days, with the same numbers.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from app.db import dialect
from app.shifts import measure, queries
from app.shifts.measure import Days, Floats, Ints, Sides

Pair = tuple[str, str]
LEAST_DAYS = 20
"""Event-days from which on months are stored: fewer are added up in half a millisecond."""
PART = 25
"""Dyads whose publishers are in memory at once."""
ROWS = (
    "month", "n", "positive", "negative", "one_n", "kept_positive", "kept_negative",
    "kept_one_positive", "kept_one_negative", "kept_other_positive", "kept_other_negative",
    "publishers", "publishers_of_quarter", "publishers_of_year",
)  # fmt: skip
"""The columns that are stored for each month with an event.

The month since 1970-01, its day sums, and how often the dyad's `one` acted; the thousandths within
the bounds of a day, of both sides' acts together and of each side's alone; and how many publishers
reported it, also in its quarter and in its year.
"""
SIZES = (1, 3, 12)
"""Months over which publishers are counted."""
Said = tuple[dict[int, int], ...]
"""Numbers of publishers: for each of `PUBLISHER_SPANS`, by the number of the span."""
INDEX = ("good", "effective", "low", "high")
"""The fields of the index that are stored, before the first month and after each until the last.

Months without an event are included. The value itself also depends on the prior share and is
computed on reading. A last column has `index.remaining_mass`, from which the index of later
months follows.
"""
_INTEGER, _FLOAT = np.dtype("<i8"), np.dtype("<f8")
Dates = NDArray[np.datetime64]


def packed(columns: Ints) -> bytes:
    """Encode the columns of months for storage."""
    return columns.astype(_INTEGER).tobytes()


def unpacked(stored: bytes) -> Ints:
    """Decode the columns that `pack_months` encoded."""
    columns: Ints = np.frombuffer(stored, _INTEGER).reshape(len(ROWS), -1)
    return columns


def drawn(stored: bytes) -> Floats:
    """Decode the columns of the index."""
    columns: Floats = np.frombuffer(stored, _FLOAT).reshape(len(INDEX), -1)
    return columns


def rows(
    dataset: str, dyads: Mapping[Pair, Sides], publisher_counts: Mapping[Pair, Said]
) -> list[dict[str, Any]]:
    """Build the rows of `dyad_months` for the dyads in `publisher_counts`."""
    found = []
    for pair in sorted(publisher_counts):
        of = dyads[pair].both
        columns = _held(dyads[pair], publisher_counts[pair])
        months = measure.by_month(of)
        phi = measure.dispersion(months.mass, measure.MASS_DISPERSION)
        smoothed = measure.at_months(months, phi)
        rows = np.zeros((len(INDEX), len(months) + 2), _FLOAT)
        rows[:, :-1] = [getattr(smoothed, name) for name in INDEX]
        rows[:3, -1] = measure.left_after(months, phi)
        found.append(
            {"one": pair[0], "other": pair[1], "dataset": dataset, "dispersion": phi}
            | {"first": str(of.day[0]), "last": str(of.day[-1])}
            | {"months": packed(columns), "index": rows.tobytes()}
        )
    return found


def _held(sides: Sides, publisher_counts: Said) -> Ints:
    """Build `MONTH_COLUMNS` of a dyad, as the acts of its `one`."""
    days, side = sides.both, sides.apart
    own = sides.own[:, None].astype(np.int64)
    month = np.unique(measure.month_of(days.day))
    kept, apart = measure.capped(days)[0], measure.capped(side)[0]
    columns = np.zeros((len(month), len(ROWS)), np.int64)
    columns[:, 0] = month
    both = np.concatenate([days.n[:, None], days.mass, kept], axis=1)
    of_side = np.concatenate([side.n[:, None] * own, apart * own, apart * (1 - own)], axis=1)
    columns[:, [1, 2, 3, 5, 6]] = _by_month(days.day, both, month)
    columns[:, [4, 7, 8, 9, 10]] = _by_month(side.day, of_side, month)
    for at, (size, of) in enumerate(zip(SIZES, publisher_counts, strict=True), 11):
        columns[:, at] = [of.get(period, 0) for period in (month // size).tolist()]
    return columns.T


def _by_month(day: Dates, values: Ints, months: Ints) -> Ints:
    """Add up values of days by month."""
    total = np.zeros((len(months), values.shape[1]), np.int64)
    np.add.at(total, months.searchsorted(measure.month_of(day)), values)
    return total


def counted(
    reported: Iterable[tuple[str, str, str, str]], pairs: Iterable[Pair]
) -> dict[Pair, Said]:
    """Count publishers from (one, other, month, publisher), each once."""
    publishers_of: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one, other, name, publisher in reported:
        publishers_of[one, other, name].append(publisher)
    sets: dict[Pair, tuple[dict[int, set[str]], ...]] = {
        pair: tuple(defaultdict(set) for _ in SIZES) for pair in pairs
    }
    for (one, other, name), some in publishers_of.items():
        month = _month(name)
        for size, names in zip(SIZES, sets[one, other], strict=True):
            names[month // size].update(some)
    return {
        pair: tuple({at: len(names) for at, names in of_span.items()} for of_span in of)
        for pair, of in sets.items()
    }


@lru_cache(maxsize=4096)
def _month(name: str) -> int:
    """Parse a month such as `2022-09` to months since 1970-01."""
    return (int(name[:4]) - 1970) * 12 + int(name[5:7]) - 1


def publishers(db: Connection, dataset: str, since: Mapping[Pair, str]) -> dict[Pair, Said]:
    """Count the publishers of some dyads from the year of a day on."""
    run = queries.publishers(db.dialect.name)
    asked = [(*pair, f"{day[:4]}-01-01" if day else "") for pair, day in since.items()]
    found: dict[Pair, Said] = {}
    for at in range(0, len(asked), PART):
        part = asked[at : at + PART]
        values = dialect.handing(db.dialect.name, part) | {"wanted": dataset}
        reported: Any = run.rows(db, values)
        found |= counted(reported, [pair[:2] for pair in part])
    return found


def found(
    db: Connection, dataset: str, changed: Mapping[Pair, str], dyads: Mapping[Pair, Sides]
) -> list[dict[str, Any]]:
    """Rebuild the rows of `dyad_months` of those dyads that are busy.

    `changed` gives the first day that changed in each: publishers are counted again from its year
    on.
    """
    stored = kept(db, dataset, list(changed))
    since = {
        pair: day if pair in stored else ""
        for pair, day in changed.items()
        if pair in dyads and is_busy(dyads[pair].both)
    }
    publisher_counts = publishers(db, dataset, since)
    for pair, day in since.items():
        if day:
            _add_earlier(publisher_counts[pair], unpacked(stored[pair]), _month(f"{day[:4]}-01"))
    return rows(dataset, dyads, publisher_counts)


def _add_earlier(publisher_counts: Said, columns: Ints, opened: int) -> None:
    """Take over the stored counts of the years before a month."""
    early = columns[:, columns[0] < opened]
    for at, (size, of) in enumerate(zip(SIZES, publisher_counts, strict=True), 11):
        of.update(zip((early[0] // size).tolist(), early[at].tolist(), strict=True))


def is_busy(days: Days) -> bool:
    """Whether months of a dyad are stored."""
    return len(days) >= LEAST_DAYS


def kept(db: Connection, dataset: str, pairs: Sequence[Pair]) -> dict[Pair, bytes]:
    """Read the stored months of some dyads."""
    run = queries.months_of_pairs(db.dialect.name)
    values = dialect.handing(db.dialect.name, pairs) | {"wanted": dataset}
    return {(one, other): bytes(stored) for one, other, stored in run.rows(db, values)}
