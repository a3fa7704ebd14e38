"""After a large load, put PostgreSQL in order.

Its indexes are rewritten without gaps (decision 046), and its statistics are brought up to date
(decision 044).
"""

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.db.compaction import CompactedIndex, compact_database
from app.db.dialect import is_sqlite
from app.db.engine import Database
from app.db.table_statistics import refresh_statistics
from app.db.tables import events

LEAST_EVENTS = 100_000
"""New events up to which a load leaves the indexes as they are."""
LEAST_SHARE = 0.5
"""The share of all events that are new, below which rewriting each index is not worth it.

So an index of a database that grows by loads is rewritten when it has doubled.
"""
LEAST_EVENTS_FOR_STATISTICS = 5_000
"""New events up to which PostgreSQL is left to notice them by itself, within minutes."""
LEAST_SHARE_FOR_STATISTICS = 0.1
"""The share of all events at which it would do so, by its defaults."""


class CompactionError(Exception):
    """The database refused to put itself in order; what was loaded is stored all the same."""


def is_compaction_due(database: Database, new: int) -> bool:
    """Return whether a load of so many new events is to rewrite the indexes.

    Never on SQLite, where writers would wait, and a copy of the whole file needs room.
    """
    return _is_large(database, new, LEAST_EVENTS, LEAST_SHARE)


def refresh_after_load(database: Database, new: int) -> list[str]:
    """Bring the statistics up to date where so many events are new; returns the warnings.

    Raises CompactionError if the database refuses.
    """
    if not _is_large(database, new, LEAST_EVENTS_FOR_STATISTICS, LEAST_SHARE_FOR_STATISTICS):
        return []
    try:
        return refresh_statistics(database)
    except DBAPIError as wrong:
        raise CompactionError(str(wrong.orig).partition("\n")[0]) from wrong


def _is_large(database: Database, new: int, least: int, share: float) -> bool:
    """Return whether so many new events are enough, and enough of all; never on SQLite."""
    if new < least:
        return False
    most = int(new / share)
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
