"""Counts of events: by buckets of time, and by the values of a field."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection

from app.actors.pair_sums import PairSums, Stretch
from app.dataset_access import Purpose
from app.db.dialect import in_list_params
from app.db.reader import get_hidden
from app.db.types import NO_END_DAY
from app.errors import InvalidParameterError
from app.events import queries
from app.events.buckets import (
    INTENSITY_UNIT,
    BucketSize,
    DayTotals,
    LastingEvents,
    add_spans,
    bucket_start_text,
    choose_bucket_size,
    fill_buckets,
    find_bucket_bars,
    find_weight_threshold,
    is_span,
)
from app.events.conditions import FilterShape
from app.events.cost import require_affordable
from app.events.count_statements import (
    CountKey,
    compile_day_totals,
    compile_facet,
    compile_lasting_events,
    compile_signs,
    compile_under_way,
    compile_weightiest_events,
)
from app.events.coverage import read_covered_spans
from app.events.event_titles import BucketFields, EventTitle, replace_sign
from app.events.filter import Sort
from app.events.month_tops import find_bucket_tops, read_titles
from app.events.plain_counts import (
    COUNTED_FACES,
    PlainWindow,
    read_face_counts,
    read_month_totals,
    split_plain_window,
)
from app.events.resolved_filter import ResolvedFilter
from app.events.signal_pair import find_signal_pair
from app.events.statement import PagePart, StatementKey
from app.events.vocabulary import EFFECT_HINT, Effect

UNDER_WAY_LIMIT = 100
"""Most events that are listed as under way: the weightiest."""
ReadPairSums = Callable[
    [Connection, ResolvedFilter, tuple[str, str], str, Sequence[Stretch]],
    tuple[list[PairSums], list[str]],
]
"""Reads what passed between two actors in some stretches, and the datasets that this counts."""
FacetField = Literal[
    "type", "actor", "country", "dataset", "quad", "status", "role", "mode", "tag", "publisher",
    "source", "effect",
]  # fmt: skip
EFFECTS: dict[int, Effect] = {1: "together", 0: "neither", -1: "apart"}
"""What an event does to a pair, by the sign of the sum of the signals between the two."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Consecutive buckets, oldest first, and the events that go beyond one or have no known day."""

    buckets: list[BucketFields]
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
    pair = find_signal_pair(db, resolved.between)
    found = None if pair else _count_by_month(db, resolved, size, top)
    queries_of = None
    if found is None:
        require_affordable(db, resolved)
        queries_of = _bind_counted_queries(db, resolved, pair)
        found = _count_by_day(db, resolved, queries_of, size, top)
    size, days, buckets, signs, tops = found
    lasting: dict[int, dict[str, Any]] = {}
    if any(day.lasting for day in days):
        queries_of = queries_of or _bind_counted_queries(db, resolved, pair)
        of_days = _narrow_to_lasting(queries_of.counted)
        spans = compile_lasting_events(of_days.key).fetch_rows(db, of_days.values)
        add_spans(buckets, [LastingEvents(*row) for row in spans], size)
        lasting = _find_under_way(db, _narrow_to_lasting(queries_of.shown), buckets, size)
    titles = {}
    if lasting or signs:
        wanted = dict.fromkeys([*chain.from_iterable(signs.values()), *lasting])
        titles = read_titles(db, list(wanted))
    for start, of_bucket in signs.items():
        tops[start] = [replace_sign(titles[seq], sign) for seq, sign in of_bucket.items()]
    under_way = [titles[seq].show_fields() | more for seq, more in lasting.items()]
    under_way.sort(key=lambda event: (event["start"], event["id"]))
    covered = read_covered_spans(db, resolved)
    for bucket in buckets:
        start, end = bucket["start"], bucket["end"]
        bucket["top"] = tops.get(bucket_start_text(start, size), [])
        for first, last in covered:
            if first <= end and start <= last:
                bucket["covered"] = True
                break
    return Timeline(buckets, under_way, pair, size, resolved)


class _Counted(NamedTuple):
    """The buckets of a timeline, what they sum up, and the events that they name."""

    size: BucketSize
    days: list[DayTotals]
    buckets: list[BucketFields]
    signs: dict[str, dict[int, int]]
    """Of the events that each names, by its first day: signs by `seq`."""
    tops: dict[str, list[EventTitle]]
    """These events, where they are read already."""


def _count_by_day(
    db: Connection,
    resolved: ResolvedFilter,
    queries_of: "_CountedQueries",
    size: BucketSize | Literal["auto"],
    top: int,
) -> _Counted:
    """Count the events of any question one by one, and name those that are `shown`."""
    since, until = resolved.since, resolved.until
    counted, shown = queries_of
    days = _read_day_totals(db, counted)
    if size == "auto":
        first_day = since or (days[0].day if days else until or NO_END_DAY)
        size = choose_bucket_size(first_day, until or (days[-1].day if days else first_day))
    buckets = fill_buckets(days, since, until, size)
    # Titles are rows: of some datasets the sums alone are open.
    days_shown = days if shown == counted else _read_day_totals(db, shown)
    named = _find_weightiest(db, shown, days_shown, size, top) if top else {}
    return _Counted(size, days, buckets, named, {})


def _count_by_month(
    db: Connection,
    resolved: ResolvedFilter,
    size: BucketSize | Literal["auto"],
    top: int,
) -> _Counted | None:
    """Count the events of a plain question by months that are counted already.

    Returns None where that is not possible: buckets of days or weeks, or no whole month.
    """
    window = split_plain_window(resolved)
    if window is None or size in ("day", "week"):
        return None
    first = resolved.since or _find_end(db, resolved, "date")
    last = resolved.until or _find_end(db, resolved, "-date")
    if first is None or last is None:
        return None
    last = max(first, last)
    size = choose_bucket_size(first, last) if size == "auto" else size
    if size in ("day", "week"):
        return None
    closed = [queries.list_closed_datasets(db, resolved, purpose) for purpose in PURPOSES]
    days, ran_before = _read_plain_totals(db, resolved, window, closed[0], "sums")
    buckets = fill_buckets(days, first, last, size)
    if not top:
        return _Counted(size, days, buckets, {}, {})
    # Titles are rows: of some datasets the sums alone are open.
    shown = days
    if closed[0] != closed[1]:
        shown, ran_before = _read_plain_totals(db, resolved, window, closed[1], "rows")
    query = queries.bind_query(db, resolved)
    bars = find_bucket_bars(shown, size, top)
    stretches = [(bucket["start"], bucket["end"]) for bucket in buckets]
    tops = find_bucket_tops(db, query, stretches, bars, size, top, ran_before=ran_before)
    numbers: Counter[str] = Counter()
    for day in shown:
        numbers[bucket_start_text(day.day, size)] += day.events
    if any(len(tops.get(start, ())) < min(top, n) for start, n in numbers.items()):
        return None  # the weightiest events of a month were retracted: its peak is too high
    return _Counted(size, days, buckets, {}, tops)


PURPOSES: tuple[Purpose, Purpose] = ("sums", "rows")


def _read_plain_totals(
    db: Connection,
    resolved: ResolvedFilter,
    window: PlainWindow,
    closed: Sequence[str],
    purpose: Purpose,
) -> tuple[list[DayTotals], bool]:
    """Read the totals of a plain question, by whole months and by the days around them.

    Also returns whether any event began before the window.
    """
    query = queries.bind_query(db, resolved, purpose=purpose)
    running, head, tail = _bind_window_edges(query, window)
    days = [] if running is None else _read_edge_totals(db, running)
    ran_before = bool(days)
    days += [] if head is None else _read_edge_totals(db, head)
    days += [
        DayTotals(
            f"{month}-01", events, cooperation, conflict, scored, millionths / INTENSITY_UNIT, 0.0,
            lasting, peaks,
        )
        for (
            month, events, cooperation, conflict, scored, millionths, lasting, peaks,
        ) in read_month_totals(db, resolved, window, closed)
    ]  # fmt: skip
    return days + ([] if tail is None else _read_edge_totals(db, tail)), ran_before


def _bind_window_edges(
    query: queries.BoundQuery, window: PlainWindow
) -> tuple[queries.BoundQuery | None, ...]:
    """Bind what is counted one by one before and after the whole months of a window.

    Events that began before the window, then those of the days before the first whole month; and
    those of the days after the last.
    """
    key, values = query.statement_key, query.values
    has_first = "since" in values
    running = queries.BoundQuery(_name_part(key, "running"), values) if has_first else None
    edges = [
        days
        and queries.BoundQuery(
            _name_part(key, "begun"), values | {"since": days[0], "until": days[1]}
        )
        for days in (window.head, window.tail)
    ]
    return running, *edges


@lru_cache(maxsize=256)
def _name_part(key: StatementKey, part: PagePart) -> StatementKey:
    """Return the key of a part of the events; of those that began in the window, with both ends."""
    fields = dict(key.shape.field_counts)
    if part == "begun":
        fields |= {"since": 1, "until": 1}
    return replace(key, shape=FilterShape(tuple(fields.items())), part=part)


def _read_edge_totals(db: Connection, edge: queries.BoundQuery) -> list[DayTotals]:
    is_running = edge.statement_key.part == "running"
    key = CountKey(edge.statement_key, of_pair=False, bounded=is_running)
    values = edge.values | ({"first": edge.values["since"]} if is_running else {})
    return _read_day_totals(db, _CountedQuery(key, values))


def _find_end(db: Connection, resolved: ResolvedFilter, sort: Sort) -> str | None:
    """Find the day of the first or last event, by the order; None where there is no event."""
    query = queries.bind_query(db, resolved, sort, None, 1, purpose="sums")
    rows = queries.compile_page_statement(query.statement_key).fetch_rows(db, query.values)
    return rows[0][0] if rows else None


def _read_day_totals(db: Connection, counted: "_CountedQuery") -> list[DayTotals]:
    rows = compile_day_totals(counted.key).fetch_rows(db, counted.values)
    return [DayTotals(*row) for row in rows]


def add_pair_sums(db: Connection, found: Timeline, read_pair_sums: ReadPairSums) -> list[str]:
    """Add to each bucket what passed between the pair; returns the datasets that this counts."""
    assert found.pair is not None
    stretches = [(bucket["start"], bucket["end"]) for bucket in found.buckets]
    sums, wanted = read_pair_sums(db, found.resolved, found.pair, found.size, stretches)
    for bucket, one in zip(found.buckets, sums, strict=True):
        bucket |= {"positive": one.positive, "negative": one.negative, "index": one.index}
    return wanted


@dataclass(frozen=True, slots=True)
class _CountedQuery:
    """The statements that count the events of a question, by their key, with their values."""

    key: CountKey
    values: dict[str, object]


class _CountedQueries(NamedTuple):
    """The query of what is counted, and that of the events that may be named."""

    counted: _CountedQuery
    shown: _CountedQuery


def _bind_counted_queries(
    db: Connection, resolved: ResolvedFilter, pair: tuple[str, str] | None
) -> _CountedQueries:
    counted = _bind_counted_query(db, resolved, pair, "sums")
    has_hidden = bool(get_hidden(db).rows)
    shown = _bind_counted_query(db, resolved, pair, "rows") if has_hidden else counted
    return _CountedQueries(counted, shown)


def _bind_counted_query(
    db: Connection, resolved: ResolvedFilter, pair: tuple[str, str] | None, purpose: Purpose
) -> _CountedQuery:
    query = queries.bind_query(db, resolved, purpose=purpose)
    key = CountKey(query.statement_key, pair is not None, resolved.since is not None)
    values = query.values | ({} if resolved.since is None else {"first": resolved.since})
    if pair is not None:
        values |= {"pair_0": pair[0], "pair_1": pair[1]}
    return _CountedQuery(key, values)


def _narrow_to_lasting(counted: _CountedQuery) -> _CountedQuery:
    """Leave the events of a day to the index that does not have them, where that is possible."""
    matching = counted.key.matching
    if not matching.may_be_parted:
        return counted
    return replace(counted, key=replace(counted.key, matching=replace(matching, part="lasting")))


def _find_under_way(
    db: Connection, counted: _CountedQuery, buckets: list[BucketFields], size: BucketSize
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


def _count_effects(db: Connection, resolved: ResolvedFilter) -> list[dict[str, Any]]:
    """Count the events by what they do to a pair; raises `InvalidParameterError` without one."""
    pair = find_signal_pair(db, resolved.between)
    if pair is None:
        raise InvalidParameterError("by", "effect needs a pair", EFFECT_HINT)
    counted = _bind_counted_query(db, resolved, pair, "sums")
    rows = compile_signs(counted.key).fetch_rows(db, counted.values)
    counts = [{"value": EFFECTS[sign], "count": n} for sign, n in rows]
    return sorted(counts, key=lambda row: -row["count"])


ACTOR_FACETS = frozenset({"actor", "country"})
"""Facets whose values are codes of actors; their names are given too."""


SUMMED_FACETS = frozenset(
    {"type", "actor", "country", "dataset", "quad", "status", "role", "mode", "effect"}
)
"""Facets that also count events whose sums alone are open; tags and publishers are of rows."""


def count_facets(
    db: Connection, resolved: ResolvedFilter, by: list[FacetField]
) -> dict[str, list[dict[str, Any]]]:
    """Count the matching events by the values of each requested field, the highest count first."""
    query = queries.bind_query(db, resolved, purpose="sums")
    of_rows = queries.bind_query(db, resolved) if get_hidden(db).rows else query
    window = split_plain_window(resolved)
    found: dict[str, list[dict[str, Any]]] = {}
    require_affordable(db, resolved, len(by if window is None else set(by) - COUNTED_FACES))
    for face in by:
        if face == "effect":
            found[face] = _count_effects(db, resolved)
            continue
        bound = query if face in SUMMED_FACETS else of_rows
        if window is not None and face in COUNTED_FACES:
            rows = _count_face_by_month(db, resolved, window, face, "sums")
        else:
            rows = compile_facet(bound.statement_key, face).fetch_rows(db, bound.values)
        found[face] = [{"value": value, "count": n} for value, n in rows]
    coded = [row for face in ACTOR_FACETS & found.keys() for row in found[face]]
    codes = sorted({row["value"] for row in coded if row["value"] is not None})
    names = queries.read_names_of_codes(db, codes, resolved.as_of)
    for row in coded:
        row["name"] = names.get(row["value"])
    return found


def count_matching_events(
    db: Connection, resolved: ResolvedFilter, *, are_few: bool = False
) -> int:
    """Count the matching events; raises `TooCostlyError` unless it is known that they are few."""
    window = split_plain_window(resolved)
    if window is not None:
        return sum(n for _, n in _count_face_by_month(db, resolved, window, "dataset", "rows"))
    if not are_few:
        require_affordable(db, resolved)
    query = queries.bind_query(db, resolved)
    return int(db.scalar(queries.select_event_count(query.statement_key), query.values) or 0)


def _count_face_by_month(
    db: Connection, resolved: ResolvedFilter, window: PlainWindow, face: str, purpose: Purpose
) -> list[tuple[Any, int]]:
    """Count the events of a plain question by dataset or type, the highest count first."""
    closed = queries.list_closed_datasets(db, resolved, purpose)
    total = Counter[Any](read_face_counts(db, resolved, window, face, closed))
    query = queries.bind_query(db, resolved, purpose=purpose)
    for edge in _bind_window_edges(query, window):
        if edge is not None:
            asked = compile_facet(edge.statement_key, face)
            total.update(dict(asked.fetch_rows(db, edge.values)))
    return sorted(total.items(), key=lambda row: (-row[1], row[0] is None, row[0]))
