"""Rewrite the indexes of a database without the gaps that writing left in them.

PostgreSQL divides a full page of an index in two. Where keys arrive in order within a range, such
as the days of an actor, the first half never gets another key: so the key of `participations` is
half empty after a load. What is rewritten stays dense, since earlier days seldom get events.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text

from app.db.dialect import find_sqlite_file
from app.db.engine import Database

LEAST_BYTES = 1 << 20
"""Smaller indexes are left as they are."""
_INDEXES = """
SELECT c.relname, i.indisvalid, pg_relation_size(c.oid) FROM pg_class c
JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace ORDER BY 3 DESC, 1
"""
_INTERRUPTED = ("_ccnew", "_ccold")
"""How PostgreSQL ends the names of what an interrupted rewriting leaves, maybe with a number."""


class CompactedIndex(NamedTuple):
    """An index, or the whole file of SQLite, and its bytes before and after."""

    name: str
    before: int
    after: int


def compact_database(database: Database, least: int = LEAST_BYTES) -> Iterator[CompactedIndex]:
    """Rewrite what has at least so many bytes, and yield each when it is done.

    On PostgreSQL one index after the other, while others read and write; each needs room for its
    copy. SQLite rewrites the whole file, which needs room for another one, and writers wait.
    """
    file = find_sqlite_file(database.engine)
    if file is not None:
        yield _rewrite_file(file)
        return
    apart = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with apart.connect() as db:
        db.execute(text("SET statement_timeout = 0"))
        try:
            yield from _rewrite_indexes(db, least)
        finally:
            db.invalidate()  # with its settings


def _rewrite_indexes(db: Connection, least: int) -> Iterator[CompactedIndex]:
    quote = db.dialect.identifier_preparer.quote
    for name, valid, size in db.execute(text(_INDEXES)).all():
        if not valid and name.rstrip("0123456789").endswith(_INTERRUPTED):
            db.exec_driver_sql(f"DROP INDEX CONCURRENTLY {quote(name)}")
        elif size >= least:
            db.exec_driver_sql(f"REINDEX INDEX CONCURRENTLY {quote(name)}")
            now = db.scalar(text("SELECT pg_relation_size(to_regclass(:n))"), {"n": quote(name)})
            yield CompactedIndex(name, size, int(now or 0))


def _rewrite_file(file: Path) -> CompactedIndex:
    # A connection of its own: those of the engine would make the copy in memory.
    with closing(sqlite3.connect(file, timeout=600, isolation_level=None)) as db:
        before = _read_file_bytes(db)
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return CompactedIndex("the whole file", before, _read_file_bytes(db))


def _read_file_bytes(db: sqlite3.Connection) -> int:
    (pages,), (size,) = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    return int(pages) * int(size)
