"""Finished events into the tables: a few statements for each table, however many events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select

from app.db.dialect import among, listed, pour, pour_sums, pour_words
from app.db.journal import Writer, moment
from app.db.tables import day_sums, dyads, events, loaded, moved, revisions
from app.db.tables import sources as sources_table
from app.events.changes import marks, take_out
from app.events.volumes import add_volumes
from app.ingest import sources
from app.ingest.finish import COLUMNS, Finished, sums
from app.ingest.given import GivenSource


class Digests(NamedTuple):
    """What an event said, and the row that it was read from; 0 for a row to be read again."""

    said: int
    row: int


def store_sources(db: Connection, given: Mapping[str, GivenSource], by: Writer) -> None:
    """Sources that are not there yet."""
    now, kind = moment(db), "source"
    documents, rows = [], []
    for key, source in sorted(given.items()):
        now.last += 1
        body = sources.document(key, source)
        documents.append(_revision(now.last, kind, key, 1, now.at, by, body))
        rows.append(sources.row(key, source, now.last))
    pour(db, revisions.name, COLUMNS[revisions.name], documents)
    pour(db, sources_table.name, sources.COLUMNS, rows)


def _revision(
    seq: int, kind: str, key: str, number: int, at: str, by: Writer, body: str
) -> tuple[Any, ...]:
    action = "create" if number == 1 else "update"
    return seq, kind, key, number, action, at, by.name, by.reason, body, False


def store_events(db: Connection, made: Sequence[tuple[Finished, Digests]], by: Writer) -> None:
    """Events, new or changed, each with the digest of what was given."""
    held = _numbers(db, [event.id for event, _ in made])
    gone = merged(db, list(held)) if held else set()
    made = [one for one in made if one[0].id not in gone]
    standing = [event.id for event, _ in made if event.id in held]
    now = moment(db)
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    words = []
    for event, _ in made:
        now.last += 1
        seq, number = now.last, held.get(event.id, 0) + 1
        body = event.document(now.at, number)
        rows[revisions.name].append(_revision(seq, "event", event.id, number, now.at, by, body))
        rows[events.name].append((*event.event, now.at, seq))
        for table, lines in event.rows.items():
            rows[table] += [(*line, seq) for line in lines]
        words.append((seq, event.words))
    pour(db, revisions.name, COLUMNS[revisions.name], rows.pop(revisions.name))
    take_out(db, standing)  # what replaces it has to be there
    for table, lines in rows.items():
        pour(db, table, COLUMNS[table], lines)
    pour_words(db, words)
    added = sums([event for event, _ in made])
    pour_sums(db, day_sums, added)
    add_volumes(db, [row[2:5] for row in added])
    pour_sums(db, dyads, marks(row[:4] for row in added), least="since")
    forget_digests(db, standing)
    noted = [(event.id, digest.said, digest.row) for event, digest in made]
    pour(db, loaded.name, ("event", "digest", "row"), noted)


def forget_digests(db: Connection, ids: Sequence[str]) -> None:
    """Let events count as changed when they are loaded again."""
    if ids:
        db.execute(delete(loaded).where(among(db, loaded.c.event)), listed(db, ids))


def digests(db: Connection, ids: Sequence[str]) -> dict[str, Digests]:
    """What some events said when they were loaded last."""
    asked = select(loaded.c.event, loaded.c.digest, loaded.c.row).where(among(db, loaded.c.event))
    return {key: Digests(*both) for key, *both in db.execute(asked, listed(db, ids))}


def known(db: Connection, ids: Sequence[str]) -> set[str]:
    """Which of some events are there, loaded or written, retracted or not."""
    asked = select(events.c.id).where(among(db, events.c.id))
    return set(db.scalars(asked, listed(db, ids)))


def merged(db: Connection, ids: Sequence[str]) -> set[str]:
    """Which of some events were merged into others, and stay so."""
    asked = select(moved.c.id).where(moved.c.kind == "event", among(db, moved.c.id))
    return set(db.scalars(asked, listed(db, ids)))


def _numbers(db: Connection, ids: Sequence[str]) -> dict[str, int]:
    r = revisions.c
    asked = select(r.id, func.max(r.revision)).where(r.kind == "event", among(db, r.id))
    return {row.id: row[1] for row in db.execute(asked.group_by(r.id), listed(db, ids))}
