"""Counts of events by actor, dataset, month and type, written with the events (decision 029).

What they count is what a question without further conditions finds: each event once for an actor,
whatever its roles, and not those that are retracted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    and_,
    cast,
    delete,
    except_,
    func,
    literal,
    or_,
    select,
    union_all,
)

from app.db.dialect import in_list_params, match_any
from app.db.dialect.bulk_copy import bulk_add_sums, bulk_delete_empty_sums
from app.db.tables import events, month_counts, participations
from app.events.buckets import INTENSITY_UNIT
from app.events.index_rows import EventRows

Shape = tuple[str, str, str, float | None, int | None, bool]
"""(dataset, month, type, intensity, quad, whether it lasts) of an event: many are alike."""
Measure = tuple[tuple[str, str, str], tuple[int, ...], int]
"""The rest of the key, what an event of a shape adds to the columns after `n`, and its peak."""
_PEAK_RULES = {
    "peak": "CASE WHEN new.peak > old.peak THEN new.peak ELSE old.peak END",
    "at_peak": "CASE WHEN new.peak > old.peak THEN new.at_peak WHEN new.peak = old.peak"
    " THEN old.at_peak + new.at_peak ELSE old.at_peak END",
}
"""What is subtracted has no greater peak than the row, and counts as less than nothing."""


def change_month_counts(
    db: Connection, removed: Sequence[tuple[Any, ...]], added: Sequence[tuple[Any, ...]]
) -> None:
    """Subtract the counts of events that are superseded, and add those that are being stored.

    Both as `count_by_month` makes them. What is removed and added alike is not written.
    """
    alike = set(removed).intersection(added)
    less = [_negate_counts(row) for row in removed if row not in alike]
    bulk_add_sums(db, month_counts, less, _PEAK_RULES)
    # By their keys: the table is long. Before rows are added: a new one has no earlier peak.
    bulk_delete_empty_sums(db, month_counts, [row[:4] for row in less], ("n",))
    bulk_add_sums(db, month_counts, [row for row in added if row not in alike], _PEAK_RULES)


def _negate_counts(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row that subtracts its counts; the peak stays, and counts fewer events."""
    *keys, n, coop, conf, scored, whole, lasts, peak, at_peak = row
    return (*keys, -n, -coop, -conf, -scored, -whole, -lasts, peak, -at_peak)


def count_stored_months(db: Connection, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """Count what the current rows of some events add: rows of `month_counts`, in key order."""
    return _sum_shapes(_count_stored_shapes(db, ids))


def count_months_again(db: Connection) -> None:
    """Make all counts from the events that are there, which were written in another way."""
    db.execute(delete(month_counts))
    bulk_add_sums(db, month_counts, _sum_shapes(_count_stored_shapes(db)))


def count_by_month(rows: EventRows) -> list[tuple[Any, ...]]:
    """Count events by month: rows of `month_counts`, in key order."""
    numbers: dict[Shape, int] = {}
    of_events: dict[int, int] = {}
    for row in rows.events:
        if row[10] != "retracted":
            start = row[2]
            shape = (row[1], start[:7], row[4] or "", row[8], row[9], start != row[3])
            of_events[row[-1]] = numbers.setdefault(shape, len(numbers))
    # An event counts once for an actor that has two roles in it.
    pairs = {(row[0], row[-1]) for row in rows.participations}
    counted = Counter([(actor, of_events[seq]) for actor, seq in pairs if seq in of_events])
    counted.update([("", number) for number in of_events.values()])
    measures = [_measure_shape(shape) for shape in numbers]
    return _sum_shapes((actor, measures[number], n) for (actor, number), n in counted.items())


def _count_stored_shapes(
    db: Connection, ids: Sequence[str] | None = None
) -> Iterator[tuple[str, Measure, int]]:
    """Count the current rows of some events, or of all, by actor and shape."""
    asked = _select_counted_rows(db.dialect.name, of_all_events=ids is None)
    wanted = None if ids is None else in_list_params(db, ids)
    counted = Counter(
        (actor, (dataset, start[:7], kind or "", intensity, quad, start != end))
        for actor, start, dataset, kind, intensity, quad, end in db.execute(asked, wanted)
    )
    return ((actor, _measure_shape(shape), n) for (actor, shape), n in counted.items())


@lru_cache
def _select_counted_rows(dialect: str, *, of_all_events: bool) -> Select[Any]:
    """Select the rows that are counted of some events, or of all."""
    p, e = participations.c, events.c
    columns = ("start", "dataset", "type", "intensity", "quad", "end")
    of_actors = select(p.actor, *(p[name] for name in columns), p.event).distinct()
    of_actors = of_actors.where(p.status != "retracted")
    of_all = select(literal("").label("actor"), *(e[name] for name in columns), e.id)
    of_all = of_all.where(e.status != "retracted")
    if not of_all_events:
        of_actors = of_actors.where(match_any(dialect, p.event))
        of_all = of_all.where(match_any(dialect, e.id))
    both = union_all(of_actors, of_all).subquery().c
    return select(both.actor, *(both[name] for name in columns))


def _sum_shapes(counted: Iterable[tuple[str, Measure, int]]) -> list[tuple[Any, ...]]:
    """Sum (actor, measure, number of events) into rows of `month_counts`."""
    total: dict[tuple[str, ...], tuple[int, ...]] = {}
    for actor, (rest, (coop, conf, scored, whole, lasts), peak), n in counted:
        key = (actor, *rest)
        row: tuple[int, ...]
        row = (n, n * coop, n * conf, n * scored, n * whole, n * lasts, peak, n * scored)
        if key in total:
            row = _add_rows(total[key], row)
        total[key] = row
    return [key + total[key] for key in sorted(total)]


def _add_rows(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """Add two rows of one key; only those at the greater peak count for `at_peak`."""
    summed = [a + b for a, b in zip(one[:-2], other[:-2], strict=True)]
    if one[-2] == other[-2]:
        return (*summed, one[-2], one[-1] + other[-1])
    return (*summed, *max(one[-2:], other[-2:]))


def _measure_shape(shape: Shape) -> Measure:
    dataset, month, kind, intensity, quad, lasts = shape
    whole = 0 if intensity is None else round(intensity * INTENSITY_UNIT)
    signs = (1 <= (quad or 0) <= 2, (quad or 0) > 2, intensity is not None)
    return (dataset, month, kind), (*map(int, signs), whole, int(lasts)), abs(whole)


def select_wrong_month_counts() -> Iterator[Select[Any]]:
    """Select (actor, dataset, month, type) where counts differ from the events."""
    p, e, n = participations.c, events.c, func.count()
    columns = ("start", "end", "dataset", "type", "intensity", "quad")
    of_actors = select(p.actor, *(p[name] for name in columns), p.event).distinct()
    of_all = select(literal("").label("actor"), *(e[name] for name in columns), e.id)
    every = union_all(
        of_actors.where(p.status != "retracted"), of_all.where(e.status != "retracted")
    ).subquery()
    of = every.c
    keys = [
        of.actor,
        of.dataset,
        func.substr(of.start, 1, 7).label("month"),
        func.coalesce(of.type, "").label("type"),
    ]
    whole = cast(func.round(of.intensity * INTENSITY_UNIT), BigInteger)
    counted = select(
        *keys,
        n.label("n"),
        n.filter(of.quad <= 2).label("cooperation"),
        n.filter(of.quad >= 3).label("conflict"),
        func.count(of.intensity).label("scored"),
        cast(func.coalesce(func.sum(whole), 0), BigInteger).label("intensity"),
        n.filter(of.start != of.end).label("lasting"),
    )
    found = counted.group_by(*keys).subquery()
    c = month_counts.c
    kept = [c[column.name] for column in found.c]
    for ours, theirs in ((kept, found.c), (found.c, kept)):
        rows = except_(select(*ours), select(*theirs)).subquery()
        yield select(*list(rows.c)[:4])
    # Grouped, so that SQLite keeps the keys as columns and finds them by an index of its own: by
    # keys that are computed it would compare each count with every event.
    height = func.abs(whole).label("height")
    heights = select(*keys, height, n.label("n")).group_by(*keys, height).subquery()
    same = [heights.c[name] == c[name] for name in found.c.keys()[:4]]
    at_peak = func.sum(heights.c.n).filter(heights.c.height == c.peak)
    peaks = select(*list(c)[:4]).select_from(month_counts.outerjoin(heights, and_(*same)))
    peaks = peaks.group_by(*list(c)[:4], c.peak, c.at_peak)
    wrong = c.at_peak != func.coalesce(at_peak, 0)
    yield peaks.having(or_(wrong, func.max(heights.c.height) > c.peak))
