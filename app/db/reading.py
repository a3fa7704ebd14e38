"""Choose where a question is read: at the standbys, or at the writer where they are behind."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.db.dialect import confirm_connection, end_reading_transaction, was_standby
from app.db.dialect.one_state import READS
from app.db.failures import classify_failure
from app.db.lineage_table import read_version
from app.db.reader import forget_state
from app.db.request_versions import REQUEST_VERSIONS, RequestVersions
from app.db.tables import commits
from app.errors import Fault, InvalidBodyError, VersionAwaitedError

AWAY_SECONDS = 5.0
"""Seconds for which a server that could not be reached is not asked again."""
MIN_VERSION_HEADER = "Entente-Min-Version"
log = logging.getLogger("entente.reading")


class ReadingPlace:
    """A server, or several of one kind, to read from."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # For readers only: a writer would see the state from before it waited for its lock.
        self._reader = engine.execution_options(**{READS: True})
        self._away_until = 0.0
        self.is_standby = False
        """Whether the last connection was to a standby."""
        self.reached = 0
        """The latest version that was read here."""

    def open_connection(self, stack: ExitStack) -> Connection:
        """Open a connection whose reads all see one state of the database."""
        db = self._take_connection(stack)
        try:
            confirm_connection(db)
        except DBAPIError as lost:
            if classify_failure(lost) != "unreachable":
                raise
            db = self._take_connection(stack)  # a new one: the pool was emptied
        self.is_standby = was_standby(db)
        return db

    def _take_connection(self, stack: ExitStack) -> Connection:
        db = stack.enter_context(self._reader.connect())
        forget_state(db.info)
        stack.callback(end_reading_transaction, db)
        return db

    def try_connection(self, stack: ExitStack) -> Connection | None:
        """Open a connection; None while the server cannot be reached."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return self.open_connection(stack)
        except DBAPIError as failed:
            if classify_failure(failed) != "unreachable":
                raise
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("not reachable for reading: %s", failed.orig)
            return None

    def lacks_version(self, db: Connection, asked: RequestVersions) -> bool:
        """Return whether the state that a connection sees is earlier than what is asked for."""
        if not asked.needed and asked.instant is None:
            return False
        version = read_version(db)
        self.reached = max(self.reached, version)
        if version < asked.needed:
            return True
        latest = asked.instant and db.scalar(select(func.max(commits.c.at)))
        return bool(asked.instant and asked.instant > (latest or ""))


class ReadingRoute:
    """The way of every read of a process: first the standbys, then the writer."""

    def __init__(self, reader: ReadingPlace, writer: ReadingPlace) -> None:
        self.reader, self.writer = reader, writer
        self.count_move: Callable[[str], None] = lambda _outcome: None
        """Called with `writer` or `refused` where the standbys lack what a request needs."""

    @property
    def has_standbys(self) -> bool:
        """Whether reads may be answered by a standby."""
        return self.reader is not self.writer or self.reader.is_standby

    def open_connection(self, stack: ExitStack) -> Connection:
        """Open a connection for the current request, where its version has arrived."""
        asked = REQUEST_VERSIONS.get()
        if self.reader is self.writer:
            db = self.writer.open_connection(stack)
        else:
            db = self.reader.try_connection(stack) or self.writer.open_connection(stack)
        if asked is None:
            return db
        asked.is_behind = False
        if not was_standby(db):
            if asked.is_required:
                _require_at_writer(db, asked)
            return db
        with ExitStack() as tried:
            if not self._is_behind(self.reader, db, asked):
                return db
            other = None
            if self.reader is not self.writer:
                other = self.writer.try_connection(tried)
            if other is not None and not self._is_behind(self.writer, other, asked):
                stack.pop_all().close()
                stack.push(tried.pop_all())
                self.count_move("writer")
                return other
        asked.is_behind = True
        if asked.is_required:
            self.count_move("refused")
            raise VersionAwaitedError(asked.needed, read_version(db))
        return db

    def _is_behind(self, place: ReadingPlace, db: Connection, asked: RequestVersions) -> bool:
        if was_standby(db):
            return place.lacks_version(db, asked)
        if asked.is_required:
            _require_at_writer(db, asked)
        return False

    def read_reached(self) -> int:
        """Read the version that the reader has reached; the last known one where it is away."""
        with ExitStack() as stack:
            try:
                db = self.reader.try_connection(stack)
                if db is not None:
                    self.reader.reached = max(self.reader.reached, read_version(db))
            except (DBAPIError, PoolTimeoutError) as failed:
                log.info("the version of the standby cannot be read: %s", failed)
        return self.reader.reached


def _require_at_writer(db: Connection, asked: RequestVersions) -> None:
    """Refuse a required version that does not exist: the writer knows every one."""
    newest = read_version(db)
    if asked.lineage is not None:
        newest.ancestry.require_version(asked.lineage, asked.needed)
    if asked.needed > newest:
        hint = f"Newest: {newest}. Send a version that this service gave out."
        message = "is a version that does not exist"
        raise InvalidBodyError(
            [Fault(loc=["header", MIN_VERSION_HEADER], message=message, hint=hint)]
        )
