"""Counts of plain questions, read from `month_counts` instead of the events themselves.

A plain question names at most one actor, and types, datasets and days, but no more. The months
that lie whole within its window are read from the counts; what is left of the first and the last
month is counted one by one, and so are the events that began earlier and still went on.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
)

from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.dialect.joined_documents import join_texts
from app.db.tables import datasets, month_counts
from app.events.buckets import MAX_AT_PEAK, PEAK_BITS
from app.events.resolved_filter import ResolvedFilter

_PLAIN_FIELDS = {"actor", "type", "dataset", "since", "until"}
_list_conditions = attrgetter(
    *(name for name in ResolvedFilter.__dataclass_fields__ if name not in _PLAIN_FIELDS)
)
NO_CONDITIONS = _list_conditions(ResolvedFilter())
FIRST_MONTH, LAST_MONTH = "0000-00", "9999-12"
COUNTED_FACES = frozenset({"type", "dataset"})
"""Facets that the counts have."""


@dataclass(frozen=True, slots=True)
class PlainWindow:
    """A window split into months that are counted already and the parts before and after them."""

    first: str
    last: str
    """The first and last month that lie whole within the window, `2023-10`."""
    head: tuple[str, str] | None
    """The first and last of the days before; None where there are none."""
    tail: tuple[str, str] | None
    """The first and last of the days after; None where there are none."""


def split_plain_window(resolved: ResolvedFilter) -> PlainWindow | None:
    """Split the window of a plain question; None for any other, and where no month lies within."""
    if len(resolved.actor) > 1 or _list_conditions(resolved) != NO_CONDITIONS:
        return None
    first, last, head, tail = FIRST_MONTH, LAST_MONTH, None, None
    if resolved.since is not None:
        first = resolved.since[:7]
        if resolved.since[8:] != "01":
            year, month = int(first[:4]), int(first[5:])
            end = f"{first}-{calendar.monthrange(year or 4, month)[1]:02}"
            if first == LAST_MONTH:
                return None  # months are compared as texts, and 10000-01 sorts before 9999-12
            head = (resolved.since, end)
            first = f"{year + month // 12:04}-{month % 12 + 1:02}"
    if resolved.until is not None:
        year, month = int(resolved.until[:4]), int(resolved.until[5:7])
        last = resolved.until[:7]
        if int(resolved.until[8:]) < calendar.monthrange(year or 4, month)[1]:
            tail = (f"{last}-01", resolved.until)
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
            last = f"{year:04}-{month:02}"
    return PlainWindow(first, last, head, tail) if first <= last else None


class MonthTotals(NamedTuple):
    """Totals of the events of a dataset that began in a month."""

    month: str
    events: int
    cooperation: int
    conflict: int
    scored: int
    millionths: int
    """The sum of their intensities."""
    lasting: int
    peaks: str
    """At least the greatest absolute intensity of each type, in millionths.

    Each is one number with how many events have it (`PEAK_BITS`); they are joined by line feeds.
    """


def read_month_totals(
    db: Connection, resolved: ResolvedFilter, window: PlainWindow, closed: Sequence[str] = ()
) -> list[MonthTotals]:
    """Read the totals of the whole months of a window, by dataset and month.

    The datasets that are `closed` to the reader are left out.
    """
    rows = _fetch_counts(db, resolved, window, "", closed)
    return list(map(MonthTotals._make, rows))


def read_face_counts(
    db: Connection,
    resolved: ResolvedFilter,
    window: PlainWindow,
    face: str,
    closed: Sequence[str] = (),
) -> dict[Any, int]:
    """Read the number of events in the whole months of a window, by dataset or type."""
    rows = _fetch_counts(db, resolved, window, face, closed)
    return {value or None: int(n) for value, n in rows}


def sort_by_rarity(db: Connection, codes: Sequence[str]) -> tuple[str, ...]:
    """Sort actors by the number of their events, the rarest first."""
    asked = _compile_actor_counts(db.dialect.name, len(codes))
    values = {f"actor_{n}": code for n, code in enumerate(codes)}
    known: dict[str, int] = dict(asked.fetch_rows(db, values))
    return tuple(sorted(codes, key=lambda code: known.get(code, 0)))


@lru_cache(maxsize=64)
def _compile_actor_counts(kind: str, count: int) -> CompiledStatement:
    c = month_counts.c
    rows = select(c.actor, func.sum(c.n)).group_by(c.actor)
    return compile_statement(
        kind, rows.where(c.actor.in_([bindparam(f"actor_{n}") for n in range(count)]))
    )


def _fetch_counts(
    db: Connection,
    resolved: ResolvedFilter,
    window: PlainWindow,
    face: str,
    closed: Sequence[str],
) -> Sequence[Any]:
    counts = (len(resolved.dataset), len(resolved.type), len(closed))
    asked = _compile_counts(db.dialect.name, *counts, face)
    values: dict[str, object] = {
        "actor": resolved.actor[0] if resolved.actor else "",
        "first": window.first,
        "last": window.last,
    }
    values |= {f"dataset_{n}": code for n, code in enumerate(resolved.dataset)}
    values |= {f"type_{n}": name for n, name in enumerate(resolved.type)}
    values |= {f"closed_{n}": code for n, code in enumerate(closed)}
    return asked.fetch_rows(db, values)


@lru_cache(maxsize=256)
def _compile_counts(
    kind: str, dataset_count: int, type_count: int, closed_count: int, face: str
) -> CompiledStatement:
    """Compile (value, number of events) by a face; or, for no face, `MonthTotals`."""
    c = month_counts.c
    wanted = (c.actor == bindparam("actor"), c.month >= bindparam("first"))
    # Every dataset is named, so that the months of each are found by the key.
    named: list[ColumnElement[str]] = [bindparam(f"dataset_{n}") for n in range(dataset_count)]
    of_datasets = c.dataset.in_(named) if named else c.dataset.in_(select(datasets.c.code))
    of_types = [c.type.in_([bindparam(f"type_{n}") for n in range(type_count)])] * bool(type_count)
    hidden = [c.dataset.not_in([bindparam(f"closed_{n}") for n in range(closed_count)])]
    of_types += hidden * bool(closed_count)
    conditions = (*wanted, c.month <= bindparam("last"), of_datasets, *of_types)
    if face:
        counted = select(c[face], func.sum(c.n)).where(*conditions).group_by(c[face])
        return compile_statement(kind, counted, steady=True)
    counts = (c.n, c.cooperation, c.conflict, c.scored, c.intensity, c.lasting)
    summed = (cast(func.sum(count), BigInteger) for count in counts)
    at_peak = case((c.at_peak > MAX_AT_PEAK, MAX_AT_PEAK), else_=c.at_peak)
    peak = cast(c.peak * (1 << PEAK_BITS) + at_peak, Text)
    totals = select(c.month, *summed, join_texts(peak, c.type)).where(*conditions)
    return compile_statement(kind, totals.group_by(c.dataset, c.month), steady=True)
