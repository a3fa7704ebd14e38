"""Follow the changes of events that match a filter, for one reader: the terminal."""

import threading
from collections.abc import Iterator
from typing import Any

from app.db.dialect import watch_external_writes
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.events.filter import EventFilter
from app.events.queries import resolve_filter
from app.watches import delivery_store
from app.watches.matching import BATCH_SIZE, compare_changes
from app.watches.payloads import build_message
from app.watches.registry import WatchRegistry

NAME = "terminal"


def follow_changes(
    database: Database, asked: EventFilter, after: int | None, *, waits: bool = True
) -> Iterator[dict[str, Any]]:
    """Yield a message for each change after a `seq`, by default the newest, as it is written.

    Without `waits` it ends at the newest change.
    """
    with database.connect() as db:
        position = int(read_version(db)) if after is None else after
        resolve_filter(db, asked, None)  # an unknown name has to fail at once
    ended = threading.Event()
    writes = watch_external_writes(database.engine, ended)
    while True:
        found, position, newest = _read_stretch(database, asked, position)
        yield from found
        if position >= newest:
            if not waits:
                return
            next(writes)


def _read_stretch(
    database: Database, asked: EventFilter, after: int
) -> tuple[list[dict[str, Any]], int, int]:
    with database.connect() as db:
        newest = read_version(db)
        if after >= newest:
            return [], after, int(newest)
        registry = WatchRegistry().take_filter(db, NAME, resolve_filter(db, asked, None))
        found = compare_changes(db, registry, after, int(newest), BATCH_SIZE)
        changes = {one.seq: one.change for one in found.deliveries}
        messages = [
            build_message(row, changes[row.seq], newest.ancestry)
            for row in delivery_store.read_revisions(db, list(changes))
        ]
    return messages, found.end, int(newest)
