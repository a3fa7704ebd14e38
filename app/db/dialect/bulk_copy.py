"""Bulk inserts and copies of tables, by the fastest way that each driver offers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from psycopg.types.string import BytesBinaryDumper
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from app.db.dialect import (
    format_array_literal,
    get_psycopg_connection,
    get_sqlite_connection,
    is_sqlite,
)
from app.db.tables import metadata


def copy_out(db: Connection, table: str, columns: Sequence[str]) -> Iterator[bytes]:
    """Yield the rows of a PostgreSQL table in COPY's text format, in chunks."""
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f'COPY "{table}" ({names}) TO STDOUT'.encode()
    with get_psycopg_connection(db).cursor() as cursor, cursor.copy(statement) as copy:
        for piece in copy:
            yield bytes(piece)


def copy_in(db: Connection, table: str, columns: Sequence[str], pieces: Iterable[bytes]) -> None:
    """Insert the chunks that `copy_out` yielded into a PostgreSQL table."""
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f'COPY "{table}" ({names}) FROM STDIN'.encode()
    with get_psycopg_connection(db).cursor() as cursor, cursor.copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)


def force_index_scans(db: Connection) -> None:
    """Make a transaction look keys up by index, even where PostgreSQL has no statistics yet."""
    if not is_sqlite(db):
        db.execute(text("SET LOCAL enable_seqscan = off"))


def prepare_bulk_load(db: Connection) -> None:
    """Set a connection up for bulk loading, before it begins a transaction.

    On PostgreSQL there is nothing to set.
    """
    if is_sqlite(db):
        raw = get_sqlite_connection(db)
        raw.execute("PRAGMA busy_timeout=600000")  # 10 minutes: a load waits for its turn to write
        raw.execute("PRAGMA wal_autocheckpoint=16384")  # not at each commit
        raw.execute("PRAGMA mmap_size=0")  # else the whole file stays mapped in memory
        # The loader has just read or inserted each dataset and source that its rows reference.
        raw.execute("PRAGMA foreign_keys=OFF")


@contextmanager
def skip_reference_checks(db: Connection) -> Iterator[None]:
    """Skip foreign-key checks while inserting rows that reference rows known to exist.

    For each inserted row PostgreSQL looks the referenced row up and locks it, a fifth of the work
    of a load. Roles that may set `session_replication_role` skip that, and no trigger fires
    meanwhile; for other roles the checks run. For SQLite, `prepare_bulk_load` turns them off.
    """
    spared = False
    if not is_sqlite(db):
        server_version = get_psycopg_connection(db).info.server_version
        spared = server_version >= _PARAMETER_PRIVILEGES_SINCE and bool(
            db.scalar(text(_SKIP_REFERENCE_CHECKS))
        )
    yield
    if spared:  # not in a `finally`: after an error the transaction ends, and the setting
        db.execute(text("SET LOCAL session_replication_role TO DEFAULT"))


_PARAMETER_PRIVILEGES_SINCE = 150000
_SKIP_REFERENCE_CHECKS = """
SELECT set_config('session_replication_role', 'replica', true)
WHERE has_parameter_privilege('session_replication_role', 'SET')
"""


def bulk_insert(
    db: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    shift: int = 0,
) -> None:
    """Insert many rows at once, by the fastest way that the driver offers.

    Values of a `Text` column may be bytes of UTF-8, in either all rows or none. `shift` is added to
    the last column, which is a number.
    """
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns)
    found = metadata.tables.get(table)
    types = {} if found is None else {c.name: type(c.type) for c in found.columns}
    kinds = [types.get(name) for name in columns]
    encoded = [k is Text and type(v) is bytes for k, v in zip(kinds, rows[0], strict=True)]
    if is_sqlite(db):
        marks = ", ".join("CAST(? AS TEXT)" if e else "?" for e in encoded)
        marks += f" + {shift}" if shift else ""
        statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'
        get_sqlite_connection(db).executemany(statement, rows)
        return
    binary = "" if found is None else " (FORMAT BINARY)"
    statement = f'COPY "{table}" ({names}) FROM STDIN{binary}'
    with get_psycopg_connection(db).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        if binary:  # costs the client a third of text format; text is sent as its bytes
            cursor.adapters.register_dumper(bytes, BytesBinaryDumper)  # `Binary`'s is far slower
            typed = zip(kinds, encoded, strict=True)
            copy.set_types(
                ["bytea" if e else _COPY_TYPE_NAMES[k] for k, e in typed if k is not None]
            )
        for row in rows:
            copy.write_row((*row[:-1], row[-1] + shift) if shift else row)


_COPY_TYPE_NAMES: Mapping[type, str] = {
    BigInteger: "int8", Integer: "int4", Float: "float8", Boolean: "bool", String: "varchar",
    Text: "text", LargeBinary: "bytea",
}  # fmt: skip
"""PostgreSQL's names of the column types."""


def bulk_add_sums(
    db: Connection,
    table: Table,
    rows: Sequence[Sequence[str | int]],
    rules: Mapping[str, str] = MappingProxyType({}),
    *,
    only_where: str = "",
) -> None:
    """Add numbers to the rows of the same keys, or insert them; all columns in table order.

    `rules` has the SQL of columns that are not added up, of the row `old` and the row `new`;
    `only_where` that of a condition without which an old row is not written.
    """
    if not rows:
        return
    keys = {column.name for column in table.primary_key}
    names = [column.name for column in table.columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    added = ", ".join(
        f'"{n}" = ' + rules.get(n, f'old."{n}" + new."{n}"') for n in names if n not in keys
    )
    added += f" WHERE {only_where}" if only_where else ""
    added = added.replace("old.", f'"{table.name}".').replace("new.", "excluded.")
    same = ", ".join(f'"{key.name}"' for key in table.primary_key)
    conflict = f"ON CONFLICT ({same}) DO UPDATE SET {added}"
    if is_sqlite(db):
        marks = ", ".join("?" * len(names))
        statement = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks}) {conflict}'
        get_sqlite_connection(db).executemany(statement, rows)
        return
    lists = ", ".join(f"%s::{_COPY_TYPE_NAMES[type(c.type)]}[]" for c in table.columns)
    statement = f'INSERT INTO "{table.name}" ({quoted}) SELECT * FROM unnest({lists}) {conflict}'
    with get_psycopg_connection(db).cursor() as cursor:
        cursor.execute(
            statement.encode(),
            [format_array_literal(values) for values in zip(*rows, strict=True)],
        )


def bulk_delete_empty_sums(
    db: Connection, table: Table, keys: Sequence[Sequence[str]], sums: Sequence[str]
) -> None:
    """Delete those rows of some keys whose columns `sums` are all 0; keys are of texts."""
    bulk_delete_keys(db, table, keys, "".join(f' AND "{table.name}"."{n}" = 0' for n in sums))


def bulk_delete_keys(
    db: Connection, table: Table, keys: Sequence[Sequence[str]], more: str = ""
) -> None:
    """Delete the rows of some keys, which are of texts; `more` is SQL of a further condition."""
    if not keys:
        return
    names = [column.name for column in table.primary_key]
    if is_sqlite(db):
        same = " AND ".join(f'"{name}" = ?' for name in names)
        statement = f'DELETE FROM "{table.name}" WHERE {same}{more}'
        get_sqlite_connection(db).executemany(statement, keys)
        return
    same = " AND ".join(f'"{table.name}"."{name}" = gone."{name}"' for name in names)
    lists = ", ".join("%s::text[]" for _ in names)
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f'DELETE FROM "{table.name}" USING unnest({lists}) AS gone({columns}) WHERE {same}'
    with get_psycopg_connection(db).cursor() as cursor:
        cursor.execute(
            f"{statement}{more}".encode(),
            [format_array_literal(values) for values in zip(*keys, strict=True)],
        )


def keep_lesser(column: str) -> dict[str, str]:
    """Return the rule of `bulk_add_sums` that the lesser value of a column is kept."""
    new, old = f'new."{column}"', f'old."{column}"'
    return {column: f"CASE WHEN {new} < {old} THEN {new} ELSE {old} END"}
