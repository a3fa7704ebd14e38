"""This module writes events and sources in bulk, with a few statements per table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from app.db.dialect import in_list, in_list_params
from app.db.dialect.bulk_copy import bulk_add_sums, bulk_insert, skip_reference_checks
from app.db.dialect.full_text import bulk_index_words
from app.db.journal import Writer, current_write_transaction
from app.db.tables import (
    day_sums,
    dyads,
    events,
    loaded,
    moved,
    participations,
    reports,
    revisions,
    signals,
    tags,
)
from app.db.tables import sources as sources_table
from app.events.changes import build_dyad_marks, unindex_events
from app.events.volumes import add_volumes
from app.ingest.formats.records import SourceRecord
from app.ingest.loading import source_documents
from app.ingest.loading.documents import COLUMNS_BY_TABLE, EventRows, complete_event_document


class StoredHashes(NamedTuple):
    """Hashes of an event's resolved record and of the row it was read from.

    A row hash of 0 matches no row, so that the row is read again.
    """

    content: int
    row: int


class LoadedEvent(NamedTuple):
    """An event of a batch, and the hashes to store for it."""

    id: str
    hashes: StoredHashes


def store_sources(db: Connection, records: Mapping[str, SourceRecord], by: Writer) -> None:
    """Store new sources, each with its first revision."""
    now = current_write_transaction(db)
    at, seq, documents, rows = now.instant, now.last_seq, [], []
    for key in sorted(records):
        source = records[key]
        seq += 1
        body = source_documents.render_source_record(key, source)
        documents.append((seq, "source", key, 1, "create", at, by.name, by.reason, body, False))
        rows.append(source_documents.make_source_row(key, source, seq))
    now.last_seq = seq
    bulk_insert(db, revisions.name, COLUMNS_BY_TABLE[revisions.name], documents)
    bulk_insert(db, sources_table.name, source_documents.SOURCE_COLUMNS, rows)


def store_events(
    db: Connection,
    sheet: EventRows,
    numbers: Mapping[str, int],
    noted: Sequence[LoadedEvent],
    by: Writer,
) -> None:
    """Store new and changed events; `numbers` has the latest revision of existing ones.

    `noted` are all events of the batch whose hashes are stored, unchanged ones included.
    """
    now = current_write_transaction(db)
    assert not sheet.bodies or sheet.bodies[0][0] == now.last_seq + 1
    now.last_seq += len(sheet.bodies)
    rows = []
    for seq, ident, status, text in sheet.bodies:
        latest = numbers.get(ident, 0)
        action = "retract" if status == "retracted" else "update" if latest else "create"
        body = complete_event_document(text, now.instant, latest + 1)
        rows.append(
            (seq, "event", ident, latest + 1, action, now.instant, by.name, by.reason, body, False)
        )
    bulk_insert(db, revisions.name, COLUMNS_BY_TABLE[revisions.name], rows)
    unindex_events(db, [ident for _, ident, *_ in sheet.bodies if ident in numbers])
    own = [(*event, now.instant) for event in sheet.events]
    with skip_reference_checks(db):
        bulk_insert(db, events.name, COLUMNS_BY_TABLE[events.name], own)
        for table in (participations, tags, reports, signals):
            bulk_insert(db, table.name, COLUMNS_BY_TABLE[table.name], getattr(sheet, table.name))
    bulk_index_words(db, sheet.words)
    added = sheet.sum_by_day()
    bulk_add_sums(db, day_sums, added)
    add_volumes(db, [row[2:5] for row in added])
    bulk_add_sums(db, dyads, build_dyad_marks(row[:4] for row in added), least="since")
    forget_stored_hashes(db, [one.id for one in noted if one.id in numbers])
    read = [(one.id, *one.hashes) for one in noted]
    bulk_insert(db, loaded.name, ("event", "digest", "row"), read)


def forget_stored_hashes(db: Connection, ids: Sequence[str]) -> None:
    """Delete the stored hashes of some events, so that their rows are compared again."""
    if ids:
        db.execute(delete(loaded).where(in_list(db, loaded.c.event)), in_list_params(db, ids))


def read_stored_hashes(db: Connection, ids: Sequence[str]) -> dict[str, StoredHashes]:
    """Read the hashes that were stored when some events were last loaded."""
    asked = select(loaded.c.event, loaded.c.digest, loaded.c.row).where(in_list(db, loaded.c.event))
    return {key: StoredHashes(*both) for key, *both in db.execute(asked, in_list_params(db, ids))}


def find_merged_event_ids(db: Connection, ids: Sequence[str]) -> set[str]:
    """Find the events that were merged into others; loading does not bring them back."""
    asked = select(moved.c.id).where(moved.c.kind == "event", in_list(db, moved.c.id))
    return set(db.scalars(asked, in_list_params(db, ids)))


def read_revision_numbers(db: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Read the number of the latest revision of some events; those without one are left out."""
    # Most events of a load are new, and the index of current events shows that at half the cost of
    # looking for revisions that do not exist.
    there = select(events.c.id).where(in_list(db, events.c.id))
    ids = list(db.scalars(there, in_list_params(db, ids)))
    if not ids:
        return {}
    r = revisions.c
    asked = select(r.id, func.max(r.revision)).where(r.kind == "event", in_list(db, r.id))
    return {row.id: row[1] for row in db.execute(asked.group_by(r.id), in_list_params(db, ids))}
