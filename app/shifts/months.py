"""The months of busy dyads, kept so that a series of years need not read its days.

All months of a dyad stand in one row, as one array. They are made anew where day sums changed, when
the shifts are; until then, and for dyads of few days, a reader adds up the days, with the same
numbers.
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
"""Event-days from which on months are kept: fewer are added up in half a millisecond."""
PART = 25
"""Dyads whose publishers are held at once."""
ROWS = (
    "month", "n", "positive", "negative", "one_n", "kept_positive", "kept_negative",
    "kept_one_positive", "kept_one_negative", "kept_other_positive", "kept_other_negative",
    "publishers", "publishers_of_quarter", "publishers_of_year",
)  # fmt: skip
"""What is kept of each month that has an event: which it is since 1970-01, its day sums, and how
often the one acted; what the bounds of a day leave, in thousandths, of both sides' acts together
and of each side's alone; and how many publishers said so, also of all its quarter and its year."""
SIZES = (1, 3, 12)
"""Months over which publishers are counted."""
Said = tuple[dict[int, int], ...]
"""How many publishers said so: for each of `SIZES`, by which stretch of so many months it was."""
INDEX = ("good", "effective", "low", "high")
"""What is kept of the index before the first month and after each until the last, be there an event
or not; its value depends on the prior share besides. Behind them stands what `measure.left_after`
says, from which the index of later months follows."""
_INTEGER, _FLOAT = np.dtype("<i8"), np.dtype("<f8")
Dates = NDArray[np.datetime64]


def packed(held: Ints) -> bytes:
    """`ROWS` as they are stored."""
    return held.astype(_INTEGER).tobytes()


def unpacked(stored: bytes) -> Ints:
    """`ROWS`, as `packed` made them."""
    held: Ints = np.frombuffer(stored, _INTEGER).reshape(len(ROWS), -1)
    return held


def drawn(stored: bytes) -> Floats:
    """`INDEX`, as it is stored."""
    held: Floats = np.frombuffer(stored, _FLOAT).reshape(len(INDEX), -1)
    return held


def rows(
    dataset: str, dyads: Mapping[Pair, Sides], said: Mapping[Pair, Said]
) -> list[dict[str, Any]]:
    """Rows of `dyad_months`, for the dyads in `said`."""
    found = []
    for pair in sorted(said):
        of = dyads[pair].both
        held = _held(dyads[pair], said[pair])
        months = measure.by_month(of)
        phi = measure.dispersion(months.mass, measure.MASS_DISPERSION)
        index = measure.at_months(months, phi)
        rows = np.zeros((len(INDEX), len(months) + 2), _FLOAT)
        rows[:, :-1] = [getattr(index, name) for name in INDEX]
        rows[:3, -1] = measure.left_after(months, phi)
        found.append(
            {"one": pair[0], "other": pair[1], "dataset": dataset, "dispersion": phi}
            | {"first": str(of.day[0]), "last": str(of.day[-1])}
            | {"months": packed(held), "index": rows.tobytes()}
        )
    return found


def _held(sides: Sides, said: Said) -> Ints:
    """`ROWS` of a dyad, whose sides are seen from its one."""
    days, side = sides.both, sides.apart
    own = sides.own[:, None].astype(np.int64)
    month = np.unique(measure.month_of(days.day))
    kept, apart = measure.capped(days)[0], measure.capped(side)[0]
    held = np.zeros((len(month), len(ROWS)), np.int64)
    held[:, 0] = month
    both = np.concatenate([days.n[:, None], days.mass, kept], axis=1)
    of_side = np.concatenate([side.n[:, None] * own, apart * own, apart * (1 - own)], axis=1)
    held[:, [1, 2, 3, 5, 6]] = _by_month(days.day, both, month)
    held[:, [4, 7, 8, 9, 10]] = _by_month(side.day, of_side, month)
    for at, (size, of) in enumerate(zip(SIZES, said, strict=True), 11):
        held[:, at] = [of.get(period, 0) for period in (month // size).tolist()]
    return held.T


def _by_month(day: Dates, values: Ints, months: Ints) -> Ints:
    """Values of days added up by month."""
    total = np.zeros((len(months), values.shape[1]), np.int64)
    np.add.at(total, months.searchsorted(measure.month_of(day)), values)
    return total


def counted(told: Iterable[tuple[str, str, str, str]], pairs: Iterable[Pair]) -> dict[Pair, Said]:
    """From (one, other, month, publisher), each once."""
    said: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one, other, name, publisher in told:
        said[one, other, name].append(publisher)
    sets: dict[Pair, tuple[dict[int, set[str]], ...]] = {
        pair: tuple(defaultdict(set) for _ in SIZES) for pair in pairs
    }
    for (one, other, name), who in said.items():
        month = _month(name)
        for size, held in zip(SIZES, sets[one, other], strict=True):
            held[month // size].update(who)
    return {
        pair: tuple({at: len(who) for at, who in held.items()} for held in of)
        for pair, of in sets.items()
    }


@lru_cache(maxsize=4096)
def _month(name: str) -> int:
    """A month since 1970-01."""
    return (int(name[:4]) - 1970) * 12 + int(name[5:7]) - 1


def publishers(db: Connection, dataset: str, since: Mapping[Pair, str]) -> dict[Pair, Said]:
    """As `counted`, of some dyads from the year of a day on."""
    run = queries.publishers(db.dialect.name)
    asked = [(*pair, f"{day[:4]}-01-01" if day else "") for pair, day in since.items()]
    found: dict[Pair, Said] = {}
    for at in range(0, len(asked), PART):
        part = asked[at : at + PART]
        values = dialect.handing(db.dialect.name, part) | {"wanted": dataset}
        told: Any = run.rows(db, values)
        found |= counted(told, [pair[:2] for pair in part])
    return found


def found(
    db: Connection, dataset: str, changed: Mapping[Pair, str], dyads: Mapping[Pair, Sides]
) -> list[dict[str, Any]]:
    """Rows of `dyad_months`, for those of some dyads that are busy; each with the first day that
    changed, from whose year on publishers are counted again."""
    stood = kept(db, dataset, list(changed))
    since = {
        pair: day if pair in stood else ""
        for pair, day in changed.items()
        if pair in dyads and is_busy(dyads[pair].both)
    }
    said = publishers(db, dataset, since)
    for pair, day in since.items():
        if day:
            _add_earlier(said[pair], unpacked(stood[pair]), _month(f"{day[:4]}-01"))
    return rows(dataset, dyads, said)


def _add_earlier(said: Said, held: Ints, opened: int) -> None:
    """What stood of the years before a month."""
    early = held[:, held[0] < opened]
    for at, (size, of) in enumerate(zip(SIZES, said, strict=True), 11):
        of.update(zip((early[0] // size).tolist(), early[at].tolist(), strict=True))


def is_busy(days: Days) -> bool:
    """Whether months of a dyad are kept."""
    return len(days) >= LEAST_DAYS


def kept(db: Connection, dataset: str, pairs: Sequence[Pair]) -> dict[Pair, bytes]:
    """The months that are kept of some dyads."""
    run = queries.months_of_pairs(db.dialect.name)
    values = dialect.handing(db.dialect.name, pairs) | {"wanted": dataset}
    return {(one, other): bytes(stored) for one, other, stored in run.rows(db, values)}
