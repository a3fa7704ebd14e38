"""Statements that are compiled once and executed by the driver directly.

SQLAlchemy's execution adds more time to a small statement than the driver's call takes, so this
module reads rows straight from sqlite3 and from libpq (decision 006). The setting
`ENTENTE_FAST_STATEMENTS=false` leaves all of it to SQLAlchemy.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGresult
from sqlalchemy import CompoundSelect, Connection, CursorResult, Dialect, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError

from app.db.dialect import (
    begin_reading,
    format_array_literal,
    get_psycopg_connection,
)
from app.db.dialect.one_state import ask_for_plans, check_result, write_begin
from app.db.packed_documents import PackedDocument, unpack_columns
from app.tracing import get_span_maker

DriverRow = tuple[Any, ...]
"""A row as the driver returns it."""
RowsStatement = Select[*DriverRow] | CompoundSelect[*DriverRow]
"""A statement that returns rows of any columns."""
SWITCH = "entente_fast_statements"
"""The execution option of an engine that says whether its statements skip SQLAlchemy."""


def uses_fast_statements(db: Connection) -> bool:
    """Return whether the statements of a connection are executed by the driver directly."""
    return bool(db.get_execution_options().get(SWITCH, True))


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """A compiled statement: SQL text and parameters in the form that the driver takes."""

    statement: RowsStatement
    """The statement as written, which SQLAlchemy runs where fast statements are off."""
    text: str
    parameter_names: tuple[str, ...] | None
    """Parameter names in order of position; None where the driver takes them by name."""
    fixed_values: Mapping[str, object]
    """Parameter values that are part of the statement."""
    prepared_statement: "_PreparedStatement | None" = None
    """Set on PostgreSQL where one plan suits all values, or where only the plan is made each time.

    Keeping the plan halves the cost of a lookup by key; for the others see decision 042.
    """
    document_places: tuple[int, ...] = ()
    """Which columns are stored documents."""

    def execute(self, db: Connection, values: Mapping[str, object]) -> CursorResult[*DriverRow]:
        """Execute the statement with these values through SQLAlchemy."""
        if self.document_places or not uses_fast_statements(db):
            return db.execute(self.statement, values)
        parameters = {**self.fixed_values, **values}
        if self.parameter_names is None:
            return db.exec_driver_sql(self.text, parameters)
        return db.exec_driver_sql(
            self.text, tuple(parameters[name] for name in self.parameter_names)
        )

    def fetch_rows(self, db: Connection, values: Mapping[str, object]) -> list[DriverRow]:
        """Execute the statement with these values in the driver, and return all rows.

        Compared with `execute`, a small statement takes some 35 µs less on SQLite, and 80 µs less
        CPU time of this process on PostgreSQL. Raises `DBAPIError`, as SQLAlchemy does.
        """
        if not uses_fast_statements(db):
            return [tuple(row) for row in db.execute(self.statement, values)]
        if (maker := get_span_maker()) is None:
            rows = self._fetch_directly(db, values)
        else:
            with maker.trace_statement(db.dialect.name, self.text):
                rows = self._fetch_directly(db, values)
        if self.document_places:
            return unpack_columns(rows, self.document_places, db.dialect)
        return rows

    def _fetch_directly(self, db: Connection, values: Mapping[str, object]) -> list[DriverRow]:
        parameters = {**self.fixed_values, **values}
        try:
            prepared = self.prepared_statement
            if prepared is not None and prepared.takes_values(db, parameters):
                return prepared.fetch_rows(db, parameters)
            sqlite = begin_reading(db)
            if self.parameter_names is None:
                raw = get_psycopg_connection(db)
                return raw.execute(self.text.encode(), parameters, binary=True).fetchall()
            assert sqlite is not None
            ordered = tuple(map(parameters.__getitem__, self.parameter_names))
            return sqlite.execute(self.text, ordered).fetchall()
        except (sqlite3.Error, psycopg.Error) as fault:
            if getattr(db.connection.driver_connection, "closed", False):
                db.invalidate(fault)
            raise DBAPIError(self.text, parameters, fault) from fault


MAX_PREPARED_STATEMENTS = 100
"""Prepared statements per connection, beyond which the oldest is dropped. Some statements grow
with the request, so their number has no bound."""


@dataclass(frozen=True, slots=True)
class _PreparedStatement:
    """A statement that each PostgreSQL connection prepares once, through libpq.

    Executing through the driver takes half as long again. The driver also discards all prepared
    statements of the connection, these included, at a rollback once it has prepared one of its own;
    so it must not prepare any (`db.engine`).
    """

    text: bytes
    parameter_names: tuple[str, ...]
    """Parameter names in order of position."""
    name: bytes
    is_planned_each_time: bool = False
    """Whether PostgreSQL reads the text once, but makes a plan for the values of each question."""

    def takes_values(self, db: Connection, values: Mapping[str, object]) -> bool:
        """Return whether it can be executed with these values, else the driver does it.

        The plan of each time is asked for until the end of a transaction, and the type of a number
        with a fraction would be that of the first time.
        """
        if not self.is_planned_each_time:
            return True
        known = (values[name] for name in self.parameter_names)
        return not get_psycopg_connection(db).autocommit and not any(map(_has_own_type, known))

    def fetch_rows(self, db: Connection, values: Mapping[str, object]) -> list[DriverRow]:
        """Execute the statement and return all rows."""
        raw = get_psycopg_connection(db)
        server = raw.pgconn
        begin = write_begin(db, raw)
        kept: dict[bytes, None] = db.info.setdefault("kept", {})
        if begin and self.name in kept and not self.parameter_names:
            # In one message, of which the last result is returned; its values are texts.
            return self._load_rows(raw, server.exec_(begin + b"; EXECUTE " + self.name), kept)
        if begin:
            check_result(server.exec_(begin))
        if self.is_planned_each_time:
            ask_for_plans(db, raw)
        if self.name not in kept:
            if len(kept) >= MAX_PREPARED_STATEMENTS:
                oldest = next(iter(kept))
                check_result(server.exec_(b"DEALLOCATE " + oldest))
                del kept[oldest]
            types = [
                FLOAT8_OID if isinstance(values[n], float) else 0 for n in self.parameter_names
            ]
            check_result(server.prepare(self.name, self.text, types))
            kept[self.name] = None
        parameters = [_encode_parameter(values[name]) for name in self.parameter_names]
        result = server.exec_prepared(self.name, parameters, None, Format.BINARY)  # type: ignore[arg-type]
        return self._load_rows(raw, result, kept)

    def _load_rows(
        self, raw: psycopg.Connection[DriverRow], result: PGresult, kept: dict[bytes, None]
    ) -> list[DriverRow]:
        try:
            check_result(result)
        except psycopg.errors.InvalidSqlStatementName:
            kept.clear()  # something else discarded them: the next call prepares again
            raise
        reader = Transformer(raw)
        reader.set_pgresult(result)
        return reader.load_rows(0, result.ntuples, tuple)


FLOAT8_OID = 701
"""The type id of `double precision`, the only parameter type that statements do not cast."""


_TYPES_OF_THE_STATEMENT = frozenset((str, int, bool, list, tuple, type(None)))


def _has_own_type(value: object) -> bool:
    """Return whether a parameter has a type of its own, which the statement does not say."""
    return type(value) not in _TYPES_OF_THE_STATEMENT


def _encode_parameter(value: object) -> bytes | None:
    """Return a parameter in PostgreSQL's text format; the statement determines its type."""
    if value is None:
        return None
    text = format_array_literal(value) if isinstance(value, list | tuple) else str(value)
    if "\0" in text:
        raise psycopg.DataError("a text must not contain a NUL character")
    return text.encode()


_DIALECTS: dict[str, Dialect] = {
    "sqlite": SQLiteDialect_pysqlite(),
    "postgresql": PGDialect_psycopg(),  # type: ignore[no-untyped-call]
}
_NUMBERED_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def compile_statement(
    kind: str, statement: RowsStatement, *, steady: bool = False, often: bool = False
) -> CompiledStatement:
    """Compile a statement; with `steady`, PostgreSQL keeps one plan of it per connection.

    With `often` it keeps what it has read of it, and plans it for the values of each time.
    """
    whole = {"render_postcompile": True}
    done = statement.compile(dialect=_DIALECTS[kind], compile_kwargs=whole)
    fixed = {name: value for name, value in done.params.items() if value is not None}
    names = None if done.positiontup is None else tuple(done.positiontup)
    columns = enumerate(statement.selected_columns)
    places = tuple(n for n, column in columns if isinstance(column.type, PackedDocument))
    if not (steady or often) or kind == "sqlite":
        return CompiledStatement(statement, done.string, names, fixed, None, places)
    numbered = statement.compile(dialect=_NUMBERED_DIALECT, compile_kwargs=whole)
    if fixed.keys() >= set(numbered.positiontup or ()):
        # A statement without any parameter has one plan in every mode, and goes with the BEGIN.
        literal = whole | {"literal_binds": True}
        numbered = statement.compile(dialect=_NUMBERED_DIALECT, compile_kwargs=literal)
    body = numbered.string.encode()
    name = f"kept_{hashlib.blake2b(body, digest_size=16).hexdigest()}".encode()
    prepared = _PreparedStatement(body, tuple(numbered.positiontup or ()), name, not steady)
    return CompiledStatement(statement, done.string, names, fixed, prepared, places)


@lru_cache(maxsize=64)
def compile_prepared(kind: str, statement: RowsStatement) -> CompiledStatement:
    """Compile and prepare a statement once, and cache it by identity.

    For statements that are module constants: all parameters are bound at execution, and one plan
    suits all values.
    """
    return compile_statement(kind, statement, steady=True)
