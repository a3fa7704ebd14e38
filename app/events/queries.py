"""Queries on events: a filter is resolved, and bound to a statement with its parameter values.

Statements are built here; the caller runs them.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    bindparam,
    func,
    select,
    union_all,
)

from app.actors.parameters import resolve_query_actor
from app.dataset_access import Purpose
from app.db import dialect
from app.db.dialect.fast_statements import CompiledStatement, DriverRow, compile_statement
from app.db.dialect.full_text import build_word_query, looks_into_texts, sample_texts
from app.db.dialect.stored_document import document_of
from app.db.keyset import PageKey
from app.db.lineage_table import select_current_lineage, select_newest_seq
from app.db.reader import CLOSED_DATASETS, get_hidden, require_open
from app.db.state_memory import StateMemory
from app.db.tables import (
    HISTORY_TABLES,
    actors,
    datasets,
    events,
    memberships,
    participations,
    reports,
    revisions,
    sources,
    tags,
)
from app.db.types import NO_END_DAY
from app.db.versioning import Columns, list_row_states, select_as_of, select_current_or_as_of
from app.errors import InvalidParameterError
from app.events.conditions import SUMMED_FIELDS, FilterShape, published_in_time, split_filter
from app.events.event_pairs import choose_pair, may_leave_unsorted
from app.events.filter import EventFilter, Sort
from app.events.narrow_months import iterate_month_parts, may_skip_days
from app.events.plain_counts import sort_by_rarity
from app.events.render import GROUP_KINDS
from app.events.resolved_filter import ResolvedFilter
from app.events.signal_pair import find_signal_pair
from app.events.statement import StatementKey, select_matching, select_matching_revisions
from app.events.vocabulary import EFFECT_HINT
from app.events.word_index import require_searched
from app.events.word_walk import WordWalk, iterate_walked_parts, plan_word_walk

T = TypeVar("T")
ACTOR_FIELDS = ("actor", "between", "initiator", "target", "member_of", "country")
MAX_INLINE_PERIODS = 500
"""With more membership periods than this, the statement looks them up itself."""
MOST_NAMED, LONGEST_NAME = 16, 100
"""Names of a question, and characters of each, of which what was read is remembered."""
_Period = tuple[str, str, str]
_THERE = StateMemory[bool](4096)
"""Which datasets, sources and groups there are, by table and names."""
_PERIODS = StateMemory[list[_Period]](256)
"""Periods of members (actor, since, until) by groups, actors and version."""


def _select_periods(*, as_of: bool, of: bool) -> Select[str, str, str]:
    def select_rows(m: Columns) -> Select[str, str, str]:
        groups = m.group.in_(bindparam("groups", expanding=True))
        found = select(m.actor, m.since, m.until).where(groups)
        if of:
            found = found.where(m.actor.in_(bindparam("actors", expanding=True)))
        return found.where(m.role == "member", m.since.is_not(None))

    found = select_as_of(memberships, select_rows) if as_of else select_rows(memberships.c)
    return found.order_by("actor", "since").limit(MAX_INLINE_PERIODS + 1)


_PERIOD_STATEMENTS = {
    (as_of, of): _select_periods(as_of=as_of, of=of)
    for as_of in (False, True)
    for of in (False, True)
}
"""Statements by (as of a version, limited to some actors)."""


def resolve_filter(
    db: Connection, asked: EventFilter, as_of: int | None, *, purpose: Purpose = "rows"
) -> ResolvedFilter:
    """Resolve a filter, once for each request: names become codes, dates become days.

    `as_of` is the version that `resolve_version` made of `asked.as_of`. An unknown actor, dataset
    or source raises `InvalidParameterError`, one that is closed to the reader `ClosedDatasetError`.
    """

    def resolve_codes(field: str, names: Sequence[str]) -> tuple[str, ...]:
        return _distinct([resolve_query_actor(db, field, name, as_of) for name in names])

    named = ((field, getattr(asked, field)) for field in ACTOR_FIELDS)
    codes = {field: resolve_codes(field, names) if names else () for field, names in named}
    _require_known(db, "dataset", datasets, "code", asked.dataset)
    require_open(db, asked.dataset, purpose)
    if asked.q is not None and asked.dataset:
        require_searched(db, asked.dataset)
    _require_known(db, "source", sources, "id", asked.source)
    _require_known(db, "member_of", actors, "code", codes["member_of"])
    if asked.effect and find_signal_pair(db, codes["between"]) is None:
        raise InvalidParameterError("effect", "needs a pair that has signals", EFFECT_HINT)
    since, until = asked.day_range
    return ResolvedFilter(
        **codes,
        role=_distinct(asked.role),
        via=asked.via,
        since=since,
        until=until,
        match=asked.match,
        type=_distinct(asked.type),
        mode=_distinct(asked.mode),
        cameo=_distinct(asked.cameo),
        quad=_distinct(asked.quad),
        native=_distinct(asked.native),
        min_intensity=asked.min_intensity,
        max_intensity=asked.max_intensity,
        effect=_distinct(asked.effect),
        bbox=asked.bounding_box,
        near=asked.search_circle,
        tag=_distinct(asked.tag),
        dataset=_distinct(asked.dataset),
        source=_distinct(asked.source),
        publisher=_distinct(asked.publisher),
        status=_distinct(asked.status),
        min_reliability=asked.min_reliability,
        min_credibility=asked.min_credibility,
        min_independent_sources=asked.min_independent_sources,
        q=asked.q,
        known_by=asked.known_by and asked.known_by.last,
        as_of=as_of,
    )


def _distinct(values: Sequence[T]) -> tuple[T, ...]:
    return tuple(values) if len(values) < 2 else tuple(dict.fromkeys(values))


def _require_known(
    db: Connection,
    field: str,
    table: Table,
    key: str,
    wanted: Sequence[str],
) -> None:
    """Refuse an unknown name: an empty answer would suggest that nothing happened.

    A name that exists only in past versions is accepted.
    """
    if not wanted or _THERE.find_value(db, (table.name, *wanted)):
        return

    def select_keys(t: Columns) -> Select[str]:
        found = select(t[key])
        return found.where(t.kind.in_(GROUP_KINDS)) if table is actors else found

    known = set(db.scalars(select_keys(table.c).where(table.c[key].in_(wanted))))
    if not known >= set(wanted):
        past = HISTORY_TABLES[table].c
        known |= set(db.scalars(select_keys(past).where(past[key].in_(wanted))))
    if missing := next((name for name in wanted if name not in known), None):
        names = list(db.scalars(select_keys(table.c).order_by(table.c[key])))
        near = difflib.get_close_matches(missing, names, 3, 0.5)
        more = ", …" if len(names) > 5 else ""
        listed = f"Known: {', '.join(names[:5]) or 'none'}{more}."
        hint = f"Did you mean {' or '.join(near)}?" if near else listed
        quoted = repr(missing[:100])
        message = f"{quoted} is not a group" if table is actors else f"unknown {field} {quoted}"
        raise InvalidParameterError(field, message, hint, near)
    if _may_be_remembered(wanted):
        _THERE.remember_value(db, (table.name, *wanted), True)


def _may_be_remembered(names: Sequence[str]) -> bool:
    return len(names) <= MOST_NAMED and all(len(name) <= LONGEST_NAME for name in names)


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A statement, by its key, with the values of its parameters."""

    statement_key: StatementKey
    values: dict[str, object]
    narrowed: ResolvedFilter | None = None
    """The question of a page, where counts say which months it has to look in, or of a walk."""
    unsorted: tuple[str, ...] = ()
    """Those of `between` that need not be sorted by rarity for all parts of a page."""
    walk: WordWalk | None = None
    """How far the actor's events are walked, and words looked for in each."""


_UNFILTERED = ResolvedFilter()


def list_closed_datasets(
    db: Connection, resolved: ResolvedFilter, purpose: Purpose = "rows"
) -> tuple[str, ...]:
    """List the datasets that an answer leaves out because they are closed to the reader.

    Sums are open only by the fields `SUMMED_FIELDS`.
    """
    hidden = get_hidden(db)
    if not hidden.rows:
        return ()
    if purpose == "sums" and any(
        getattr(resolved, field) != getattr(_UNFILTERED, field)
        for field in ResolvedFilter.__dataclass_fields__
        if field not in SUMMED_FIELDS
    ):
        purpose = "rows"
    closed = hidden.for_purpose(purpose)
    return tuple(code for code in closed if code in resolved.dataset or not resolved.dataset)


def bind_query(
    db: Connection,
    resolved: ResolvedFilter,
    sort: Sort = "-date",
    after: PageKey | None = None,
    limit: int | None = None,
    *,
    purpose: Purpose = "rows",
) -> BoundQuery:
    """Bind a resolved filter (`resolve_filter`) to a statement and its parameter values.

    `after` is the key of the last row of the page before; `limit` is the number of rows. Datasets
    that are closed to the reader of the connection, for that purpose, are left out.
    """
    kind = db.dialect.name
    unsorted: tuple[str, ...] = ()
    if len(resolved.between) > 1:
        if limit is not None and may_leave_unsorted(resolved, sort):
            unsorted = resolved.between
        else:  # the events of the first are walked, and looked up for the others
            resolved = replace(resolved, between=sort_by_rarity(db, resolved.between))
    pair = None if resolved.q is not None else choose_pair(resolved, sort)
    periods = _read_periods(db, resolved)
    shape, values = split_filter(kind, resolved)
    if closed := list_closed_datasets(db, resolved, purpose):
        shape = FilterShape((*shape.field_counts, ("closed", len(closed))))
        values |= {f"closed_{n}": code for n, code in enumerate(closed)}
    if resolved.member_of:
        since, until = resolved.since, resolved.until
        if resolved.as_of is not None:
            # As of a version, members are in two tables: the list saves searching both.
            since = since or ""
        for side, codes in _members_in_window(periods, since, until).items():
            shape = FilterShape((*shape.field_counts, (side, len(codes))))
            values |= {f"{side}_{n}": code for n, code in enumerate(codes)}
    if sort == "relevance":
        values.setdefault("q", build_word_query(kind, "nothing"))  # no search words
    key = StatementKey(kind, shape, sort, after is not None, limited=limit is not None)
    if pair is not None:
        key = replace(key, pair=pair.places, by_roles=pair.asks_roles)
        values |= pair.list_values()
    walk: WordWalk | None = None
    if limit is not None and resolved.as_of is None and key.is_by_day and "q" in values:
        sample = sample_texts(db, values["q"])
        key = replace(key, from_words=sample.is_whole)
        if looks_into_texts(kind):
            walk = plan_word_walk(sample, resolved, sort, limit)
    if limit is not None:
        values["page"] = limit
        if dialect.prefers_separate_seeks(kind) and key.is_by_day:
            key = replace(key, apart=bool(periods) and not key.from_words)
            since, until = resolved.since, resolved.until
            now = [s for s in periods if s[2] > (since or "") and s[1] <= (until or NO_END_DAY)]
            for name, rows in (("then", periods), ("now", now)):
                columns = zip(*rows, strict=True) if rows else ((), (), ())
                values |= {f"{name}_{n}": list(column) for n, column in enumerate(columns)}
    if after is not None:
        values |= {"after_value": after.value, "after_id": after.id}
        since, until = resolved.since, resolved.until
        if key.is_by_day:
            passed = (
                until is None or after.value <= until
                if key.is_descending
                else since is None or after.value >= since
            )
            key = replace(key, passed=passed)
    skips = limit is not None and sort == "-date" and may_skip_days(resolved)
    return BoundQuery(key, values, resolved if skips or walk else None, unsorted, walk)


def _read_periods(db: Connection, resolved: ResolvedFilter) -> list[_Period]:
    """Read the membership periods (actor, since, until) that the statement seeks one by one.

    Several actors without a group count for all days. Returns an empty list where there is nothing
    to seek by, or where there are more than `MAX_INLINE_PERIODS`. What a version has is remembered.
    """
    if not resolved.member_of:
        return [(code, "", "~") for code in resolved.actor] if len(resolved.actor) > 1 else []
    asked = (resolved.member_of, resolved.actor, resolved.as_of)
    if (known := _PERIODS.find_value(db, asked)) is not None:
        return known
    params: dict[str, object] = {"groups": resolved.member_of}
    params |= {"actors": resolved.actor} if resolved.actor else {}
    params |= {} if resolved.as_of is None else {"as_of": resolved.as_of}
    rows = db.execute(_PERIOD_STATEMENTS["as_of" in params, "actors" in params], params)
    found: list[_Period] = [(row.actor, row.since, row.until) for row in rows]
    if len(found) > MAX_INLINE_PERIODS:
        found = []
    if _may_be_remembered(resolved.member_of + resolved.actor):
        _PERIODS.remember_value(db, asked, found)
    return found


def _members_in_window(
    periods: list[_Period], since: str | None, until: str | None
) -> dict[str, list[str]]:
    """The actors that were members on some day (`during`) and on every day (`steady`) of a window.

    Empty for a window without a first day.
    """
    if since is None or not periods:
        return {}
    last = NO_END_DAY if until is None else until
    during = {a for a, begun, ended in periods if begun <= last and since < ended}
    throughout = {
        a for a, begun, ended in periods if begun <= since and (last < ended or ended == NO_END_DAY)
    }
    return {"during": sorted(during), "steady": sorted(throughout)} if during else {}


def find_matching_revisions(
    db: Connection, resolved: ResolvedFilter, seqs: Sequence[int]
) -> set[int]:
    """Find which of some revisions of events match a filter, each by its own document."""
    # Sorted by recording, the statement is driven by `events`, not by `participations`.
    query = bind_query(db, resolved, "recorded")
    rows = db.execute(
        select_matching_revisions(query.statement_key), query.values | {"seqs": list(seqs)}
    )
    return {row.seq for row in rows}


def select_event_documents(key: StatementKey) -> Select[str | float, str, str]:
    """Select (sort value, id, document) of the matching events, in order."""
    hit = select_matching(key).subquery()
    found = select(hit.c.value, hit.c.id, document_of(revisions)).join(
        revisions, revisions.c.seq == hit.c.seq
    )
    if key.part != "whole" and dialect.sorts_like_python(key.dialect_name):
        return found  # `fetch_page_rows` sorts what SQLite would sort with the documents
    return found.order_by(
        *(c.desc() if key.is_descending else c.asc() for c in (hit.c.value, hit.c.id))
    )


@lru_cache(maxsize=4096)
def compile_page_statement(key: StatementKey) -> CompiledStatement:
    """Compile `select_event_documents`, once for each statement key."""
    return compile_statement(key.dialect_name, select_event_documents(key))


def fetch_page_rows(db: Connection, query: BoundQuery) -> list[DriverRow]:
    """Fetch the rows of `select_event_documents`, at most `page` of them."""
    most: int = query.values["page"]  # type: ignore[assignment]
    rows: list[DriverRow] = []
    for key, values in iterate_page_parts(db, query):
        values["page"] = most - len(rows)
        rows += compile_page_statement(key).fetch_rows(db, values)
        if len(rows) >= most:
            break
    if query.statement_key.has_parts and dialect.sorts_like_python(
        query.statement_key.dialect_name
    ):
        rows.sort(key=itemgetter(0, 1), reverse=True)
    return rows


def iterate_page_parts(
    db: Connection, query: BoundQuery
) -> Iterator[tuple[StatementKey, dict[str, object]]]:
    """Yield the statements whose rows make up a page, one after the other, until it is full.

    Most pages are full of events that began in the window, and need not look for earlier ones that
    still went on: the statement of both costs SQLite half as much again, and PostgreSQL its plan.
    """
    key, values = query.statement_key, query.values
    if query.narrowed is not None and query.walk is not None:
        yield from iterate_walked_parts(db, key, values, query.narrowed, query.walk)
    elif query.narrowed is not None:
        yield from iterate_month_parts(db, key, values, query.narrowed)
    elif not key.has_parts:
        yield key, {**values}
    else:
        yield replace(key, part="begun"), {**values}
    if key.has_parts:
        rare = sort_by_rarity(db, query.unsorted) if len(query.unsorted) > 1 else ()
        sorted_values = {f"between_{n}": code for n, code in enumerate(rare)}
        yield replace(key, part="running"), values | sorted_values


def select_event_count(key: StatementKey) -> Select[int]:
    """Select the number of matching events."""
    hit = select_matching(key).order_by(None).subquery()
    return select(func.count()).select_from(hit)


def select_event(event: str, as_of: int | None = None) -> Select[int, str, str, int, str | None]:
    """Select (seq, document, current lineage, newest, closed) of an event, as of a version.

    `newest` is the version of the database, `closed` its `CLOSED_DATASETS`.
    """
    current = select_current_or_as_of(
        as_of, events, lambda e: select(e.seq).where(e.id == event)
    ).subquery()
    lineage = select_current_lineage().label("lineage")
    newest, closed = select_newest_seq().label("newest"), CLOSED_DATASETS.label("closed")
    return select(current.c.seq, document_of(revisions), lineage, newest, closed).join(
        current, current.c.seq == revisions.c.seq
    )


@lru_cache(maxsize=4)
def compile_events_by_seq(kind: str) -> CompiledStatement:
    """Compile (seq, document) of the revisions in `values` (`in_list_params`)."""
    wanted = dialect.match_any(kind, revisions.c.seq)
    return compile_statement(kind, select(revisions.c.seq, document_of(revisions)).where(wanted))


def join_event_rows(
    hit: Subquery, as_of: bool
) -> tuple[FromClause, Callable[[str], ColumnElement[Any]]]:
    """Join the matching events to their rows of `events`.

    Returns the join, and a function from the name of a column to the column.
    """
    e = events.c
    if not as_of:
        return hit.join(events, e.seq == hit.c.seq), lambda name: e[name]
    past = HISTORY_TABLES[events]
    both = hit.outerjoin(events, e.seq == hit.c.seq).outerjoin(past, past.c.seq == hit.c.seq)
    return both, lambda name: func.coalesce(e[name], past.c[name])


FACET_TABLES: dict[str, tuple[Table, str]] = {
    "actor": (participations, "actor"),
    "role": (participations, "role"),
    "tag": (tags, "tag"),
    "publisher": (reports, "publisher"),
    "source": (reports, "source"),
}
"""Fields of which an event can have several values, with the table and the column of each."""


def select_part_values(hit: Subquery, shape: FilterShape, face: str) -> Subquery:
    """Select (value, event) of a field of which each matching event can have several values."""
    table, name = FACET_TABLES[face]
    found = []
    for row_state in list_row_states(shape.has_field("as_of")):
        p = row_state.table_for(table).c
        same = [p.event == hit.c.id, p.seq == hit.c.seq]
        if table is reports:
            same += [condition(p) for condition in published_in_time(shape)]
        rows = select(p[name].label("value"), p.event).select_from(hit)
        found.append(rows.join(p.event.table, and_(*same)))
    return union_all(*found).subquery()


NAMES_PER_QUERY = 500


def select_actor_names(codes: Sequence[str], as_of: int | None) -> Select[str, str]:
    """Select (code, name) of some actors."""
    return select_current_or_as_of(
        as_of, actors, lambda a: select(a.code, a.name).where(a.code.in_(codes))
    )


def read_names_of_codes(db: Connection, codes: Sequence[str], as_of: int | None) -> dict[str, str]:
    """Read the names of some actors by their codes; a code without an actor is left out."""
    found: dict[str, str] = {}
    for at in range(0, len(codes), NAMES_PER_QUERY):
        rows = db.execute(select_actor_names(codes[at : at + NAMES_PER_QUERY], as_of))
        found |= {row.code: row.name for row in rows}
    return found
