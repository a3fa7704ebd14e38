"""Leadership among the processes that serve one database: one of them does the background work."""

import logging
import threading
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.db.dialect import find_sqlite_file, try_leader_lock
from app.db.engine import Database
from app.db.file_lock import FileLock, LockedError

CLAIM_INTERVAL = 2.0
"""Seconds between two attempts of a process that does not lead."""
log = logging.getLogger("entente.leadership")


class FileLeadership:
    """Leadership by the lock on a file or folder that all processes of a machine see.

    `name` distinguishes those that share the place but not the work.

    The system releases the lock of a process that dies in any way. Where there is nothing to lock
    yet, or the place cannot be written to, each process leads: what leaders do is harmless twice.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self._path, self._suffix = path, f"{name and '.'}{name}.leader"
        self._lock: FileLock | None = None
        self._guard = threading.Lock()

    def claim(self) -> bool:
        """Return whether this process leads; it does from now on if no other does."""
        with self._guard:
            if self._lock is None and self._path.exists():
                try:
                    self._lock = FileLock(self._path, self._suffix)
                except LockedError:
                    return False
                except OSError as wrong:
                    log.info("no lock beside %s, so each process leads: %s", self._path, wrong)
            return True

    def resign(self) -> None:
        """Let another process lead."""
        with self._guard:
            if self._lock is not None:
                self._lock.close()
                self._lock = None


class DatabaseLeadership:
    """Leadership among all processes on a database: a lock of its session on PostgreSQL.

    On SQLite, where all processes are on one machine, it is a lock next to the file. `name`
    distinguishes kinds of work, which different processes may lead.
    """

    def __init__(self, database: Database, name: str = "") -> None:
        self._database, self._name = database, name
        file = find_sqlite_file(database.engine)
        self._files = FileLeadership(file, name) if file is not None else None
        self._session: Connection | None = None

    def claim(self) -> bool:
        """Return whether this process leads; it does from now on if no other does.

        For one thread. Without a connection no process leads; the next call tries again.
        """
        if self._files is not None:
            return self._files.claim()
        try:
            if self._session is None:
                engine = self._database.engine
                self._session = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if try_leader_lock(self._session, self._name):
                return True
        except DBAPIError as lost:  # and with the session its lock
            log.info("the session of the leader is lost: %s", lost.orig)
            self._close_session(broken=True)
            return False
        self._close_session()
        return False

    def resign(self) -> None:
        """Let another process lead."""
        if self._files is not None:
            self._files.resign()
        self._close_session(broken=True)

    def _close_session(self, *, broken: bool = False) -> None:
        """Return the connection, or end its session, and with it all its locks."""
        session, self._session = self._session, None
        if session is not None:
            if broken:
                session.invalidate()
            session.close()
