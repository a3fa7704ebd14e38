"""Functions for everything that SQLite and PostgreSQL express differently.

Only this package names a dialect, so that no other module has to ask which database it runs on.
"""

import json
import select as select_module
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, TypeVarTuple
from zlib import crc32

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Insert,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import NULLTYPE

from app.db.dialect.one_state import begin_one_state, end_one_state

STANDBY_POLL_SECONDS = 0.2
"""Seconds between two looks at the version of a standby."""
LATER_POLLS = 10
"""Looks after a change of a standby's version after which readers look too."""


def is_sqlite(db: Connection) -> bool:
    """Return whether a connection is to SQLite; for use in this package only."""
    return db.dialect.name == "sqlite"


def get_sqlite_connection(db: Connection) -> sqlite3.Connection:
    """Return the driver's own connection to SQLite."""
    raw = db.connection.dbapi_connection  # the driver's own, in fewer steps than its other name
    assert isinstance(raw, sqlite3.Connection)
    return raw


def get_psycopg_connection(db: Connection) -> psycopg.Connection[TupleRow]:
    """Return the driver's own connection to PostgreSQL."""
    raw = db.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def begin_reading(db: Connection) -> sqlite3.Connection | None:
    """Begin a transaction to read in, unless the connection is in one.

    Returns the driver's own connection to SQLite; None for PostgreSQL.

    SQLAlchemy need not know of it: the pool rolls back what it is given back. psycopg begins by
    itself where the reads of a transaction need not see one state.
    """
    if is_sqlite(db):
        raw = get_sqlite_connection(db)
        if not raw.in_transaction:
            raw.execute("BEGIN")
        return raw
    begin_one_state(db, get_psycopg_connection(db))
    return None


def end_reading_transaction(db: Connection) -> None:
    """End the transaction of a reader on PostgreSQL, before the pool would do it in more steps."""
    if not is_sqlite(db) and not (db.closed or db.invalidated):
        end_one_state(db, get_psycopg_connection(db))


def build_upsert(
    db: Connection, table: Table, adding: Mapping[str, Column[int]] | None = None
) -> Insert:
    """Build an insert that replaces the row of the same key, or adds to the columns in `adding`."""
    keys = [column.name for column in table.primary_key]
    insert = (sqlite.insert if is_sqlite(db) else postgresql.insert)(table)
    changed = adding or {c.name: c for c in table.columns if c.name not in keys}
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={n: (table.c[n] + new[n]) if adding else new[n] for n in changed},
    )


def confirm_connection(db: Connection) -> None:
    """Ask a statement of a connection whose server has sent something unasked, as when it stops.

    Looking costs 3 µs; asking each pooled connection would cost 60 to 100.
    """
    if not is_sqlite(db):
        waiting = select_module.poll()
        waiting.register(get_psycopg_connection(db).pgconn.socket, select_module.POLLIN)
        if waiting.poll(0):
            db.execute(text("SELECT 1"))


def was_standby(db: Connection) -> bool:
    """Return whether a connection was to a standby when it was last asked; costs no statement."""
    if is_sqlite(db):
        return False
    reported = get_psycopg_connection(db).pgconn.parameter_status(b"in_hot_standby")
    return is_standby(db) if reported is None else reported == b"on"  # None: before version 14


def is_standby(db: Connection) -> bool:
    """Return whether a connection is to a standby; after its promotion it is to a primary."""
    if is_sqlite(db):
        return False
    # A primary does not become a standby while it has connections.
    if get_psycopg_connection(db).pgconn.parameter_status(b"in_hot_standby") == b"off":
        return False
    return bool(db.scalar(text("SELECT pg_is_in_recovery()")))


def read_replay_seconds(db: Connection) -> float | None:
    """Return for how long a standby has not replayed what it received, by what it knows itself.

    None where that cannot be known, as before its first transaction. A standby that has replayed
    all that it received, and is connected, is not behind.
    """
    found = db.scalar(
        text(
            "SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"
            " AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0"
            " ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END"
        )
    )
    return None if found is None else max(0.0, float(found))


def watch_external_writes(engine: Engine, ended: Event) -> Iterator[None]:
    """Yield each time another process may have written, until the event is set.

    PostgreSQL sends a notification; SQLite is polled twice a second, and a standby, which sends
    none, is asked for its version as often as `STANDBY_POLL_SECONDS` says. A lost connection also
    yields, because a notification may have been missed.
    """
    listen = _poll_sqlite if engine.dialect.name == "sqlite" else _listen_postgresql
    while not ended.is_set():
        try:
            yield from listen(engine, ended)
        except DBAPIError:
            ended.wait(1)
        yield


def _poll_sqlite(engine: Engine, ended: Event) -> Iterator[None]:
    with engine.connect() as db:
        raw = get_sqlite_connection(db)
        db.rollback()
        last = raw.execute("PRAGMA data_version").fetchone()
        while not ended.wait(0.5):
            now = raw.execute("PRAGMA data_version").fetchone()
            if now != last:
                last = now
                yield


def _listen_postgresql(engine: Engine, ended: Event) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        if is_standby(db):
            yield from _poll_standby(db, ended)
            return  # it was promoted, or the service ends
        db.exec_driver_sql("LISTEN entente")
        raw = get_psycopg_connection(db)
        yield  # a write may have been committed before LISTEN
        while not ended.is_set():
            try:
                for _ in raw.notifies(timeout=1, stop_after=1):
                    yield
            except psycopg.Error as lost:
                db.invalidate()
                raise OperationalError("LISTEN", {}, lost) from lost
        db.exec_driver_sql("UNLISTEN *")


def _poll_standby(db: Connection, ended: Event) -> Iterator[None]:
    """Yield while the version of a standby grows, and for a short time after it has."""
    last, left = None, 0
    while is_standby(db):
        now = db.exec_driver_sql("SELECT max(seq) FROM revisions").scalar()
        if now != last:
            last, left = now, LATER_POLLS
        if left:  # readers may be at another standby, where a change arrives later
            left -= 1
            yield
        if ended.wait(STANDBY_POLL_SECONDS):
            return


def in_list(db: Connection, column: ColumnElement[str]) -> ColumnElement[bool]:
    """Build the condition that a column is in the parameter `values`, a list of any length."""
    return match_any(db.dialect.name, column)


def match_any(kind: str, column: ColumnElement[str] | ColumnElement[int]) -> ColumnElement[bool]:
    """Build the condition of `in_list` without a connection, for statements compiled in advance."""
    if kind == "sqlite":
        return column.in_(text("SELECT value FROM json_each(:values)"))
    values = bindparam("values", type_=NULLTYPE)  # one text: see `format_array_literal`
    each = BigInteger() if isinstance(column.type, Integer) else Text()
    return column == func.any(cast(values, postgresql.ARRAY(each)))


def in_list_params(db: Connection, values: Sequence[str | int]) -> dict[str, str]:
    """Return the parameter of `in_list`."""
    encoded = (
        json.dumps(values, ensure_ascii=False) if is_sqlite(db) else format_array_literal(values)
    )
    return {"values": encoded}


def format_array_literal(values: Sequence[str | int]) -> str:
    """Return PostgreSQL's text form of an array; the driver's own dumper works value by value."""
    if not values:
        return "{}"
    if isinstance(values[0], int):
        return f"{{{','.join(map(str, values))}}}"
    texts: Sequence[str] = values  # type: ignore[assignment]
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        joined = '","'.join([t.replace("\\", r"\\").replace('"', r"\"") for t in texts])
    return f'{{"{joined}"}}'


def find_sqlite_file(engine: Engine) -> Path | None:
    """Return the file of an SQLite database; None for PostgreSQL."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def lock_for_writing(db: Connection) -> None:
    """Wait for the write lock and keep it until the transaction ends, so `seq` has no gaps."""
    if not is_sqlite(db):  # SQLite: BEGIN IMMEDIATE has done it
        db.execute(text("SELECT pg_advisory_xact_lock(7140312)"))


LEADER_LOCKS = {"": 7140313, "watches": 7140314}
"""Numbers of PostgreSQL's locks of leaders, by the kind of work."""
FIRST_NAMED_LOCK = 7_200_000
"""The least number of the locks of other kinds of work, which follow from their names."""


def try_leader_lock(db: Connection, name: str = "") -> bool:
    """Take PostgreSQL's lock of a leader for a session, or confirm it.

    False if it is taken, and on a standby, which takes no writes.
    """
    number = LEADER_LOCKS.get(name) or FIRST_NAMED_LOCK + crc32(name.encode()) % 100_000
    # A standby would grant a lock of its own.
    mine = (
        "SELECT NOT pg_is_in_recovery() AND (EXISTS (SELECT FROM pg_locks"
        " WHERE locktype = 'advisory' AND objid = :number AND pid = pg_backend_pid())"
        " OR pg_try_advisory_lock(:number))"
    )
    return bool(db.scalar(text(mine), {"number": number}))


def prefers_separate_seeks(kind: str) -> bool:
    """Return whether a page over several actors is read by one LATERAL seek per actor.

    SQLite stops reading each value of an `IN` as soon as the page is full. PostgreSQL sorts every
    row that the values match, unless a LATERAL join asks for the first few rows of each.
    """
    return kind == "postgresql"


def sorts_like_python(kind: str) -> bool:
    """Return whether texts are sorted by their bytes, whatever the server's settings."""
    return kind == "sqlite"


def unnest_params(
    kind: str, name: str, columns: Sequence[str], *, alias: str | None = None
) -> FromClause:
    """Build a table of text rows from the list parameters `name_0`, `name_1` …, one per column."""
    assert prefers_separate_seeks(kind)
    array = postgresql.ARRAY(Text())
    lists = [bindparam(f"{name}_{n}", type_=array) for n in range(len(columns))]
    return func.unnest(*lists).table_valued(*columns).render_derived(name=alias)


def values_table(kind: str, columns: Sequence[str]) -> FromClause:
    """Build a table of any number of text rows from the parameters of `values_table_params`."""
    if kind == "sqlite":
        rows = func.json_each(bindparam("handed")).table_valued("value", name="handed_over")
        fields = [func.json_extract(rows.c.value, f"$[{n}]") for n in range(len(columns))]
        return select(*(f.label(c) for f, c in zip(fields, columns, strict=True))).subquery()
    return unnest_params(kind, "handed", columns)


def values_table_params(
    kind: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, str | list[str]]:
    """Return the parameters of `values_table` with these columns; there may be no row."""
    if kind == "sqlite":
        return {"handed": json.dumps(rows, ensure_ascii=False)}
    return {f"handed_{n}": [row[n] for row in rows] for n in range(len(columns))}


RowValues = TypeVarTuple("RowValues")


def distinct_on(
    kind: str, rows: Select[*RowValues], *columns: ColumnElement[Any]
) -> Select[*RowValues]:
    """Make rows distinct by the columns they are sorted by, which determine all other columns.

    With DISTINCT ON, PostgreSQL reads an index of just these columns; SQLite does so for DISTINCT.
    """
    return rows.distinct() if kind == "sqlite" else rows.ext(postgresql.distinct_on(*columns))


def seek_after(
    kind: str, value: ColumnElement[Any], text_before: ColumnElement[str]
) -> ColumnElement[Any]:
    """Make SQLite seek a text only after the row of another, as if it depended on that.

    It does not know how few of these there are; PostgreSQL chooses by its statistics.
    """
    return value.concat(func.substr(text_before, 1, 0)) if kind == "sqlite" else value


@contextmanager
def limit_sqlite_cache(db: Connection) -> Iterator[None]:
    """Shrink SQLite's cache during a large read, which would otherwise stay in memory."""
    if not is_sqlite(db):
        yield
        return
    names = ("mmap_size", "cache_size")
    previous = {name: db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}
    for name, little in zip(names, (0, -4096), strict=True):
        db.exec_driver_sql(f"PRAGMA {name}={little}")
    try:
        yield
    finally:
        for name, value in previous.items():
            db.exec_driver_sql(f"PRAGMA {name}={value}")


REVISION_GUARD_DDL = {
    "sqlite": tuple(
        f"CREATE TRIGGER revisions_stay_{verb.lower()} BEFORE {verb} ON revisions"
        " BEGIN SELECT RAISE(ABORT, 'a revision is never changed'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE FUNCTION revisions_stay() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'a revision is never changed'; END $$",
        "CREATE TRIGGER revisions_stay BEFORE UPDATE OR DELETE ON revisions"
        " FOR EACH ROW EXECUTE FUNCTION revisions_stay()",
    ),
}
"""Triggers that refuse to change or delete a revision, also in SQL typed by hand."""
PACKING = "packing"
"""The row of `house` that a transaction has for as long as it packs or unpacks stored documents."""
_LASTING = ("seq", "kind", "id", "revision", "action", "at", "by", "reason", "derived")
_OLD, _NEW = (", ".join(f'{row}."{name}"' for name in _LASTING) for row in ("OLD", "NEW"))
PACKING_GUARD_DDL = {
    "sqlite": (
        "DROP TRIGGER revisions_stay_update",
        "CREATE TRIGGER revisions_stay_update BEFORE UPDATE ON revisions WHEN"
        f" NOT EXISTS (SELECT 1 FROM house WHERE name = '{PACKING}') OR"
        f" ({_OLD}) IS NOT ({_NEW})"
        " BEGIN SELECT RAISE(ABORT, 'a revision is never changed'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION revisions_stay() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF TG_OP = 'UPDATE'"
        f" AND EXISTS (SELECT FROM house WHERE name = '{PACKING}')"
        f" AND ({_OLD}) IS NOT DISTINCT FROM ({_NEW}) THEN RETURN NEW; END IF;"
        " RAISE EXCEPTION 'a revision is never changed'; END $$",
    ),
}
"""Let a transaction that says so change whether a document is packed, and nothing else."""
PACKING_UNGUARD_DDL = {
    "sqlite": ("DROP TRIGGER revisions_stay_update", REVISION_GUARD_DDL["sqlite"][0]),
    "postgresql": (REVISION_GUARD_DDL["postgresql"][0].replace("CREATE", "CREATE OR REPLACE", 1),),
}
REVISION_UNGUARD_DDL = {
    "sqlite": ("DROP TRIGGER revisions_stay_update", "DROP TRIGGER revisions_stay_delete"),
    "postgresql": (
        "DROP TRIGGER revisions_stay ON revisions",
        "DROP FUNCTION revisions_stay()",
    ),
}


def notify_commit(db: Connection, seq: int) -> None:
    """Notify listeners in all processes of a new version, when the transaction commits."""
    if not is_sqlite(db):
        db.execute(text("SELECT pg_notify('entente', :seq)"), {"seq": str(seq)})
