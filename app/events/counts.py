"""Counts of events: by buckets of time, and by the values of a field."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import msgspec
from sqlalchemy import Connection, bindparam, or_, select

from app.actors.pair_sums import PairSums, Stretch
from app.db.dialect import in_list_params
from app.db.dialect.fast_statements import compile_prepared
from app.db.tables import actors
from app.db.types import NO_END_DAY
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
from app.events.count_statements import (
    CountKey,
    compile_day_totals,
    compile_facet,
    compile_lasting_events,
    compile_under_way,
    compile_weightiest_events,
)
from app.events.coverage import read_covered_spans
from app.events.render import ACTING_KINDS
from app.events.resolved_filter import ResolvedFilter

UNDER_WAY_LIMIT = 100
"""Most events that are listed as under way: the weightiest."""
ReadPairSums = Callable[
    [Connection, ResolvedFilter, tuple[str, str], str, Sequence[Stretch]],
    tuple[list[PairSums], list[str]],
]
"""Reads what passed between two actors in some stretches, and the datasets that this counts."""
FacetField = Literal[
    "type", "actor", "country", "dataset", "quad", "status", "role", "mode", "tag", "publisher"
]


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
    counted = _bind_counted_query(db, resolved, pair)
    rows = compile_day_totals(counted.key).fetch_rows(db, counted.values)
    days = [DayTotals(*row) for row in rows]
    if size == "auto":
        first_day = since or (days[0].day if days else until or NO_END_DAY)
        size = choose_bucket_size(first_day, until or (days[-1].day if days else first_day))
    buckets = fill_buckets(days, since, until, size)
    named = _find_weightiest(db, counted, days, size, top) if top else {}
    lasting: dict[int, dict[str, Any]] = {}
    if any(day.lasting for day in days):
        spans = compile_lasting_events(counted.key).fetch_rows(db, counted.values)
        add_spans(buckets, [LastingEvents(*row) for row in spans], size)
        lasting = _find_under_way(db, counted, buckets, size)
    shown = [seq for of_bucket in named.values() for seq in of_bucket]
    titles = _read_titles(db, list(dict.fromkeys([*shown, *lasting])))
    under_way = [titles[seq] | more for seq, more in lasting.items()]
    under_way.sort(key=lambda event: (event["start"], event["id"]))
    covered = read_covered_spans(db, resolved)
    for bucket in buckets:
        signs = named.get(bucket_start_text(bucket["start"], size), {})
        bucket["top"] = [titles[seq] | {"sign": sign} for seq, sign in signs.items()]
        bucket["covered"] = any(a <= bucket["end"] and bucket["start"] <= b for a, b in covered)
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
    run = compile_prepared(db.dialect.name, _ACTING_OF_PAIR)
    return None if run.fetch_rows(db, {"pair_0": pair[0], "pair_1": pair[1]}) else pair


_ACTING_OF_PAIR = select(actors.c.code).where(
    or_(*(actors.c.code == bindparam(name) for name in ("pair_0", "pair_1"))),
    or_(*(actors.c.kind == kind for kind in sorted(ACTING_KINDS))),
)


@dataclass(frozen=True, slots=True)
class _CountedQuery:
    """The statements that count the events of a question, by their key, with their values."""

    key: CountKey
    values: dict[str, object]


def _bind_counted_query(
    db: Connection, resolved: ResolvedFilter, pair: tuple[str, str] | None
) -> _CountedQuery:
    query = queries.bind_query(db, resolved)
    key = CountKey(query.statement_key, pair is not None, resolved.since is not None)
    values = query.values | ({} if resolved.since is None else {"first": resolved.since})
    if pair is not None:
        values |= {"pair_0": pair[0], "pair_1": pair[1]}
    return _CountedQuery(key, values)


def _find_under_way(
    db: Connection, counted: _CountedQuery, buckets: list[dict[str, Any]], size: BucketSize
) -> dict[int, dict[str, Any]]:
    """Find the weightiest events that go beyond a bucket or have no known day, by `seq`."""
    by_start = {bucket_start_text(bucket["start"], size): bucket for bucket in buckets}
    found: dict[int, dict[str, Any]] = {}
    rows = compile_under_way(counted.key).execute(db, counted.values)
    for seq, day, start, end, sign in rows:
        bucket = by_start[bucket_start_text(day, size)]
        if is_span(start, end, bucket["start"], bucket["end"]):
            found[seq] = {
                "start": start,
                "end": None if end == NO_END_DAY else end,
                "sign": sign,
            }
            if len(found) == UNDER_WAY_LIMIT:
                break
    rows.close()
    return found


def _find_weightiest(
    db: Connection, counted: _CountedQuery, days: list[DayTotals], size: BucketSize, top: int
) -> dict[str, dict[int, int]]:
    """Find the `top` weightiest events of each bucket, by its first day: signs by `seq`."""
    bar, small_days = find_weight_threshold(days, size, top)
    values = counted.values | {"bar": bar} | in_list_params(db, small_days)
    found: dict[str, dict[int, int]] = {}
    for day, seq, sign in compile_weightiest_events(counted.key).fetch_rows(db, values):
        bucket = found.setdefault(bucket_start_text(day, size), {})
        if len(bucket) < top:
            bucket[seq] = sign
    return found


class EventTitle(TypedDict):
    """The fields of an event that a timeline shows."""

    id: str
    title: str
    date: str
    type: str | None
    intensity: float | None


_decode_title = msgspec.json.Decoder(EventTitle).decode


def _read_titles(db: Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for at in range(0, len(seqs), 500):
        for row in db.execute(queries.select_events_by_seq(seqs[at : at + 500])):
            found[row.seq] = dict(_decode_title(row.document))
    return found


ACTOR_FACETS = frozenset({"actor", "country"})
"""Facets whose values are codes of actors; their names are given too."""


def count_facets(
    db: Connection, resolved: ResolvedFilter, by: list[FacetField]
) -> dict[str, list[dict[str, Any]]]:
    """Count the matching events by the values of each requested field, the highest count first."""
    query = queries.bind_query(db, resolved)
    found: dict[str, list[dict[str, Any]]] = {}
    for face in by:
        rows = compile_facet(query.statement_key, face).fetch_rows(db, query.values)
        found[face] = [{"value": value, "count": n} for value, n in rows]
    coded = [row for face in ACTOR_FACETS & found.keys() for row in found[face]]
    codes = sorted({row["value"] for row in coded if row["value"] is not None})
    names = queries.read_names_of_codes(db, codes, resolved.as_of)
    for row in coded:
        row["name"] = names.get(row["value"])
    return found
