"""The months of busy dyads, kept so that a series of years need not read its days.

They are made anew from day sums where those changed, when the shifts are; until then, and for
dyads of few days, a reader adds up the days, with the same numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert

from app.db.tables import month_sums
from app.db.types import NEVER
from app.shifts import measure, queries
from app.shifts.case import Flow
from app.shifts.measure import Days

Pair = tuple[str, str]
LEAST_DAYS = 60
"""Event-days from which on months are kept: fewer are added up as fast as months are read."""
COLUMNS = [column.name for column in month_sums.columns]


def is_busy(days: Days) -> bool:
    """Whether months of a dyad are kept."""
    return len(days) >= LEAST_DAYS


def rows(
    dataset: str, pair: Pair, flows: Sequence[Flow], days: Days, said: Mapping[str, int], since: str
) -> list[dict[str, Any]]:
    """Rows of `month_sums` of a dyad from the month of a day on; `said` counts publishers by month.

    Flows are seen from the dyad's one.
    """
    sides = [measure.gathered([(f.day, *f.sums) for f in flows if f.own == own]) for own in (1, 0)]
    months = np.unique(measure.month_of(days.day))
    months = months[months >= _number(since)]
    whole = np.concatenate([days.n[:, None], days.mass, measure.capped(days)[0]], axis=1)
    held = [_by_month(days, whole, months)]
    for side in sides:
        both = np.concatenate([side.n[:, None], measure.capped(side)[0]], axis=1)
        held.append(_by_month(side, both, months))
    all_, one, other = held
    numbers = np.concatenate([all_[:, :3], one[:, :1], all_[:, 3:], one[:, 1:], other[:, 1:]], 1)
    edges = measure.month_of(days.day).searchsorted([months, months + 1])
    ends = days.day[edges[0]].astype(str).tolist(), days.day[edges[1] - 1].astype(str).tolist()
    names = months.astype("datetime64[M]").astype(str).tolist()
    return [
        dict(zip(COLUMNS, (*pair, dataset, name, *some, *line, said.get(name, 0)), strict=True))
        for name, *some, line in zip(names, *ends, numbers.tolist(), strict=True)
    ]


def _number(day: str) -> int:
    return int(measure.month_of(np.array([day or "0001-01-01"], "datetime64[D]"))[0])


def _by_month(days: Days, values: measure.Ints, months: measure.Ints) -> measure.Ints:
    """Values of days added up by month, for the months asked for."""
    edges = measure.month_of(days.day).searchsorted([months, months + 1])
    total = np.concatenate([np.zeros((1, values.shape[1]), np.int64), values.cumsum(0)])
    found: measure.Ints = total[edges[1]] - total[edges[0]]
    return found


def publishers(db: Connection, dataset: str, pair: Pair, since: str) -> dict[str, int]:
    """By month from the month of a day on, how many say so of a dyad."""
    run = queries.publishers(db.dialect.name)
    values = {"actor": pair[0], "partner_0": pair[1], "dataset_0": dataset}
    values |= {"first": since[:8] + "01" if since else "", "last": NEVER}
    held: Any = run.run(db, values)
    return dict(map(tuple, held))


def forget(db: Connection, dataset: str, spans: Iterable[tuple[Pair, str]]) -> None:
    """Take out the months of some dyads, each from the month of a day on."""
    m = month_sums.c
    key = (m.one == bindparam("a"), m.other == bindparam("b"), m.dataset == dataset)
    values = [{"a": a, "b": b, "c": since[:7]} for (a, b), since in spans]
    if values:
        db.execute(delete(month_sums).where(*key, m.month >= bindparam("c")), values)


def keep(db: Connection, made: Sequence[Mapping[str, Any]]) -> None:
    """Put rows in."""
    if made:
        db.execute(insert(month_sums), made)
