"""Counts of events: by buckets of time, and by the values of a field."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Subquery,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)

from app.actors.pair_sums import PairSums, Stretch
from app.db import dialect
from app.db.tables import actors, signals
from app.db.types import NO_END_DAY
from app.db.versioning import Columns, list_row_states
from app.events import queries
from app.events.buckets import (
    BucketSize,
    DayTotals,
    LastingEvents,
    add_spans,
    bucket_start_text,
    choose_bucket_size,
    fill_buckets,
    find_weight_threshold,
    is_span,
)
from app.events.coverage import read_covered_spans
from app.events.queries import BoundQuery
from app.events.render import ACTING_KINDS
from app.events.resolved_filter import ResolvedFilter
from app.events.statement import CARRIED_COLUMNS, select_matching

UNDER_WAY_LIMIT = 100
"""Most events that are listed as under way: the weightiest."""
ReadPairSums = Callable[
    [Connection, ResolvedFilter, tuple[str, str], str, Sequence[Stretch]],
    tuple[list[PairSums], list[str]],
]
"""Reads what passed between two actors in some stretches, and the datasets that this counts."""
FacetField = Literal["type", "actor", "country", "dataset", "quad", "status", "role", "mode"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Consecutive buckets, oldest first, and the events that go beyond one or have no known day."""

    buckets: list[dict[str, Any]]
    under_way: list[dict[str, Any]]
    pair: tuple[str, str] | None
    """The two actors whose signals the buckets count; None where they count events."""
    size: BucketSize
    resolved: ResolvedFilter


def count_timeline(
    db: Connection, resolved: ResolvedFilter, size: BucketSize | Literal["auto"], top: int
) -> Timeline:
    """Count the matching events in consecutive buckets, oldest first; each event counts once.

    Between two actors, events count by the sign of the signals between the two.
    """
    pair = _find_pair(db, resolved)
    since, until = resolved.since, resolved.until
    query = queries.bind_query(db, resolved)
    counted = _select_counted_events(query, pair, resolved.as_of is not None)
    days = _read_day_totals(db, counted, since)
    if size == "auto":
        first_day = since or (days[0].day if days else until or NO_END_DAY)
        size = choose_bucket_size(first_day, until or (days[-1].day if days else first_day))
    buckets = fill_buckets(days, since, until, size)
    named = _find_weightiest(db, counted, since, days, size, top) if top else {}
    lasting: dict[int, dict[str, Any]] = {}
    if any(day.lasting for day in days):
        add_spans(buckets, _read_lasting_events(db, counted, since), size)
        lasting = _find_under_way(db, counted, since, buckets, size)
    shown = [seq for bucket_seqs in named.values() for seq in bucket_seqs]
    titles = _read_titles(db, list(dict.fromkeys([*shown, *lasting])))
    under_way = [titles[seq] | more for seq, more in lasting.items()]
    under_way.sort(key=lambda event: (event["start"], event["id"]))
    spans = read_covered_spans(db, resolved)
    for bucket in buckets:
        seqs = named.get(bucket_start_text(bucket["start"], size), [])
        bucket["top"] = [titles[seq] for seq in seqs]
        bucket["covered"] = any(a <= bucket["end"] and bucket["start"] <= b for a, b in spans)
    return Timeline(buckets, under_way, pair, size, resolved)


def add_pair_sums(db: Connection, found: Timeline, read_pair_sums: ReadPairSums) -> list[str]:
    """Add to each bucket what passed between the pair; returns the datasets that this counts."""
    assert found.pair is not None
    stretches = [(bucket["start"], bucket["end"]) for bucket in found.buckets]
    sums, wanted = read_pair_sums(db, found.resolved, found.pair, found.size, stretches)
    for bucket, one in zip(found.buckets, sums, strict=True):
        bucket |= {"positive": one.positive, "negative": one.negative, "index": one.index}
    return wanted


def _find_pair(db: Connection, resolved: ResolvedFilter) -> tuple[str, str] | None:
    """Find the two actors of `between`; None where one is a person or body, without signals."""
    pair = tuple(dict.fromkeys(resolved.between))
    if len(pair) != 2:
        return None
    rows = select(actors.c.code).where(actors.c.code.in_(pair), actors.c.kind.in_(ACTING_KINDS))
    return None if db.execute(rows).first() else pair


@dataclass(frozen=True, slots=True)
class _CountedEvents:
    """The matching events, with what each counts as."""

    rows: FromClause
    hit: Columns
    good: ColumnElement[bool]
    bad: ColumnElement[bool]
    scored: ColumnElement[int]
    """The number of intensities or scores of an event."""
    score: ColumnElement[float]
    """Their sum."""
    weight: ColumnElement[float]
    values: dict[str, Any]


def _select_counted_events(
    query: BoundQuery, pair: tuple[str, str] | None, as_of: bool
) -> _CountedEvents:
    found = select_matching(query.statement_key, "intensity", "quad", "end").order_by(None)
    rows = found.subquery()
    hit = rows.c
    if pair is None:
        weight = func.abs(func.coalesce(hit.intensity, 0.0))
        scored = case((hit.intensity.is_not(None), 1), else_=0)
        good, bad = hit.quad.in_((1, 2)), hit.quad.in_((3, 4))
        score = func.coalesce(hit.intensity, 0.0)
        return _CountedEvents(rows, hit, good, bad, scored, score, weight, query.values)
    scores = _select_pair_scores(pair, as_of)
    s = scores.c
    score = func.coalesce(s.score, 0.0)
    return _CountedEvents(
        rows.outerjoin(scores, s.seq == hit.seq), hit, score > 0, score < 0,
        func.coalesce(s.scored, 0), score, func.coalesce(s.weight, 0.0), query.values,
    )  # fmt: skip


def _select_pair_scores(pair: tuple[str, str], as_of: bool) -> Subquery:
    """Select the signals between two actors, added up by revision of an event."""
    arms = []
    for row_state in list_row_states(as_of):
        s = row_state.table_for(signals).c
        for from_, toward in (pair, pair[::-1]):
            arms.append(select(s.seq, s.score).where(s["from"] == from_, s.toward == toward))
    both = union_all(*arms).subquery().c
    # Rounded: the sum of both ways is 0 where they cancel out, not a last bit.
    total = func.round(func.sum(both.score) * 10_000) / 10_000
    return (
        select(
            both.seq,
            func.count().label("scored"),
            total.label("score"),
            func.max(func.abs(both.score)).label("weight"),
        )
        .group_by(both.seq)
        .subquery()
    )


def _counted_day(value: ColumnElement[str], since: str | None) -> ColumnElement[str]:
    """The day that an event counts for: the first of the window where it began before."""
    if since is None:
        return value
    first: BindParameter[str] = bindparam("first", since)
    return case((value < first, first), else_=value)


def _read_day_totals(db: Connection, of: _CountedEvents, since: str | None) -> list[DayTotals]:
    day, n = _counted_day(of.hit.value, since), func.count()
    rows = select(
        day.label("day"),
        n,
        n.filter(of.good),
        n.filter(of.bad),
        cast(func.sum(of.scored), Integer),  # PostgreSQL sums whole numbers to a numeric
        func.sum(of.score),
        func.max(of.weight),
        n.filter(of.hit.end != of.hit.value),
    )
    rows = rows.select_from(of.rows).group_by("day").order_by("day")
    return [DayTotals(*row) for row in db.execute(rows, of.values)]


def _read_lasting_events(
    db: Connection, of: _CountedEvents, since: str | None
) -> list[LastingEvents]:
    """Count the events of more than a day by their first and last days."""
    hit, n = of.hit, func.count()
    day = _counted_day(hit.value, since)
    rows = select(day, hit.value, hit.end, n, n.filter(of.good), n.filter(of.bad))
    rows = rows.select_from(of.rows).where(hit.end != hit.value).group_by(hit.value, hit.end)
    return [LastingEvents(*row) for row in db.execute(rows, of.values)]


def _find_under_way(
    db: Connection,
    of: _CountedEvents,
    since: str | None,
    buckets: list[dict[str, Any]],
    size: BucketSize,
) -> dict[int, dict[str, Any]]:
    """Find the weightiest events that go beyond a bucket or have no known day, by `seq`."""
    by_start = {bucket_start_text(bucket["start"], size): bucket for bucket in buckets}
    hit = of.hit
    day = _counted_day(hit.value, since).label("day")
    rows = select(hit.seq, day, hit.value, hit.end, of.score).select_from(of.rows)
    rows = rows.where(hit.end != hit.value).order_by(of.weight.desc(), hit.value, hit.id)
    found: dict[int, dict[str, Any]] = {}
    for seq, counted, start, end, score in db.execute(rows, of.values):
        bucket = by_start[bucket_start_text(counted, size)]
        if is_span(start, end, bucket["start"], bucket["end"]):
            found[seq] = {
                "start": start,
                "end": None if end == NO_END_DAY else end,
                "sign": (score > 0) - (score < 0),
            }
            if len(found) == UNDER_WAY_LIMIT:
                break
    return found


def _find_weightiest(
    db: Connection,
    of: _CountedEvents,
    since: str | None,
    days: list[DayTotals],
    size: BucketSize,
    top: int,
) -> dict[str, list[int]]:
    """Find the `seq`s of the `top` weightiest events of each bucket, by its first day."""
    bar, small_days = find_weight_threshold(days, size, top)
    day = _counted_day(of.hit.value, since)
    rows = select(day.label("day"), of.hit.seq).select_from(of.rows)
    rows = rows.where(or_(of.weight >= bindparam("bar", bar), dialect.in_list(db, day)))
    rows = rows.order_by(of.weight.desc(), "day", of.hit.id)
    values = of.values | dialect.in_list_params(db, small_days)
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
