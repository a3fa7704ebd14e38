"""Statements compiled once, and run straight by the driver."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Connection, CursorResult, Dialect, Select, SelectBase
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as its driver takes it."""

    text: str
    names: tuple[str, ...] | None
    """Parameters by place; None where they go by name."""
    fixed: Mapping[str, Any]
    """Values that belong to the statement."""
    steady: bool = False
    """Whether one plan is right whatever the values are: PostgreSQL then keeps it, which halves
    what a look at a key costs."""

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
            if self.names is None:
                found = raw.execute(self.text, given, prepare=self.steady, binary=True)
            else:
                found = raw.execute(self.text, tuple(given[name] for name in self.names))
            held: list[tuple[Any, ...]] = found.fetchall()
        except (sqlite3.Error, psycopg.Error) as fault:
            if getattr(raw, "closed", False):
                db.invalidate(fault)
            raise DBAPIError(self.text, given, fault) from fault
        return held


_DIALECTS: dict[str, Dialect] = {
    "sqlite": SQLiteDialect_pysqlite(),
    "postgresql": PGDialect_psycopg(),  # type: ignore[no-untyped-call]
}


def compiled(kind: str, statement: SelectBase, *, steady: bool = False) -> Compiled:
    """Compile a statement, so that running it again costs no more than the driver's call."""
    done = statement.compile(dialect=_DIALECTS[kind], compile_kwargs={"render_postcompile": True})
    fixed = {name: value for name, value in done.params.items() if value is not None}
    names = None if done.positiontup is None else tuple(done.positiontup)
    return Compiled(done.string, names, fixed, steady)


@lru_cache(maxsize=64)
def prepared(kind: str, statement: Select[Any]) -> Compiled:
    """`compiled`, once: for statements that modules hold, whose names are all bound at a run; one
    plan is right for them."""
    return compiled(kind, statement, steady=True)
