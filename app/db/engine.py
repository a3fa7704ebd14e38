"""Connections: one engine a process, reads that see one state, writes one at a time."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.dialect import isolation, one_writer
from app.db.journal import close_moment, open_moment


class Database:
    """A database to read from (`connect`) and to write to (`write`)."""

    def __init__(self, url: str, pool_size: int = 16) -> None:
        if url.startswith("postgresql:"):
            url = url.replace("postgresql:", "postgresql+psycopg:", 1)
        # Not prepared, a statement is planned for the values asked: a plan for any values walks the
        # wrong index for busy actors (739 ms against 7 ms a page at a million events). Those whose
        # plan is always the same are prepared in `dialect.statements`: the driver must not prepare
        # any of its own, since to forget them it throws away all. Compiling plans costs more than
        # it saves.
        # Documents are poured as bytes of UTF-8: the server must take them for nothing else.
        settings: dict[str, Any] = {
            "options": "-c jit=off", "prepare_threshold": None, "client_encoding": "utf8",
        }  # fmt: skip
        self.engine: Engine = create_engine(
            url,
            connect_args=settings if url.startswith("postgresql") else {},
            pool_size=pool_size,
            max_overflow=4,
            pool_timeout=10,
            pool_pre_ping=False,
        )
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._reader = self.engine.execution_options(**isolation(self.engine.dialect.name))
        self._writer = self.engine.execution_options(entente_writes=True)
        self.after_commit: list[Callable[[], None]] = []
        """Called after each write of this process that changed the record."""

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection whose reads all see one state of the database."""
        with self._reader.connect() as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that alone may write; committed at the end, or nothing of it."""
        with self._writer.begin() as db:
            one_writer(db)
            open_moment(db)
            yield db
            changed = close_moment(db)
        if changed:
            for wake in self.after_commit:
                wake()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is off; ours is below
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "mmap_size=1073741824",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(db: Connection) -> None:
    options: dict[str, Any] = dict(db.get_execution_options())
    db.exec_driver_sql("BEGIN IMMEDIATE" if options.get("entente_writes") else "BEGIN")
