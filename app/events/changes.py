"""Writes of events: the document, its index rows, signals and day sums in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from types import MappingProxyType

from sqlalchemy import Column, Connection, select

from app.db.dialect.bulk_copy import bulk_insert, skip_reference_checks
from app.db.dialect.full_text import bulk_index_words
from app.db.dialect.stored_document import document_of
from app.db.journal import (
    Writer,
    current_write_transaction,
    read_latest_revision_numbers,
)
from app.db.revision_rows import NO_INSTANT, insert_revisions
from app.db.tables import (
    actors,
    datasets,
    events,
    memberships,
    pairs,
    participations,
    reports,
    revisions,
    signals,
    sources,
    tags,
)
from app.db.versioning import move_to_history
from app.events.event_pairs import delete_stored_pairs
from app.events.event_sums import (
    NO_SUMS,
    replace_event_sums,
    sum_event_rows,
    sum_stored_events,
)
from app.events.index_rows import COLUMNS_BY_TABLE, EventRows, EventSums
from app.events.record import EventRecord, RejectedError, copy_record
from app.events.render import (
    ACTING_KINDS,
    RenderContext,
    build_event_body,
    complete_event_document,
    encode_event_body,
    matches_document,
)
from app.events.resolve import DatabaseNames, resolve_record
from app.events.signals import choose_derivation_mode
from app.events.unresolved import forget_replaced_parts
from app.sources.record import CitedSource, SourceRecord

NO_REASONS: Mapping[str, str] = MappingProxyType({})
EVENT_ID_COLUMNS: tuple[Column[str], ...] = (
    events.c.id,
    participations.c.event,
    reports.c.event,
    tags.c.event,
    signals.c.event,
)
"""The column with the id of the event, in each index table."""


class UnknownSourceError(Exception):
    """A report names an unknown source."""


def write_events(
    db: Connection,
    inputs: Sequence[EventRecord],
    dataset: str,
    by: Writer,
    *,
    unless_same: bool = False,
    reasons: Mapping[str, str] = NO_REASONS,
) -> None:
    """Create or replace events by key, after resolving their actors' names to codes.

    Raises `UnknownActorError` or `UnknownSourceError`; then nothing is written. With `unless_same`
    an event whose document would not change is skipped, unless `reasons` has its id: those give
    single events a reason of their own. The records are left as they are.
    """
    names = DatabaseNames(db)
    resolved = []
    for event in inputs:
        one = resolve_record(copy_record(event), dataset, names, _require_source_id)
        for problem in one.problems:
            if problem.unknown_name is not None:
                raise names.errors[problem.unknown_name, one.day]
            raise RejectedError(str(problem.path[0]), problem.message)
        resolved.append((f"{dataset}:{event.key}", one.record))
    write_resolved_events(
        db, resolved, by, unless_same=unless_same, always=reasons, reasons=reasons
    )


def _require_source_id(source: SourceRecord) -> str:
    raise UnknownSourceError(f"inline source {source.title[:100]!r}; write it first")


def write_resolved_events(
    db: Connection,
    inputs: Sequence[tuple[str, EventRecord]],
    by: Writer,
    *,
    derived: bool = False,
    unless_same: bool = False,
    always: Collection[str] = (),
    reasons: Mapping[str, str] = NO_REASONS,
) -> list[bytes]:
    """Write and index events whose actors are codes already, as (id, event).

    With `derived` or `unless_same`, an event is skipped where its document would not change, but
    for the ids in `always`.
    `derived` marks revisions that follow from another change, such as the rename of an actor.
    Returns the documents that were written.
    """
    known = load_render_context(db)
    cited = load_cited_sources(db, {str(r.source) for _, event in inputs for r in event.reports})
    ids = [ident for ident, _ in inputs]
    current = dict(read_event_documents(db, ids)) if derived or unless_same else {}
    rows, seq = EventRows(), current_write_transaction(db).last_seq
    for ident, event in inputs:
        body = build_event_body(event, ident.partition(":")[0], known, cited)
        text = encode_event_body(body)
        same = ident in current and matches_document(text, current[ident])
        if not same or ident in always:
            seq += 1
            rows.add_event(body, text, seq, searched=body.dataset not in known.unsearched)
    numbers = read_latest_revision_numbers(db, "event", [ident for _, ident, *_ in rows.bodies])
    if not derived:
        forget_replaced_parts(db, dict(inputs))
    return store_event_rows(db, rows, numbers, by, derived=derived, reasons=reasons)


def store_event_rows(
    db: Connection,
    rows: EventRows,
    numbers: Mapping[str, int],
    by: Writer,
    *,
    derived: bool = False,
    references_exist: bool = False,
    reasons: Mapping[str, str] = NO_REASONS,
) -> list[bytes]:
    """Store events: their revisions, index rows, words and sums. Returns the documents.

    `numbers` has the latest revision of events that exist; `references_exist` says that the caller
    has looked up every dataset and source, so that the database need not do it again.
    """
    if not derived:
        by.require_permission("event", (ident for _, ident, *_ in rows.bodies), numbers)
    now, shift = current_write_transaction(db), rows.shift
    assert not rows.bodies or rows.bodies[0][0] + shift == now.last_seq + 1
    now.last_seq += len(rows.bodies)
    retracted = "update" if derived else "retract"
    at, created = now.instant, complete_event_document(b"", now.instant, 1)
    written = []
    for seq, ident, status, text in rows.bodies:
        number = numbers.get(ident, 0)
        action = retracted if status == "retracted" else "update" if number else "create"
        body = complete_event_document(text, at, number + 1) if number else text + created
        when = NO_INSTANT, by.name, reasons.get(ident, by.reason) if reasons else by.reason
        written.append((seq + shift, "event", ident, number + 1, action, *when, body, derived))
    insert_revisions(db, "event", written, at)
    removed = unindex_events(db, [ident for _, ident, *_ in rows.bodies if ident in numbers])
    own = [(*event[:-1], event[-1] + shift, now.instant) for event in rows.events]
    with skip_reference_checks(db) if references_exist else nullcontext():
        bulk_insert(db, events.name, COLUMNS_BY_TABLE[events.name], own)
        rows.pairs.sort()  # by the key, as they are kept
        for table in (participations, pairs, tags, reports, signals):
            columns, found = COLUMNS_BY_TABLE[table.name], getattr(rows, table.name)
            bulk_insert(db, table.name, columns, found, shift=shift)
    bulk_index_words(db, rows.words, shift)
    replace_event_sums(db, removed, rows.sums or sum_event_rows(rows))
    return [row[8] for row in written]


def read_event_documents(db: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Read (id, document) of those ids that have a current event."""
    found: list[tuple[str, str]] = []
    for at in range(0, len(ids), 500):
        rows = db.execute(
            select(events.c.id, document_of(revisions))
            .join(revisions, revisions.c.seq == events.c.seq)
            .where(events.c.id.in_(ids[at : at + 500]))
        )
        found += [(key, document) for key, document in rows]
    return found


def load_render_context(db: Connection) -> RenderContext:
    """Load what rendering events needs to know of actors: names, kinds and memberships."""
    rows = db.execute(select(actors.c.code, actors.c.name, actors.c.kind)).all()
    kinds = {r.code: r.kind for r in rows}
    belongs: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    m = memberships.c
    acting = select(actors.c.code).where(actors.c.kind.in_(ACTING_KINDS))
    periods = select(m.actor, m.group, m.since, m.until).where(m.since.is_not(None))
    for r in db.execute(periods.where(m.actor.in_(acting)).order_by(m.since, m.group)):
        belongs[r.actor].append((r.group, r.since, r.until))
    s = datasets.c
    chosen = db.execute(select(s.code, s.signals, s.mirrored_visits, s.searched)).all()
    modes = {r.code: choose_derivation_mode(r.signals, r.mirrored_visits) for r in chosen}
    unsearched = frozenset(r.code for r in chosen if not r.searched)
    return RenderContext({r.code: r.name for r in rows}, kinds, belongs, modes, unsearched)


def load_cited_sources(db: Connection, ids: Collection[str]) -> dict[str, CitedSource]:
    """Load the fields of sources that reports repeat; raises `UnknownSourceError`."""
    wanted, s = sorted(ids), sources.c
    cited: dict[str, CitedSource] = {}
    for at in range(0, len(wanted), 500):
        found = select(s.id, s.title, s.publisher, s.url, s.published, s.reliability)
        rows = db.execute(found.where(s.id.in_(wanted[at : at + 500])))
        cited |= {key: CitedSource(*fields) for key, *fields in rows}
    if absent := [key for key in wanted if key not in cited]:
        raise UnknownSourceError(f"unknown source {absent[0]!r}")
    return cited


def remove_event_rows(db: Connection, ids: Sequence[str]) -> None:
    """Move the index rows of some events to the history tables, and subtract them from the sums."""
    replace_event_sums(db, unindex_events(db, ids), NO_SUMS)


def unindex_events(db: Connection, ids: Sequence[str]) -> EventSums:
    """Move the index rows of some events to the history tables; returns what they add to sums."""
    removed = sum_stored_events(db, ids)
    delete_stored_pairs(db, ids)
    for column in EVENT_ID_COLUMNS:
        move_to_history(db, "event", column, ids)
    return removed
