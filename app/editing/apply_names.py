"""Resolve names of stored events again, after actors were given them; files are not needed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Select, bindparam, case, func, select, update

from app.db.dialect import in_list, in_list_params
from app.db.engine import Database
from app.db.journal import Writer, current_write_transaction
from app.db.lineage_table import read_version
from app.db.tables import events, loaded, unresolved
from app.editing.propagate import read_source_grades
from app.events.actor_index import ActorIndex, load_actor_index
from app.events.changes import read_event_documents, write_resolved_events
from app.events.record import EventRecord
from app.events.render import decode_event_document, resolve_date_span
from app.events.resolve import NameLookup, resolve_country, split_country_names
from app.events.to_input import input_from_document
from app.events.unresolved import (
    COUNTRY_PART,
    UnresolvedPart,
    forget_unresolved_parts,
    is_unresolved_part,
    read_unresolved_parts,
)

EVENTS_PER_TRANSACTION = 500
MAX_CHANGED = 1000
"""Events after whose change one request ends: others who write wait for it."""


class AppliedNames(NamedTuple):
    """How many events a page of events had, how many changed, and where the next page begins."""

    examined: int
    changed: int
    after: str | None


def apply_known_names(
    database: Database,
    by: Writer,
    datasets: Sequence[str] = (),
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Resolve all stored names that an actor has by now; returns how many events changed.

    Each change is a derived revision. A page of events is written whole or not at all, so that an
    interrupted run can be repeated, and a second run changes nothing.
    """
    with database.connect() as db:
        index, version = load_actor_index(db), int(read_version(db))
        names = find_known_names(db, index, datasets)
    after: str | None = ""
    examined = changed = 0
    while names and after is not None:
        with database.write() as db:
            if current_write_transaction(db).version_before != version:  # others have written
                index = load_actor_index(db)
            done = apply_names_to_page(db, index, names, by, datasets, after)
            version = current_write_transaction(db).last_seq
        after, changed, examined = done.after, changed + done.changed, examined + done.examined
        on_progress(examined)
    return changed


class PartlyApplied(NamedTuple):
    """How many events changed, and how many with the name were not reached."""

    changed: int
    remaining: int


def apply_alias_in_part(db: Connection, actor: str, by: Writer) -> PartlyApplied:
    """Resolve the names of one actor in stored events, inside one transaction.

    In very many events it is done in part; the same call again goes on.
    """
    index = load_actor_index(db)
    names = find_known_names(db, index, actor=actor)
    after: str | None = "" if names else None
    changed = 0
    while after is not None and changed < MAX_CHANGED:
        done = apply_names_to_page(db, index, names, by, [], after)
        after, changed = done.after, changed + done.changed
    if after is None:
        return PartlyApplied(changed, 0)
    rest = _select_events(db, [], after).subquery()
    count = select(func.count()).select_from(rest)
    return PartlyApplied(changed, int(db.scalar(count, in_list_params(db, names)) or 0))


def find_known_names(
    db: Connection, index: ActorIndex, datasets: Sequence[str] = (), actor: str | None = None
) -> list[str]:
    """Find the names of stored events that mean an actor, or the one that is named, on some day."""
    u = unresolved.c
    is_country = u.part == COUNTRY_PART
    asked = select(u.name, is_country).distinct()
    if datasets:
        asked = asked.join(events, events.c.id == u.event).where(events.c.dataset.in_(datasets))
    found = set()
    for name, of_country in db.execute(asked):
        parts = split_country_names(name) if of_country else [name]
        codes = {c for part in parts for c in index.list_codes(part, countries=bool(of_country))}
        if codes and (actor is None or actor in codes):
            found.add(name)
    return sorted(found)


def apply_names_to_page(
    db: Connection,
    index: ActorIndex,
    names: Sequence[str],
    by: Writer,
    datasets: Sequence[str],
    after: str,
) -> AppliedNames:
    """Resolve names in the next events that have any of them, inside one write transaction."""
    page = _select_events(db, datasets, after).limit(EVENTS_PER_TRANSACTION)
    ids = list(db.scalars(page, in_list_params(db, names)))
    if not ids:
        return AppliedNames(0, 0, None)
    parts: dict[str, list[UnresolvedPart]] = defaultdict(list)
    for part in read_unresolved_parts(db, ids):
        parts[part.event].append(part)
    done_parts, changes = [], []
    current = [decode_event_document(document) for _, document in read_event_documents(db, ids)]
    grades = read_source_grades(db, current)
    for event in current:
        record = input_from_document(event, grades)
        resolved = list(_resolve_parts(record, parts[event.id], index))
        done_parts += resolved
        if resolved:
            changes.append((event.id, record))
    made = write_resolved_events(db, changes, by, derived=True)
    forget_unresolved_parts(db, done_parts)
    _count_down(db, done_parts)
    return AppliedNames(len(ids), len(made), ids[-1])


def _select_events(db: Connection, datasets: Sequence[str], after: str) -> Select[str]:
    """Select the ids of events after one that have any of the names in the parameter."""
    u, e = unresolved.c, events.c
    asked = select(u.event).distinct().where(u.event > after, in_list(db, u.name))
    asked = asked.join(events, e.id == u.event)
    if datasets:
        asked = asked.where(e.dataset.in_(datasets))
    return asked.order_by(u.event)


def _resolve_parts(
    record: EventRecord, parts: Sequence[UnresolvedPart], names: NameLookup
) -> Iterator[UnresolvedPart]:
    """Resolve the parts of a record in place; yields those that need no resolution any more.

    A part that an edit has replaced meanwhile is one of them.
    """
    day = resolve_date_span(record.date)[0]
    for part in parts:
        if not is_unresolved_part(record, part):
            yield part
        elif part.part == COUNTRY_PART:
            if (country := resolve_country(part.name, day, names)) is not None:
                assert record.location is not None
                record.location.country = country
                yield part
        elif (code := names.find_code(part.name, day)) is not None:
            participant = record.participants[part.part]
            participant.actor, participant.native = code, part.native
            yield part


def _count_down(db: Connection, done_parts: Sequence[UnresolvedPart]) -> None:
    """Lower the number of unresolved parts that is stored with the hashes of their events."""
    counted = Counter(part.event for part in done_parts)
    left = loaded.c.unresolved - bindparam("number")
    statement = (
        update(loaded)
        .where(loaded.c.event == bindparam("ident"))
        .values(unresolved=case((left > 0, left), else_=0))
    )
    if counted:
        db.execute(statement, [{"ident": k, "number": n} for k, n in sorted(counted.items())])
