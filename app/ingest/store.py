"""This module writes events and sources in bulk, with a few statements per table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from app.db.dialect import among, listed
from app.db.dialect.pouring import known, pour, pour_sums
from app.db.dialect.words import pour_words
from app.db.journal import Writer, moment
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
from app.events.changes import marks, take_out
from app.events.volumes import add_volumes
from app.ingest import sources
from app.ingest.finish import COLUMNS, Sheet, document
from app.ingest.given import GivenSource


class Digests(NamedTuple):
    """Hashes of an event's resolved record and of the row it was read from.

    A row hash of 0 matches no row, so that the row is read again.
    """

    said: int
    row: int


class Noted(NamedTuple):
    """An event of a batch, and the hashes to store for it."""

    id: str
    digests: Digests


def store_sources(db: Connection, given: Mapping[str, GivenSource], by: Writer) -> None:
    """Store new sources, each with its first revision."""
    now = moment(db)
    at, seq, documents, rows = now.at, now.last, [], []
    for key in sorted(given):
        source = given[key]
        seq += 1
        body = sources.document(key, source)
        documents.append((seq, "source", key, 1, "create", at, by.name, by.reason, body, False))
        rows.append(sources.row(key, source, seq))
    now.last = seq
    pour(db, revisions.name, COLUMNS[revisions.name], documents)
    pour(db, sources_table.name, sources.COLUMNS, rows)


def store_events(
    db: Connection, sheet: Sheet, numbers: Mapping[str, int], noted: Sequence[Noted], by: Writer
) -> None:
    """Store new and changed events; `numbers` has the latest revision of existing ones.

    `noted` are all events of the batch whose hashes are stored, unchanged ones included.
    """
    now = moment(db)
    assert not sheet.bodies or sheet.bodies[0][0] == now.last + 1
    now.last += len(sheet.bodies)
    rows = []
    for seq, ident, status, text in sheet.bodies:
        held = numbers.get(ident, 0)
        action = "retract" if status == "retracted" else "update" if held else "create"
        body = document(text, now.at, held + 1)
        rows.append(
            (seq, "event", ident, held + 1, action, now.at, by.name, by.reason, body, False)
        )
    pour(db, revisions.name, COLUMNS[revisions.name], rows)
    take_out(db, [ident for _, ident, *_ in sheet.bodies if ident in numbers])
    own = [(*event, now.at) for event in sheet.events]
    with known(db):
        pour(db, events.name, COLUMNS[events.name], own)
        for table in (participations, tags, reports, signals):
            pour(db, table.name, COLUMNS[table.name], getattr(sheet, table.name))
    pour_words(db, sheet.words)
    added = sheet.sums()
    pour_sums(db, day_sums, added)
    add_volumes(db, [row[2:5] for row in added])
    pour_sums(db, dyads, marks(row[:4] for row in added), least="since")
    forget_digests(db, [one.id for one in noted if one.id in numbers])
    read = [(one.id, *one.digests) for one in noted]
    pour(db, loaded.name, ("event", "digest", "row"), read)


def forget_digests(db: Connection, ids: Sequence[str]) -> None:
    """Delete the stored hashes of some events, so that their rows are compared again."""
    if ids:
        db.execute(delete(loaded).where(among(db, loaded.c.event)), listed(db, ids))


def digests(db: Connection, ids: Sequence[str]) -> dict[str, Digests]:
    """Read the hashes that were stored when some events were last loaded."""
    asked = select(loaded.c.event, loaded.c.digest, loaded.c.row).where(among(db, loaded.c.event))
    return {key: Digests(*both) for key, *both in db.execute(asked, listed(db, ids))}


def merged(db: Connection, ids: Sequence[str]) -> set[str]:
    """Find the events that were merged into others; loading does not bring them back."""
    asked = select(moved.c.id).where(moved.c.kind == "event", among(db, moved.c.id))
    return set(db.scalars(asked, listed(db, ids)))


def numbers_of(db: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Read the number of the latest revision of some events; those without one are left out."""
    # Most events of a load are new, and the index of current events shows that at half the cost of
    # looking for revisions that do not exist.
    there = select(events.c.id).where(among(db, events.c.id))
    ids = list(db.scalars(there, listed(db, ids)))
    if not ids:
        return {}
    r = revisions.c
    asked = select(r.id, func.max(r.revision)).where(r.kind == "event", among(db, r.id))
    return {row.id: row[1] for row in db.execute(asked.group_by(r.id), listed(db, ids))}
