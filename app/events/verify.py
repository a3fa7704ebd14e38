"""Verification of the indexes of events: every row is computed again and compared."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Table, exists, func, select

from app.db.dialect.stored_document import document_of
from app.db.packing_faults import find_packing_faults
from app.db.tables import (
    HISTORY_TABLES,
    act_counts,
    commits,
    day_sums,
    events,
    metadata,
    pairs,
    participations,
    reports,
    revisions,
    signals,
    tags,
)
from app.events.act_counts import SUM_KEYS, sum_counts_by_day
from app.events.event_id import find_key_error
from app.events.event_pairs import find_pair_faults, find_surplus_pairs
from app.events.event_sums import SUM_COLUMNS, sum_signals_by_day
from app.events.index_rows import EventRows
from app.events.month_counts import select_wrong_month_counts
from app.events.render import decode_event_document
from app.events.role_days import select_missing_role_days
from app.events.schemas import Event
from app.events.volumes import select_wrong_volumes
from app.events.word_index import find_word_faults
from app.sources.verify import find_source_faults

BATCH_SIZE = 500
MOST_ROWS = 5000
"""Rows of several actors that are summed at once; those of one actor always are."""
INDEX_TABLES: tuple[tuple[Table, str], ...] = (
    (events, "id"),
    (participations, "event"),
    (reports, "event"),
    (tags, "event"),
    (signals, "event"),
)


def find_event_faults(db: Connection) -> Iterator[str]:
    """Describe every difference between the indexes and the documents, one a line."""
    yield from _check_numbering(db)
    yield from _check_row_states(db)
    damaged = False
    for fault in find_packing_faults(db):
        damaged = True
        yield fault
    if damaged:
        yield "documents: what follows from them was not checked, since some cannot be read"
        return
    last = ""
    while ids := _read_next_ids(db, last):
        yield from _check_events(db, ids)
        last = ids[-1]
    yield from find_source_faults(db)
    yield from find_word_faults(db)
    yield from find_surplus_pairs(db)
    yield from _check_orphans(db)
    yield from _check_references(db)
    yield from _check_day_sums(db)
    for statement in select_wrong_volumes():
        for row in db.execute(statement.limit(BATCH_SIZE)):
            yield f"volumes: {tuple(row)} differs from the sum of the signals"
    for statement in select_wrong_month_counts():
        for row in db.execute(statement.limit(BATCH_SIZE)):
            yield f"month_counts: {tuple(row)} differs from the events"
    for actor, month in db.execute(select_missing_role_days().limit(BATCH_SIZE)):
        yield f"role_days: {actor} lacks days of {month} on which it has events"


def _check_numbering(db: Connection) -> Iterator[str]:
    r = revisions.c
    count, first, last = db.execute(select(func.count(), func.min(r.seq), func.max(r.seq))).one()
    if count and (first != 1 or last != count):
        yield f"revisions: {count} of them are numbered from {first} to {last}"
    newest = db.scalar(select(func.max(commits.c.seq)))
    if count and newest != last:
        yield f"commits: the newest says {newest}, the newest revision is {last}"
    twice = select(r.kind, r.id, r.revision).group_by(r.kind, r.id, r.revision)
    for kind, ident, number in db.execute(twice.having(func.count() > 1).limit(BATCH_SIZE)):
        yield f"revisions: {kind} {ident} has revision {number} more than once"


def _check_row_states(db: Connection) -> Iterator[str]:
    """Check that each revision of an event is either current or superseded, and not both."""
    r, e, p = revisions.c, events.c, HISTORY_TABLES[events].c
    there = [exists().where(t.seq == r.seq) for t in (e, p)]
    ended = r.action == "merge"
    lost = select(r.seq, r.id).where(r.kind == "event", ~ended, ~there[0], ~there[1])
    both = select(r.seq, r.id).where(r.kind == "event", there[0], there[1])
    for words, found in (
        ("neither current nor superseded", lost),
        ("current and superseded", both),
    ):
        for seq, ident in db.execute(found.limit(BATCH_SIZE)):
            yield f"{ident}: its revision {seq} is {words}"
    for table, _ in INDEX_TABLES:
        past = HISTORY_TABLES[table].c
        wrong = select(func.count()).select_from(HISTORY_TABLES[table]).where(past.gone <= past.seq)
        if n := db.scalar(wrong):
            yield f"{HISTORY_TABLES[table].name}: {n} rows were superseded before they were written"


def _read_next_ids(db: Connection, after: str) -> list[str]:
    found = select(events.c.id).where(events.c.id > after).order_by(events.c.id)
    return list(db.scalars(found.limit(BATCH_SIZE)))


def _check_events(db: Connection, ids: Sequence[str]) -> Iterator[str]:
    expected: dict[str, set[tuple[object, ...]]] = {table.name: set() for table, _ in INDEX_TABLES}
    columns = {table.name: table.c.keys() for table, _ in INDEX_TABLES}
    found = select(events.c.seq, document_of(revisions)).join(
        revisions, revisions.c.seq == events.c.seq
    )
    for seq, document in db.execute(found.where(events.c.id.in_(ids))):
        try:
            event = Event.model_validate_json(document)
        except ValidationError as wrong:
            yield f"revision {seq}: does not match the schema: {wrong.errors()[0]['loc']}"
            continue
        if (reason := find_key_error(event.id.partition(":")[2])) is not None:
            yield f"event {event.id!r}: its key {reason}; entente db rerender mends it"
        index = EventRows()
        index.add_event(decode_event_document(document), b"", seq)
        for name, row in index.iterate_rows():
            if name == pairs.name:
                continue  # `find_pair_faults`, by its key
            own = {"recorded_at": event.recorded_at} if name == events.name else {}
            values = row | own
            expected[name].add(tuple(values[column] for column in columns[name]))
    for table, key in INDEX_TABLES:
        rows = db.execute(select(table).where(table.c[key].in_(ids)))
        stored = {tuple(row) for row in rows}
        for words, differing in (
            ("is missing", expected[table.name] - stored),
            ("is not in the document", stored - expected[table.name]),
        ):
            for found_row in sorted(differing, key=str)[:BATCH_SIZE]:
                shown = dict(zip(columns[table.name], found_row, strict=True))
                yield f"{table.name}: {shown} {words}"
    yield from find_pair_faults(db, ids)


def _check_orphans(db: Connection) -> Iterator[str]:
    """Check that no index row belongs to an event without a current row."""
    for table, key in INDEX_TABLES[1:]:
        gone = ~exists().where(events.c.id == table.c[key])
        if n := db.scalar(select(func.count()).select_from(table).where(gone)):
            yield f"{table.name}: {n} rows of events that are not current"


def _check_references(db: Connection) -> Iterator[str]:
    """Check every foreign key: loaders skip the checks of the database."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            column, found = key.parent, exists().where(key.column == key.parent)
            lost = select(column, func.count()).where(column.is_not(None), ~found)
            for value, n in db.execute(lost.group_by(column).order_by(column).limit(BATCH_SIZE)):
                yield f"{table.name}: {n} rows of the {column.name} {value!r}, which does not exist"


def _check_day_sums(db: Connection) -> Iterator[str]:
    s, d, counts = signals.c, day_sums.c, act_counts.c
    for codes in _group_actors(db):
        found = [
            [dict(row._mapping) for row in db.execute(select(table).where(column.in_(codes)))]
            for table, column in (
                (signals, s["from"]),
                (day_sums, d["from"]),
                (act_counts, counts["from"]),
            )
        ]
        signal_rows, sum_rows, count_rows = found
        parts = [*sum_signals_by_day(signal_rows), *sum_counts_by_day(count_rows)]
        expected, stored = _add_sums(parts), _add_sums(sum_rows)
        for key in sorted(expected.keys() | stored.keys()):
            if expected.get(key) != stored.get(key):
                differs = f"{stored.get(key)}, signals and counts sum to {expected.get(key)}"
                yield f"day_sums: {key} is {differs}"


def _group_actors(db: Connection) -> Iterator[list[str]]:
    """Yield the actors of rows that are summed, as many at once as have few rows together."""
    rows: Counter[str] = Counter()
    for table in (signals, day_sums, act_counts):
        code = table.c["from"]
        for name, n in db.execute(select(code, func.count()).group_by(code)):
            rows[name] += n
    group: list[str] = []
    size = 0
    for name, n in sorted(rows.items()):
        if group and (size + n > MOST_ROWS or len(group) == BATCH_SIZE):
            yield group
            group, size = [], 0
        group.append(name)
        size += n
    if group:
        yield group


def _add_sums(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Add up rows of day sums by their keys."""
    total: dict[tuple[str, ...], tuple[int, ...]] = {}
    for row in rows:
        key = tuple(row[name] for name in SUM_KEYS)
        before = total.get(key, (0,) * len(SUM_COLUMNS))
        total[key] = tuple(row[name] + n for name, n in zip(SUM_COLUMNS, before, strict=True))
    return total
