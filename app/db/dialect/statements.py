"""Statements compiled once, and run straight by the driver."""

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection, CursorResult, Dialect, Select, SelectBase
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError

from app.db.dialect import array


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as its driver takes it."""

    text: str
    names: tuple[str, ...] | None
    """Parameters by place; None where they go by name."""
    fixed: Mapping[str, Any]
    """Values that belong to the statement."""
    steady: "_Steady | None" = None
    """For PostgreSQL, where one plan is right whatever the values are: it is kept then, which
    halves what a look at a key costs."""

    def run(self, db: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """The rows of the statement for these values."""
        given = {**self.fixed, **values}
        if self.names is None:
            return db.exec_driver_sql(self.text, given)
        return db.exec_driver_sql(self.text, tuple(given[name] for name in self.names))

    def rows(self, db: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """As `run`, all of them at once and straight from the driver: a small statement costs
        some 35 µs less on SQLite, and 80 µs less of ours on PostgreSQL."""
        if not db.in_transaction():
            db.begin()
        raw: Any = db.connection.driver_connection
        given = {**self.fixed, **values}
        try:
            if self.steady is not None:
                return self.steady.rows(raw, db.info, given)
            if self.names is None:
                found = raw.execute(self.text, given, binary=True)
            else:
                found = raw.execute(self.text, tuple(given[name] for name in self.names))
            held: list[tuple[Any, ...]] = found.fetchall()
        except (sqlite3.Error, psycopg.Error) as fault:
            if getattr(raw, "closed", False):
                db.invalidate(fault)
            raise DBAPIError(self.text, given, fault) from fault
        return held


MOST_KEPT = 100
"""Statements that a connection keeps; the oldest goes first. Some texts grow with what is asked."""


@dataclass(frozen=True, slots=True)
class _Steady:
    """A statement that each connection to PostgreSQL prepares once, by way of libpq itself: the
    driver takes half as long again to run one, and gives up all that it has prepared, with ours,
    at a rollback. So it must not prepare any (`db.engine`)."""

    text: bytes
    names: tuple[str, ...]
    """Parameters by place."""
    name: bytes

    def rows(
        self, raw: psycopg.Connection[Any], info: dict[Any, Any], values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """All rows; `info` belongs to the connection, and lasts as long."""
        server = raw.pgconn
        if server.transaction_status == TransactionStatus.IDLE and not raw.autocommit:
            level = raw.isolation_level
            kind = "" if level is None else f" ISOLATION LEVEL {level.name.replace('_', ' ')}"
            _sound(server.exec_(f"BEGIN{kind}".encode()))
        kept: dict[bytes, None] = info.setdefault("kept", {})
        if self.name not in kept:
            if len(kept) >= MOST_KEPT:
                oldest = next(iter(kept))
                _sound(server.exec_(b"DEALLOCATE " + oldest))
                del kept[oldest]
            types = [FLOAT8 if isinstance(values[n], float) else 0 for n in self.names]
            _sound(server.prepare(self.name, self.text, types))
            kept[self.name] = None
        given = [_as_text(values[name]) for name in self.names]
        try:
            result = _sound(server.exec_prepared(self.name, given, None, Format.BINARY))  # type: ignore[arg-type]
        except psycopg.errors.InvalidSqlStatementName:
            kept.clear()  # somebody else threw all away: the next time they are prepared anew
            raise
        reader = Transformer(raw)
        reader.set_pgresult(result)
        return reader.load_rows(0, result.ntuples, tuple)


def _sound(result: PGresult) -> PGresult:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    code = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    try:
        kind: type[psycopg.Error] = psycopg.errors.lookup(code)
    except KeyError:
        kind = psycopg.OperationalError
    raise kind(result.get_error_message())


FLOAT8 = 701
"""Of all types that we ask with, the one for which a statement has no word of its own."""


def _as_text(value: Any) -> bytes | None:
    """A parameter; the statement says of which type it is."""
    if value is None:
        return None
    told = array(value) if isinstance(value, list | tuple) else str(value)
    if "\0" in told:
        raise psycopg.DataError("a text must not contain a NUL character")
    return told.encode()


_DIALECTS: dict[str, Dialect] = {
    "sqlite": SQLiteDialect_pysqlite(),
    "postgresql": PGDialect_psycopg(),  # type: ignore[no-untyped-call]
}
_NUMBERED = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def compiled(kind: str, statement: SelectBase, *, steady: bool = False) -> Compiled:
    """Compile a statement, so that running it again costs no more than the driver's call."""
    whole = {"render_postcompile": True}
    done = statement.compile(dialect=_DIALECTS[kind], compile_kwargs=whole)
    fixed = {name: value for name, value in done.params.items() if value is not None}
    names = None if done.positiontup is None else tuple(done.positiontup)
    if not steady or kind == "sqlite":
        return Compiled(done.string, names, fixed)
    numbered = statement.compile(dialect=_NUMBERED, compile_kwargs=whole)
    body = numbered.string.encode()
    name = f"kept_{hashlib.blake2b(body, digest_size=16).hexdigest()}".encode()
    return Compiled(
        done.string, names, fixed, _Steady(body, tuple(numbered.positiontup or ()), name)
    )


@lru_cache(maxsize=64)
def prepared(kind: str, statement: Select[Any]) -> Compiled:
    """`compiled`, once: for statements that modules hold, whose names are all bound at a run; one
    plan is right for them."""
    return compiled(kind, statement, steady=True)
