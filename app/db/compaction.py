"""Rewrite the indexes of a database without the gaps that writing left in them.

PostgreSQL divides a full page of an index in two. Where keys arrive in order within a range, such
as the days of an actor, the first half never gets another key: so the key of `participations` is
half empty after a load. What is rewritten stays dense, since earlier days seldom get events.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

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
_LONGEST_TRANSACTION = """
SELECT floor(coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0))
FROM pg_stat_activity WHERE datname = current_database()
AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class CompactionDelayedError(Exception):
    """A transaction of others has gone on for long, and the rewriting would wait for its end."""


class CompactedIndex(NamedTuple):
    """An index, or the whole file of SQLite, and its bytes before and after."""

    name: str
    before: int
    after: int


def compact_database(
    database: Database, least: int = LEAST_BYTES, patience: int = 0
) -> Iterator[CompactedIndex]:
    """Rewrite what has at least so many bytes, and yield each when it is done.

    On PostgreSQL one index after the other, while others read and write; each needs room for its
    copy, and waits for the transactions that began before it was there. `patience`: seconds after
    which this is given up; 0: never. Raises `CompactionDelayedError` where a transaction has gone
    on for as long already. SQLite rewrites the whole file, which needs room for another one, and
    writers wait.
    """
    file = find_sqlite_file(database.engine)
    if file is not None:
        yield _rewrite_file(file)
        return
    apart = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with apart.connect() as db:
        db.execute(text("SET statement_timeout = 0"))
        db.execute(text(f"SET lock_timeout = '{patience}s'"))
        try:
            yield from _rewrite_indexes(db, least, patience)
        finally:
            db.invalidate()  # with its settings


def _rewrite_indexes(db: Connection, least: int, patience: int) -> Iterator[CompactedIndex]:
    quote = db.dialect.identifier_preparer.quote
    _drop_interrupted(db)
    for name, _, size in db.execute(text(_INDEXES)).all():
        if size < least:
            continue
        if patience:
            _refuse_long_transaction(db, patience)
        try:
            db.exec_driver_sql(f"REINDEX INDEX CONCURRENTLY {quote(name)}")
        except DBAPIError:
            # What is left slows down writing. Mostly what was waited for does not read this table.
            with suppress(DBAPIError):
                _drop_interrupted(db)
            raise
        now = db.scalar(text("SELECT pg_relation_size(to_regclass(:n))"), {"n": quote(name)})
        yield CompactedIndex(name, size, int(now or 0))


def _drop_interrupted(db: Connection) -> None:
    """Drop what interrupted rewritings left."""
    quote = db.dialect.identifier_preparer.quote
    for name, valid, _ in db.execute(text(_INDEXES)).all():
        if not valid and name.rstrip("0123456789").endswith(_INTERRUPTED):
            db.exec_driver_sql(f"DROP INDEX CONCURRENTLY {quote(name)}")


def _refuse_long_transaction(db: Connection, patience: int) -> None:
    """Leave an index alone whose rewriting would end in waiting, with an unfinished copy."""
    seconds = int(db.scalar(text(_LONGEST_TRANSACTION)) or 0)
    if seconds >= patience:
        raise CompactionDelayedError(f"another transaction has gone on for {seconds} seconds")


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
