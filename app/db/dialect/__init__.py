"""The only place that names a dialect: one word for each thing the two databases say apart."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Insert,
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


def on_sqlite(db: Connection) -> bool:
    """Whether a connection is to SQLite; for this package alone."""
    return db.dialect.name == "sqlite"


def upsert(db: Connection, table: Table, adding: Mapping[str, Column[int]] | None = None) -> Insert:
    """An insert that replaces the row of the same key, or adds to the columns in `adding`."""
    keys = [column.name for column in table.primary_key]
    insert = (sqlite.insert if on_sqlite(db) else postgresql.insert)(table)
    changed = adding or {c.name: c for c in table.columns if c.name not in keys}
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={n: (table.c[n] + new[n]) if adding else new[n] for n in changed},
    )


def written_elsewhere(engine: Engine, ended: Event) -> Iterator[None]:
    """Yields when another process may have written, until the event is set.

    PostgreSQL tells it; SQLite is asked twice a second. A lost connection counts as news.
    """
    listen = _listen_sqlite if engine.dialect.name == "sqlite" else _listen_postgresql
    while not ended.is_set():
        try:
            yield from listen(engine, ended)
        except DBAPIError:
            ended.wait(1)
        yield


def _listen_sqlite(engine: Engine, ended: Event) -> Iterator[None]:
    with engine.connect() as db:
        raw: Any = db.connection.driver_connection
        db.rollback()
        held = raw.execute("PRAGMA data_version").fetchone()
        while not ended.wait(0.5):
            now = raw.execute("PRAGMA data_version").fetchone()
            if now != held:
                held = now
                yield


def _listen_postgresql(engine: Engine, ended: Event) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("LISTEN entente")
        raw: Any = db.connection.driver_connection
        yield  # what was written before we listened
        while not ended.is_set():
            try:
                for _ in raw.notifies(timeout=1, stop_after=1):
                    yield
            except psycopg.Error as lost:
                db.invalidate()
                raise OperationalError("LISTEN", {}, lost) from lost
        db.exec_driver_sql("UNLISTEN *")


def among(db: Connection, column: ColumnElement[str]) -> ColumnElement[bool]:
    """True where a column is among the values of the parameter `values`, however many they are."""
    if on_sqlite(db):
        return column.in_(text("SELECT value FROM json_each(:values)"))
    given = bindparam("values", type_=NULLTYPE)  # an array as text: see `array`
    return column == func.any(cast(given, postgresql.ARRAY(Text())))


def listed(db: Connection, values: Sequence[str]) -> dict[str, Any]:
    """The parameter of `among`."""
    given = json.dumps(values, ensure_ascii=False) if on_sqlite(db) else array(values)
    return {"values": given}


def array(values: Sequence[str | int]) -> str:
    """An array as PostgreSQL reads it: written at once, where the driver goes value by value."""
    if not values:
        return "{}"
    if isinstance(values[0], int):
        return f"{{{','.join(map(str, values))}}}"
    texts: Sequence[str] = values  # type: ignore[assignment]
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        joined = '","'.join([t.replace("\\", r"\\").replace('"', r"\"") for t in texts])
    return f'{{"{joined}"}}'


def file_of(engine: Engine) -> Path | None:
    """The file that a database is in; None where a server has it."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def isolation(kind: str) -> dict[str, Any]:
    """Options under which all reads of a transaction see one state.

    SQLite's transactions always do. PostgreSQL's writers must not: what they see would be older
    than the lock they waited for.
    """
    return {} if kind == "sqlite" else {"isolation_level": "REPEATABLE READ"}


def one_writer(db: Connection) -> None:
    """Wait until nobody else writes; held until the transaction ends, so `seq` has no gaps."""
    if not on_sqlite(db):  # SQLite: BEGIN IMMEDIATE has done it
        db.execute(text("SELECT pg_advisory_xact_lock(7140312)"))


def seeks_apart(kind: str) -> bool:
    """Whether several actors are sought one by one, each for its first few.

    SQLite leaves each value of an `IN` as soon as the page is full. PostgreSQL sorts all that the
    values find, unless a LATERAL join asks for the first few of each.
    """
    return kind == "postgresql"


def apart(kind: str, name: str, columns: Sequence[str]) -> FromClause:
    """Rows of text to seek one by one, handed over as `name_0`, `name_1` …, a list a column."""
    assert seeks_apart(kind)
    array = postgresql.ARRAY(Text())
    lists = [bindparam(f"{name}_{n}", type_=array) for n in range(len(columns))]
    return func.unnest(*lists).table_valued(*columns).render_derived()


def handed(kind: str, columns: Sequence[str]) -> FromClause:
    """Rows of text that a statement is handed, however many, as `handing` gives them."""
    if kind == "sqlite":
        rows = func.json_each(bindparam("handed")).table_valued("value", name="handed_over")
        fields = [func.json_extract(rows.c.value, f"$[{n}]") for n in range(len(columns))]
        return select(*(f.label(c) for f, c in zip(fields, columns, strict=True))).subquery()
    return apart(kind, "handed", columns)


def handing(kind: str, rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The parameters of `handed`."""
    if kind == "sqlite":
        return {"handed": json.dumps(rows, ensure_ascii=False)}
    return {f"handed_{n}": list(values) for n, values in enumerate(zip(*rows, strict=True))}


def once(kind: str, rows: Select[Any], *columns: ColumnElement[Any]) -> Select[Any]:
    """Each row once, told apart by the columns it is sorted by; the others follow from those.

    PostgreSQL then walks an index of just these columns; SQLite does so for all of the row.
    """
    return rows.distinct() if kind == "sqlite" else rows.ext(postgresql.distinct_on(*columns))


@contextmanager
def passing_through(db: Connection) -> Iterator[None]:
    """Read much once: SQLite's map and cache would keep all of it in this process's memory."""
    if not on_sqlite(db):
        yield
        return
    names = ("mmap_size", "cache_size")
    held = {name: db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}
    for name, little in zip(names, (0, -4096), strict=True):
        db.exec_driver_sql(f"PRAGMA {name}={little}")
    try:
        yield
    finally:
        for name, value in held.items():
            db.exec_driver_sql(f"PRAGMA {name}={value}")


GUARD = {
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
"""Keeps revisions from being changed, by us or by hand."""
UNGUARD = {
    "sqlite": ("DROP TRIGGER revisions_stay_update", "DROP TRIGGER revisions_stay_delete"),
    "postgresql": (
        "DROP TRIGGER revisions_stay ON revisions",
        "DROP FUNCTION revisions_stay()",
    ),
}


def announce(db: Connection, seq: int) -> None:
    """Tell whoever listens, in this process or another, once the transaction is committed."""
    if not on_sqlite(db):
        db.execute(text("SELECT pg_notify('entente', :seq)"), {"seq": str(seq)})
