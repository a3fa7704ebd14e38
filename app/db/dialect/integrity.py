"""Checks of the database's own files: by SQLite itself, and by PostgreSQL's amcheck and reading."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.db.dialect import is_sqlite
from app.db.failures import classify_failure, describe_cause

MAX_FINDINGS = 100
"""Findings of SQLite's check, which stops there."""
_FIND_AMCHECK = text(
    "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    " WHERE e.extname = 'amcheck'"
)
_LIST_INDEXES = text(
    "SELECT c.oid, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " JOIN pg_am a ON a.oid = c.relam"
    " WHERE c.relnamespace = to_regnamespace(current_schema()) AND a.amname = 'btree'"
    " AND i.indisvalid ORDER BY c.relname"
)


def find_damage(db: Connection, tables: Sequence[str]) -> Iterator[str]:
    """Describe what of the database's files cannot be read or contradicts itself, one a line."""
    yield from _check_sqlite(db) if is_sqlite(db) else _check_postgresql(db, tables)


def _check_sqlite(db: Connection) -> Iterator[str]:
    try:
        for (finding,) in db.exec_driver_sql(f"PRAGMA integrity_check({MAX_FINDINGS})"):
            if finding != "ok":
                yield f"damaged: {' '.join(str(finding).split())}"
    except DBAPIError as failed:
        yield f"damaged: {describe_cause(failed)}"


def _check_postgresql(db: Connection, tables: Sequence[str]) -> Iterator[str]:
    for table in tables:
        # As text, so that values stored out of line are read too.
        yield from _try_check(db, table, f'SELECT sum(length(t::text)) FROM "{table}" t')
    schema = db.scalar(_FIND_AMCHECK)
    for oid, name in db.execute(_LIST_INDEXES).all() if schema else ():
        yield from _try_check(db, name, f'SELECT "{schema}".bt_index_check({oid}::regclass, true)')


def _try_check(db: Connection, name: str, check: str) -> Iterator[str]:
    try:
        with db.begin_nested():
            db.execute(text(check))
    except DBAPIError as failed:
        if classify_failure(failed) == "unreachable":
            raise
        yield f"damaged: {name}: {describe_cause(failed)}"
