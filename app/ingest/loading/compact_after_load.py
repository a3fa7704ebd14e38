"""After a large load, rewrite the indexes of PostgreSQL without gaps (decision 046)."""

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.db.compaction import CompactedIndex, compact_database
from app.db.dialect import is_sqlite
from app.db.engine import Database
from app.db.tables import events

LEAST_EVENTS = 100_000
"""New events up to which a load leaves the indexes as they are."""
LEAST_SHARE = 0.5
"""The share of all events that are new, below which rewriting each index is not worth it.

So an index of a database that grows by loads is rewritten when it has doubled.
"""


class CompactionError(Exception):
    """The database refused to rewrite an index; what was loaded is stored all the same."""


def is_compaction_due(database: Database, new: int) -> bool:
    """Return whether a load of so many new events is to rewrite the indexes.

    Never on SQLite, where writers would wait, and a copy of the whole file needs room.
    """
    if new < LEAST_EVENTS:
        return False
    most = int(new / LEAST_SHARE)
    some_events = select(events.c.id).limit(most + 1).subquery()
    with database.connect() as db:
        if is_sqlite(db):
            return False
        return int(db.scalar(select(func.count()).select_from(some_events)) or 0) <= most


def compact_after_load(database: Database) -> list[CompactedIndex]:
    """Rewrite the indexes, which may be interrupted; raise CompactionError if one is refused."""
    try:
        return list(compact_database(database))
    except DBAPIError as wrong:
        raise CompactionError(str(wrong.orig).partition("\n")[0]) from wrong
