"""Counts of events: by buckets of time, and by the values of a field."""

import json
from typing import Any, Literal

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, case, func, or_, select

from app.db import dialect
from app.db.types import NO_END_DAY
from app.db.versioning import Columns
from app.events import queries
from app.events.buckets import (
    BucketSize,
    DayTotals,
    bucket_start_text,
    choose_bucket_size,
    fill_buckets,
    find_weight_threshold,
)
from app.events.queries import BoundQuery
from app.events.read import read_dataset_coverage
from app.events.resolved_filter import ResolvedFilter
from app.events.statement import CARRIED_COLUMNS, select_matching

FacetField = Literal["type", "actor", "country", "dataset", "quad", "status", "role", "mode"]


def count_timeline(
    db: Connection, resolved: ResolvedFilter, size: BucketSize | Literal["auto"], top: int
) -> list[dict[str, Any]]:
    """Count the matching events in consecutive buckets, oldest first; each event counts once."""
    since, until = resolved.since, resolved.until
    query = queries.bind_query(db, resolved)
    days = _read_day_totals(db, query, since)
    if size == "auto":
        first_day = since or (days[0].day if days else until or NO_END_DAY)
        size = choose_bucket_size(first_day, until or (days[-1].day if days else first_day))
    buckets = fill_buckets(days, since, until, size)
    named = _find_weightiest(db, query, since, days, size, top) if top else {}
    titles = _read_titles(db, [seq for bucket_seqs in named.values() for seq in bucket_seqs])
    spans = read_dataset_coverage(db, resolved)
    for bucket in buckets:
        seqs = named.get(bucket_start_text(bucket["start"], size), [])
        bucket["top"] = [titles[seq] for seq in seqs]
        bucket["covered"] = any(a <= bucket["end"] and bucket["start"] <= b for a, b in spans)
    return buckets


def _counted_day(value: ColumnElement[str], since: str | None) -> ColumnElement[str]:
    """The day that an event counts for: the first of the window where it began before."""
    if since is None:
        return value
    first: BindParameter[str] = bindparam("first", since)
    return case((value < first, first), else_=value)


def _read_day_totals(db: Connection, query: BoundQuery, since: str | None) -> list[DayTotals]:
    hit = select_matching(query.statement_key, "intensity", "quad").order_by(None).subquery().c
    day, n = _counted_day(hit.value, since), func.count()
    rows = select(
        day.label("day"),
        n,
        n.filter(hit.quad.in_((1, 2))),
        n.filter(hit.quad.in_((3, 4))),
        func.count(hit.intensity),
        func.coalesce(func.sum(hit.intensity), 0.0),
        func.max(_event_weight(hit)),
    )
    rows = rows.group_by("day").order_by("day")
    return [DayTotals(*row) for row in db.execute(rows, query.values)]


def _event_weight(hit: Columns) -> ColumnElement[float]:
    return func.abs(func.coalesce(hit.intensity, 0.0))


def _find_weightiest(
    db: Connection,
    query: BoundQuery,
    since: str | None,
    days: list[DayTotals],
    size: BucketSize,
    top: int,
) -> dict[str, list[int]]:
    """Find the `seq`s of the `top` weightiest events of each bucket, by its first day."""
    bar, small_days = find_weight_threshold(days, size, top)
    hit = select_matching(query.statement_key, "intensity").order_by(None).subquery().c
    day, weight = _counted_day(hit.value, since), _event_weight(hit)
    rows = select(day.label("day"), hit.seq).where(
        or_(weight >= bindparam("bar", bar), dialect.in_list(db, day))
    )
    rows = rows.order_by(weight.desc(), "day", hit.id)
    values = query.values | dialect.in_list_params(db, small_days)
    found: dict[str, list[int]] = {}
    for row in db.execute(rows, values):
        bucket = found.setdefault(bucket_start_text(row.day, size), [])
        if len(bucket) < top:
            bucket.append(row.seq)
    return found


def _read_titles(db: Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    found = {}
    for at in range(0, len(seqs), 500):
        for row in db.execute(queries.select_events_by_seq(seqs[at : at + 500])):
            event = json.loads(row.document)
            found[row.seq] = {k: event[k] for k in ("id", "title", "date", "type", "intensity")}
    return found


def count_facets(
    db: Connection, resolved: ResolvedFilter, by: list[FacetField]
) -> dict[str, list[dict[str, Any]]]:
    """Count the matching events by the values of each requested field, the highest count first."""
    query = queries.bind_query(db, resolved)
    carried = [face for face in by if face in CARRIED_COLUMNS]
    hit = select_matching(query.statement_key, *carried).order_by(None).subquery()
    as_of = resolved.as_of is not None
    found: dict[str, list[dict[str, Any]]] = {}
    for face in by:
        value: Any
        if face in ("actor", "role"):
            parts = queries.select_participation_values(hit, as_of, face).c
            value, counted = parts.value, func.count(func.distinct(parts.event))
            rows = select(value, counted)
        elif face in CARRIED_COLUMNS:
            value, counted = hit.c[face], func.count()
            rows = select(value, counted)
        else:
            rows_of, column = queries.join_event_rows(hit, as_of)
            value, counted = column(face), func.count()
            rows = select(value, counted).select_from(rows_of)
        rows = rows.group_by(value).order_by(counted.desc(), value.is_(None), value.asc())
        found[face] = [{"value": v, "count": n} for v, n in db.execute(rows, query.values)]
    return found
