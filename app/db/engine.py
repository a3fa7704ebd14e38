"""Connections to the database: reads see one state, and writes run one at a time."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import NoReturn

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.dialect import begin_reading, is_standby, lock_for_writing
from app.db.dialect.fast_statements import SWITCH, uses_fast_statements
from app.db.dialect.time_limit import install_deadline, limit_read_time
from app.db.dictionaries import TRAINS, read_dictionaries_of
from app.db.health import DatabaseHealth
from app.db.journal import begin_write_transaction, current_write_transaction, record_commit
from app.db.question_limit import limit_question
from app.db.reader import Reader, begin_reading_as, end_reading, read_as
from app.db.reading import ReadingPlace, ReadingRoute
from app.db.request_versions import note_version
from app.db.statement_spans import watch_statements
from app.errors import ReadOnlyServiceError
from app.lineages import Version
from app.settings import Settings
from app.tracing import get_span_maker

MAPPED_BYTES = 1 << 36
"""Of a file of SQLite, how many bytes are read where the system has them.

SQLite takes as much as it was compiled for, which is mostly 2 GiB. What lies beyond is copied page
by page, by a call of the system each: a page of a million events took 39 of them with 1 GiB, and
takes 5 (decision 052).
"""


class Database:
    """A database to read from (`connect`) and to write to (`write`); one per process.

    `read_url`: where to read, if not where it is written, as from standbys on PostgreSQL.
    `fast_statements`: see `app.db.dialect.fast_statements`; by default the setting of that name.
    `query_seconds`: after which a read fails with `query-time`; 0 for no limit. Writes have none.
    `question_events`: the events that a question may have read (`app.events.cost`); 0 for no limit.
    """

    def __init__(
        self,
        url: str,
        pool_size: int = 16,
        *,
        fast_statements: bool | None = None,
        query_seconds: float = 0,
        question_events: int = 0,
        read_url: str = "",
    ) -> None:
        self._query_seconds = query_seconds
        self._question_events = question_events
        self._is_limited = bool(query_seconds or question_events)
        self._for_reader: Reader | None = None
        fast = Settings().fast_statements if fast_statements is None else fast_statements
        self._trains = Settings().pack_loads
        patience = "3" if read_url else "10"  # there is another server to go to
        self.engine: Engine = self._create_engine(url, pool_size, fast, patience)
        """Where it is written."""
        writer = reader = ReadingPlace(self.engine)
        if read_url:
            reader = ReadingPlace(self._create_engine(read_url, pool_size, fast, patience))
        self.route = ReadingRoute(reader, writer)
        self._writer = self.engine.execution_options(entente_writes=True)
        self.after_commit: list[Callable[[], None]] = []
        """Functions called after each write of this process that changed the record."""
        self.health = DatabaseHealth()
        self.count_use: Callable[[float, bool], None] = lambda _seconds, _writes: None
        """Called after each use of a connection, with its seconds and whether it was to write."""

    def _create_engine(self, url: str, pool_size: int, fast: bool, patience: str) -> Engine:
        if url.startswith("postgresql:"):
            url = url.replace("postgresql:", "postgresql+psycopg:", 1)
        # prepare_threshold: the driver must not prepare statements. A prepared statement gets one
        # plan for all values, which walks the wrong index for busy actors (739 ms against 7 ms a
        # page at a million events). Statements whose plan never differs are prepared in
        # `dialect.fast_statements`; the driver would discard those too when it discards its own.
        # jit: compiling plans costs more than it saves.
        # client_encoding: documents are bulk-inserted as bytes of UTF-8.
        seconds = self._query_seconds
        limit = f" -c statement_timeout={int(1000 * seconds)}" if seconds else ""
        settings: dict[str, str | None] = {
            "options": f"-c jit=off{limit}", "prepare_threshold": None, "client_encoding": "utf8",
            "connect_timeout": patience,
        }  # fmt: skip
        arguments = settings if url.startswith("postgresql") else {}
        engine = create_engine(
            url,
            connect_args=arguments,
            pool_size=pool_size,
            pool_use_lifo=True,  # few connections, each with its cache, as long as few are needed
            max_overflow=4,
            pool_timeout=10,
            pool_pre_ping=False,
            hide_parameters=True,  # so that no log has them
            execution_options={
                SWITCH: fast,
                TRAINS: self._trains is True
                or (self._trains is None and url.startswith("postgresql")),
            },
        )
        if get_span_maker() is not None:
            watch_statements(engine)
        read_dictionaries_of(engine, arguments)
        if engine.dialect.name == "postgresql":
            event.listen(engine, "begin", begin_reading)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            if seconds:
                event.listen(engine, "connect", install_deadline)
        return engine

    def connect(self) -> AbstractContextManager[Connection]:
        """Open a connection whose reads all see one state of the database.

        Within a request it is one that the version which the request needs has reached.
        """
        return _ReadingUse(self)

    def open_reading(self, stack: ExitStack) -> Connection:
        """Open a connection as `connect` does, until the stack is closed; for `_ReadingUse`."""
        db = self.route.open_connection(stack)
        if self._query_seconds:
            limit_read_time(db, self._query_seconds if self._is_limited else 0)
        limit_question(db, self._question_events if self._is_limited else 0)
        stack.callback(end_reading, begin_reading_as(db, self._for_reader))
        return db

    def _copy_view(self) -> "Database":
        """Return the same database, to set something of it; `copy` takes ten times as long."""
        same = Database.__new__(Database)
        same.__dict__.update(self.__dict__)
        return same

    def without_time_limit(self) -> "Database":
        """Return the same database with no limit on what reads cost, for exports and workers."""
        same = self._copy_view()
        same._is_limited = False
        return same

    def at_writer(self) -> "Database":
        """Return the same database, read where it is written, for what reads before it writes."""
        same = self._copy_view()
        same.route = ReadingRoute(self.route.writer, self.route.writer)
        return same

    @property
    def reading_engine(self) -> Engine:
        """Where it is read."""
        return self.route.reader.engine

    def accepts_writes(self) -> bool:
        """Ask whether it can be written: not while the server is a standby."""
        with self._writer.connect() as db:
            return not is_standby(db)

    def for_reader(self, reader: Reader) -> "Database":
        """Return the same database as a reader may see it, also while it writes."""
        same = self._copy_view()
        same._for_reader = reader
        return same

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open the only write transaction; it commits at the end, or not at all after an error.

        Raises `ReadOnlyServiceError` before anything is tried where the server is a standby.
        """
        with self._observe_use(writes=True), self._writer.begin() as db:
            if is_standby(db):
                raise ReadOnlyServiceError
            if self._query_seconds:
                limit_read_time(db, 0)
            limit_question(db, 0)
            lock_for_writing(db)
            with read_as(db, self._for_reader):
                begin_write_transaction(db)
                yield db
                ended = current_write_transaction(db)
                changed = record_commit(db)
        note_version(Version(ended.last_seq, ended.version_before.ancestry))
        self.health.note_write()
        if changed:
            for wake in self.after_commit:
                wake()

    @contextmanager
    def _observe_use(self, *, writes: bool) -> Iterator[None]:
        """Count a use of a connection and its failure; raises every failure as `DBAPIError`."""
        begun = time.perf_counter()
        try:
            yield
        except _FAILURES as failed:
            self.raise_failure(failed)
        finally:
            self.count_use(time.perf_counter() - begun, writes)

    def raise_failure(self, failed: Exception) -> NoReturn:
        """Note a failure and raise it as `DBAPIError`, also one of the driver itself."""
        if isinstance(failed, DBAPIError | PoolTimeoutError):
            self.health.note_failure(failed)
            raise failed
        failure = DBAPIError.instance(None, None, failed, type(failed))
        self.health.note_failure(failure)
        raise failure from failed

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()
        self.reading_engine.dispose()


_FAILURES = (DBAPIError, PoolTimeoutError, sqlite3.Error, psycopg.Error)


class _ReadingUse:
    """A use of a connection to read.

    A class, and one stack: four nested generators took longer than the version of a page.
    """

    __slots__ = ("_begun", "_database", "_stack")

    def __init__(self, database: Database) -> None:
        self._database, self._stack, self._begun = database, ExitStack(), 0.0

    def __enter__(self) -> Connection:
        self._begun = time.perf_counter()
        try:
            return self._database.open_reading(self._stack)
        except BaseException as failed:
            self.__exit__(type(failed), failed, failed.__traceback__)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failed: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        database = self._database
        try:
            self._stack.__exit__(kind, failed, trace)
        except _FAILURES as later:
            database.raise_failure(later)
        finally:
            database.count_use(time.perf_counter() - self._begun, False)
        if isinstance(failed, _FAILURES):
            database.raise_failure(failed)


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # turns the driver's BEGIN off; `_begin_sqlite` sends it
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        f"mmap_size={MAPPED_BYTES}",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(db: Connection) -> None:
    writes = db.get_execution_options().get("entente_writes")
    if writes or not uses_fast_statements(db):
        db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    else:
        begin_reading(db)
