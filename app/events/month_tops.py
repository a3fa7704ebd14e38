"""The weightiest events of each bucket of a plain timeline, sought bucket by bucket.

Kept counts say how weighty the `top` events of a bucket must be. Where enough events share the
greatest weight of the bucket, its first ones by day are the answer, and reading stops there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Float,
    Integer,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.sql.visitors import replacement_traverse

from app.actors.pair_sums import Stretch
from app.db import dialect
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.events.buckets import BucketBar, BucketSize, bucket_start_text
from app.events.conditions import FilterShape
from app.events.queries import BoundQuery
from app.events.statement import MatchingRows, PagePart, StatementKey, select_matching

HALF_UNIT = 0.5e-6
"""Weights are kept in millionths, which may be above the weight itself by half of one."""
Bounds = ColumnElement[str] | ColumnElement[float]
TopRow = tuple[str, float, str, str, int, int | None]
"""(first day of the bucket, weight, day that it counts for, id, seq, quad) of an event."""


def find_bucket_tops(
    db: Connection,
    query: BoundQuery,
    buckets: Sequence[Stretch],
    bars: Mapping[str, BucketBar],
    size: BucketSize,
    top: int,
    *,
    ran_before: bool,
) -> dict[str, dict[int, int]]:
    """Find the `top` weightiest events of each bucket, by its first day: signs by `seq`.

    `query` is the question of the timeline; each bucket is sought by its own days and its bar.
    `ran_before` says whether events that began earlier went on in the window.
    """
    asked: dict[bool, list[tuple[str, str, str]]] = {True: [], False: []}
    for start, end in buckets:
        bar = bars.get(bucket_start_text(start, size))
        if bar is not None:
            asked[bar.is_shared].append((start, end, repr(bar.weight - HALF_UNIT)))
    rows = [
        row
        for is_shared, wanted in asked.items()
        for row in _fetch_tops(db, query, wanted, top, is_shared=is_shared)
    ]
    if ran_before:
        first = buckets[0][0]
        bar = bars.get(bucket_start_text(first, size))
        if bar is not None:
            running = _compile_running_tops(_with_bar(query.statement_key, "running"))
            values = query.values | {"bar": bar.weight - HALF_UNIT, "page": top}
            found = running.fetch_rows(db, values)
            rows += [(first, weight, first, *rest) for weight, _, *rest in found]
    rows.sort(key=lambda row: (-row[1], row[2], row[3]))
    tops: dict[str, dict[int, int]] = {}
    for start, _, _, _, seq, quad in rows:
        of_bucket = tops.setdefault(bucket_start_text(start, size), {})
        if len(of_bucket) < top:
            of_bucket[seq] = 0 if quad is None else 1 if quad <= 2 else -1
    return tops


def _with_bar(key: StatementKey, part: PagePart) -> StatementKey:
    shape = FilterShape((*key.shape.field_counts, ("bar", 1)))
    return replace(key, shape=shape, part=part)


def _fetch_tops(
    db: Connection,
    query: BoundQuery,
    wanted: Sequence[tuple[str, str, str]],
    top: int,
    *,
    is_shared: bool,
) -> list[TopRow]:
    """Fetch the tops of some buckets, each given as its first and last day and its bar."""
    if not wanted:
        return []
    key, kind = _with_bar(query.statement_key, "begun"), query.statement_key.dialect_name
    bounds = [("until", 1)] * ("until" not in query.values)
    bounds += [("since", 1)] * ("since" not in query.values)
    key = replace(key, shape=FilterShape((*key.shape.field_counts, *bounds)), sort="date")
    asked = _compile_tops(key, is_shared=is_shared)
    values = query.values | {"page": top}
    if dialect.prefers_separate_seeks(kind):
        columns = zip(*wanted, strict=True)
        values |= {f"bucket_{n}": list(column) for n, column in enumerate(columns)}
        return asked.fetch_rows(db, values)
    found: list[TopRow] = []
    for first, last, bar in wanted:
        values |= {"since": first, "until": last, "bar": float(bar)}
        found += asked.fetch_rows(db, values)
    return found


def _select_tops(key: StatementKey, *, is_shared: bool) -> MatchingRows:
    """Select (weight, day, id, seq, quad) of the weightiest events of a bucket.

    With `is_shared`, they are the first of the bucket that reach the bar.
    """
    every = select_matching(replace(key, limited=is_shared), "intensity", "quad")
    hit = (every if is_shared else every.order_by(None)).subquery().c
    weight = func.abs(func.coalesce(hit.intensity, 0.0)).label("weight")
    found = select(weight, hit.value, hit.id, hit.seq, hit.quad)
    if is_shared:
        return found
    most = bindparam("page", type_=Integer)
    return found.order_by(weight.desc(), hit.value, hit.id).limit(most)


@lru_cache(maxsize=256)
def _compile_tops(key: StatementKey, *, is_shared: bool) -> CompiledStatement:
    """Compile `TopRow` of one bucket; on PostgreSQL, of all of the lists `bucket_…`."""
    kind, tops = key.dialect_name, _select_tops(key, is_shared=is_shared)
    if not dialect.prefers_separate_seeks(kind):
        each = tops.subquery().c
        first: BindParameter[str] = bindparam("since")
        return compile_statement(kind, select(first.label("first"), *each))
    buckets = dialect.unnest_params(kind, "bucket", ("first", "last", "bar"), alias="bucket")
    # By name, not as columns: the subquery within would select from the buckets again.
    places: dict[str, Bounds] = {
        "since": literal_column("bucket.first"),
        "until": literal_column("bucket.last"),
        "bar": cast(literal_column("bucket.bar"), Float),
    }

    def place_bounds(
        element: object, **_: object
    ) -> ColumnElement[str] | ColumnElement[float] | None:
        return places.get(element.key) if isinstance(element, BindParameter) else None

    placed: MatchingRows = replacement_traverse(tops, {}, place_bounds)  # type: ignore[assignment]
    of_each = placed.lateral()
    rows = select(buckets.c.first, *of_each.c).select_from(buckets).join(of_each, true())
    return compile_statement(kind, rows)


@lru_cache(maxsize=256)
def _compile_running_tops(key: StatementKey) -> CompiledStatement:
    """Compile (weight, day, id, seq, quad) of the weightiest that began before the window."""
    every = select_matching(replace(key, limited=False), "intensity", "quad").order_by(None)
    hit = every.subquery().c
    weight = func.abs(func.coalesce(hit.intensity, 0.0)).label("weight")
    found = select(weight, literal("").label("day"), hit.id, hit.seq, hit.quad)
    most = bindparam("page", type_=Integer)
    return compile_statement(key.dialect_name, found.order_by(weight.desc(), hit.id).limit(most))
