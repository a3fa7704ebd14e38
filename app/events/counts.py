"""Counts of events: by buckets of time, and by the values of a field."""

import json
from typing import Any, Literal

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, case, func, or_, select

from app.db import dialect
from app.db.types import NEVER
from app.db.worlds import Columns
from app.events import queries
from app.events.buckets import Day, Size, bar_of, fitting, spread, start_of_text
from app.events.filter import EventFilter
from app.events.queries import Asked
from app.events.read import coverage
from app.events.statement import CARRIED, matching

Face = Literal["type", "actor", "country", "dataset", "quad", "status", "role", "mode"]


def timeline(
    db: Connection, asked: EventFilter, size: Size | Literal["auto"], top: int
) -> list[dict[str, Any]]:
    """Count the matching events in consecutive buckets, oldest first; each event counts once."""
    resolved = queries.settle(db, asked)
    since, until = resolved.days
    query = queries.asking(db, resolved)
    days = _days(db, query, since)
    if size == "auto":
        first_day = since or (days[0].day if days else until or NEVER)
        size = fitting(first_day, until or (days[-1].day if days else first_day))
    buckets = spread(days, since, until, size)
    named = _weightiest(db, query, since, days, size, top) if top else {}
    titles = _titles(db, [seq for bucket_seqs in named.values() for seq in bucket_seqs])
    spans = coverage(db, resolved)
    for bucket in buckets:
        seqs = named.get(start_of_text(bucket["start"], size), [])
        bucket["top"] = [titles[seq] for seq in seqs]
        bucket["covered"] = any(a <= bucket["end"] and bucket["start"] <= b for a, b in spans)
    return buckets


def _day(value: ColumnElement[str], since: str | None) -> ColumnElement[str]:
    """The day that an event counts for: the first of the window where it began before."""
    if since is None:
        return value
    first: BindParameter[str] = bindparam("first", since)
    return case((value < first, first), else_=value)


def _days(db: Connection, query: Asked, since: str | None) -> list[Day]:
    hit = matching(query.reading, "intensity", "quad").order_by(None).subquery().c
    day, n = _day(hit.value, since), func.count()
    rows = select(
        day.label("day"),
        n,
        n.filter(hit.quad.in_((1, 2))),
        n.filter(hit.quad.in_((3, 4))),
        func.count(hit.intensity),
        func.coalesce(func.sum(hit.intensity), 0.0),
        func.max(_weight(hit)),
    )
    rows = rows.group_by("day").order_by("day")
    return [Day(*row) for row in db.execute(rows, query.values)]


def _weight(hit: Columns) -> ColumnElement[float]:
    return func.abs(func.coalesce(hit.intensity, 0.0))


def _weightiest(
    db: Connection, query: Asked, since: str | None, days: list[Day], size: Size, top: int
) -> dict[str, list[int]]:
    """Find the `seq`s of the `top` weightiest events of each bucket, by its first day."""
    bar, small_days = bar_of(days, size, top)
    hit = matching(query.reading, "intensity").order_by(None).subquery().c
    day, weight = _day(hit.value, since), _weight(hit)
    rows = select(day.label("day"), hit.seq).where(
        or_(weight >= bindparam("bar", bar), dialect.among(db, day))
    )
    rows = rows.order_by(weight.desc(), "day", hit.id)
    values = query.values | dialect.listed(db, small_days)
    found: dict[str, list[int]] = {}
    for row in db.execute(rows, values):
        bucket = found.setdefault(start_of_text(row.day, size), [])
        if len(bucket) < top:
            bucket.append(row.seq)
    return found


def _titles(db: Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    found = {}
    for at in range(0, len(seqs), 500):
        for row in db.execute(queries.of_revisions(seqs[at : at + 500])):
            event = json.loads(row.document)
            found[row.seq] = {k: event[k] for k in ("id", "title", "date", "type", "intensity")}
    return found


def facets(db: Connection, asked: EventFilter, by: list[Face]) -> dict[str, list[dict[str, Any]]]:
    """Count the matching events by the values of each requested field, the highest count first."""
    resolved = queries.settle(db, asked)
    query = queries.asking(db, resolved)
    carried = [face for face in by if face in CARRIED]
    hit = matching(query.reading, *carried).order_by(None).subquery()
    as_of = resolved.as_of is not None
    found: dict[str, list[dict[str, Any]]] = {}
    for face in by:
        value: Any
        if face in ("actor", "role"):
            parts = queries.participating(hit, as_of, face).c
            value, counted = parts.value, func.count(func.distinct(parts.event))
            rows = select(value, counted)
        elif face in CARRIED:
            value, counted = hit.c[face], func.count()
            rows = select(value, counted)
        else:
            rows_of, column = queries.joined(hit, as_of)
            value, counted = column(face), func.count()
            rows = select(value, counted).select_from(rows_of)
        rows = rows.group_by(value).order_by(counted.desc(), value.is_(None), value.asc())
        found[face] = [{"value": v, "count": n} for v, n in db.execute(rows, query.values)]
    return found
