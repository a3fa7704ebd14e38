"""This module writes events and sources in bulk, with a few statements per table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from app.db.dialect import in_list, in_list_params
from app.db.dialect.bulk_copy import bulk_insert
from app.db.journal import Writer, current_write_transaction
from app.db.revision_rows import NO_INSTANT, insert_revisions
from app.db.tables import (
    events,
    loaded,
    moved,
    revisions,
)
from app.db.tables import sources as sources_table
from app.events.changes import store_event_rows
from app.events.index_rows import EventRows
from app.events.unresolved import UnresolvedPart, store_unresolved_parts
from app.sources.source_records import SOURCE_COLUMNS, NewSource

LOADED_COLUMNS = ("event", "digest", "row", "parties", "unresolved", "rank")


class StoredHashes(NamedTuple):
    """Hashes of an event's resolved record and of the row it was read from, and its parties.

    A row hash of 0 matches no row, so that the row is read again. `parties` is None in what older
    loads have stored.
    """

    content: int
    row: int
    parties: int | None
    unresolved: int
    rank: int | None = None
    """That of the highest release which has the row; None where none was known."""


HashedRow = tuple[str, int, int, int | None, int, int | None]
"""A row of `loaded`: the id of an event and its `StoredHashes`."""


def store_sources(db: Connection, records: Mapping[str, NewSource], by: Writer) -> None:
    """Store new sources, each with its first revision."""
    now = current_write_transaction(db)
    at, seq, documents, rows = now.instant, now.last_seq, [], []
    for key in sorted(records):
        source = records[key]
        seq += 1
        first = (seq, "source", key, 1, "create", NO_INSTANT)
        documents.append((*first, by.name, by.reason, source.document, False))
        rows.append((*source.row, seq))
    now.last_seq = seq
    insert_revisions(db, "source", documents, at)
    bulk_insert(db, sources_table.name, SOURCE_COLUMNS, rows)


def store_loaded_events(
    db: Connection,
    rows: EventRows,
    numbers: Mapping[str, int],
    hashes: Sequence[HashedRow],
    parts: Sequence[UnresolvedPart],
    by: Writer,
) -> None:
    """Store new and changed events; `numbers` has the latest revision of existing ones.

    `hashes` and unresolved `parts` are those of all events of the batch, unchanged ones included.
    """
    store_event_rows(db, rows, numbers, by, references_exist=True)
    replaced = [row[0] for row in hashes if row[0] in numbers]
    forget_stored_hashes(db, replaced)
    bulk_insert(db, loaded.name, LOADED_COLUMNS, hashes)
    store_unresolved_parts(db, parts, replaced)


def forget_stored_hashes(db: Connection, ids: Sequence[str]) -> None:
    """Delete the stored hashes of some events, so that their rows are compared again."""
    if ids:
        db.execute(delete(loaded).where(in_list(db, loaded.c.event)), in_list_params(db, ids))


def note_retracted_rank(db: Connection, ids: Sequence[str], rank: int) -> None:
    """Note by which release some events were retracted, so that lower ones do not restore them."""
    bulk_insert(db, loaded.name, LOADED_COLUMNS, [(ident, 0, 0, 0, 0, rank) for ident in ids])


def raise_stored_rank(db: Connection, ids: Sequence[str], rank: int) -> None:
    """Note that some events are unchanged in a higher release."""
    raised = update(loaded).where(in_list(db, loaded.c.event)).values(rank=rank)
    db.execute(raised, in_list_params(db, ids))


def read_stored_hashes(db: Connection, ids: Sequence[str]) -> dict[str, StoredHashes]:
    """Read the hashes that were stored when some events were last loaded."""
    asked = select(*(loaded.c[name] for name in LOADED_COLUMNS)).where(in_list(db, loaded.c.event))
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
