"""Counts of events: by buckets of time, and by the values of a field."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypedDict

import msgspec
from sqlalchemy import Connection

from app.actors.pair_sums import PairSums, Stretch
from app.dataset_access import Purpose
from app.db.dialect import in_list_params
from app.db.reader import get_hidden
from app.db.types import NO_END_DAY
from app.errors import InvalidParameterError
from app.events import queries
from app.events.buckets import (
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
from app.events.filter import Sort
from app.events.month_counts import INTENSITY_UNIT
from app.events.month_tops import find_bucket_tops
from app.events.plain_counts import (
    COUNTED_FACES,
    PlainWindow,
    read_face_counts,
    read_month_totals,
    split_plain_window,
)
from app.events.resolved_filter import ResolvedFilter
from app.events.signal_pair import find_signal_pair
from app.events.statement import PagePart
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
    pair = find_signal_pair(db, resolved.between)
    counted = _bind_counted_query(db, resolved, pair, "sums")
    shown = counted
    if get_hidden(db).rows:
        shown = _bind_counted_query(db, resolved, pair, "rows")
    found = None if pair else _count_by_month(db, resolved, size, top)
    if found is None:
        require_affordable(db, resolved)
    size, days, buckets, named = found or _count_by_day(db, resolved, counted, shown, size, top)
    lasting: dict[int, dict[str, Any]] = {}
    if any(day.lasting for day in days):
        of_days = _narrow_to_lasting(counted)
        spans = compile_lasting_events(of_days.key).fetch_rows(db, of_days.values)
        add_spans(buckets, [LastingEvents(*row) for row in spans], size)
        lasting = _find_under_way(db, _narrow_to_lasting(shown), buckets, size)
    named_seqs = [seq for of_bucket in named.values() for seq in of_bucket]
    titles = _read_titles(db, list(dict.fromkeys([*named_seqs, *lasting])))
    under_way = [titles[seq] | more for seq, more in lasting.items()]
    under_way.sort(key=lambda event: (event["start"], event["id"]))
    covered = read_covered_spans(db, resolved)
    for bucket in buckets:
        signs = named.get(bucket_start_text(bucket["start"], size), {})
        bucket["top"] = [titles[seq] | {"sign": sign} for seq, sign in signs.items()]
        bucket["covered"] = any(a <= bucket["end"] and bucket["start"] <= b for a, b in covered)
    return Timeline(buckets, under_way, pair, size, resolved)


class _Counted(NamedTuple):
    """The buckets of a timeline, what they sum up, and the events that they name."""

    size: BucketSize
    days: list[DayTotals]
    buckets: list[dict[str, Any]]
    named: dict[str, dict[int, int]]


def _count_by_day(
    db: Connection,
    resolved: ResolvedFilter,
    counted: "_CountedQuery",
    shown: "_CountedQuery",
    size: BucketSize | Literal["auto"],
    top: int,
) -> _Counted:
    """Count the events of any question one by one, and name those that are `shown`."""
    since, until = resolved.since, resolved.until
    days = _read_day_totals(db, counted)
    if size == "auto":
        first_day = since or (days[0].day if days else until or NO_END_DAY)
        size = choose_bucket_size(first_day, until or (days[-1].day if days else first_day))
    buckets = fill_buckets(days, since, until, size)
    # Titles are rows: of some datasets the sums alone are open.
    days_shown = days if shown == counted else _read_day_totals(db, shown)
    named = _find_weightiest(db, shown, days_shown, size, top) if top else {}
    return _Counted(size, days, buckets, named)


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
        return _Counted(size, days, buckets, {})
    # Titles are rows: of some datasets the sums alone are open.
    shown = days
    if closed[0] != closed[1]:
        shown, ran_before = _read_plain_totals(db, resolved, window, closed[1], "rows")
    query = queries.bind_query(db, resolved)
    bars = find_bucket_bars(shown, size, top)
    stretches = [(bucket["start"], bucket["end"]) for bucket in buckets]
    named = find_bucket_tops(db, query, stretches, bars, size, top, ran_before=ran_before)
    numbers: Counter[str] = Counter()
    for day in shown:
        numbers[bucket_start_text(day.day, size)] += day.events
    if any(len(named.get(start, ())) < min(top, n) for start, n in numbers.items()):
        return None  # the weightiest events of a month were retracted: its peak is too high
    return _Counted(size, days, buckets, named)


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
    before, after = _bind_window_edges(db, resolved, window, purpose)
    days = _read_edge_totals(db, before[:1])
    ran_before = bool(days)
    days += _read_edge_totals(db, before[1:])
    days += [
        DayTotals(
            f"{month}-01", events, cooperation, conflict, scored, millionths / INTENSITY_UNIT,
            peak / INTENSITY_UNIT, lasting, True, at_peak,
        )
        for (
            month, events, cooperation, conflict, scored, millionths, lasting, peak, at_peak,
        ) in read_month_totals(db, resolved, window, closed)
    ]  # fmt: skip
    return days + _read_edge_totals(db, after), ran_before


def _bind_window_edges(
    db: Connection, resolved: ResolvedFilter, window: PlainWindow, purpose: Purpose
) -> tuple[list[queries.BoundQuery], list[queries.BoundQuery]]:
    """Bind what is counted one by one before and after the whole months of a window.

    Events that began before the window, then those of the days before the first whole month; and
    those of the days after the last.
    """

    def bind_part(asked: ResolvedFilter, part: PagePart) -> queries.BoundQuery:
        query = queries.bind_query(db, asked, purpose=purpose)
        return replace(query, statement_key=replace(query.statement_key, part=part))

    before = [] if resolved.since is None else [bind_part(resolved, "running")]
    before += [] if window.head is None else [bind_part(window.head, "begun")]
    return before, [] if window.tail is None else [bind_part(window.tail, "begun")]


def _read_edge_totals(db: Connection, edges: Sequence[queries.BoundQuery]) -> list[DayTotals]:
    days: list[DayTotals] = []
    for edge in edges:
        is_running = edge.statement_key.part == "running"
        key = CountKey(edge.statement_key, of_pair=False, bounded=is_running)
        values = edge.values | ({"first": edge.values["since"]} if is_running else {})
        days += _read_day_totals(db, _CountedQuery(key, values))
    return days


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
        asked = queries.compile_events_by_seq(db.dialect.name)
        for seq, document in asked.fetch_rows(db, in_list_params(db, seqs[at : at + 500])):
            found[seq] = dict(_decode_title(document))
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
    for edges in _bind_window_edges(db, resolved, window, purpose):
        for edge in edges:
            asked = compile_facet(edge.statement_key, face)
            total.update(dict(asked.fetch_rows(db, edge.values)))
    return sorted(total.items(), key=lambda row: (-row[1], row[0] is None, row[0]))
