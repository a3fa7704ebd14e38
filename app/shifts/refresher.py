"""The worker that rebuilds shifts in the background of a service, so that no reader waits.

Run as a module it rebuilds one partition of the dyads: the worker starts several such processes
where many dyads are stale. Standard input gives the address of the database and the partition. When
it ends, the service has stopped: the process then ends at once, and its last transaction is rolled
back.
"""

import logging
import os
import threading
from contextlib import ExitStack, closing, suppress
from io import FileIO

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.db.beside import address_of, beside
from app.db.engine import Database
from app.db.journal import version_of
from app.db.tables import dyads
from app.shifts.refresh import Share, refresh
from app.shifts.stored import STALE, any_stale

HERE = 100
"""Most stale dyads that are rebuilt without a process: these take a quarter of a second."""
EACH, MOST = 1000, 4
"""Stale dyads that are worth the start of a further process, and the most processes."""
AT_ONCE = 200
"""Dyads that a process writes together."""
NICE = 10
log = logging.getLogger("entente.shifts")


class Refresher:
    """A thread that rebuilds shifts some time after the last write.

    It wakes `delay` seconds after a write of this process. Every `pause` seconds it looks for stale
    dyads of other processes, and leaves them alone while these go on writing.
    """

    def __init__(self, database: Database, delay: float = 2.0, pause: float = 15.0) -> None:
        self.database, self.delay, self.pause = database, delay, pause
        self._version = -1
        self._due, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="shifts", daemon=True)

    def start(self) -> None:
        """Start the thread, and listen to the writes of this process."""
        self.database.after_commit.append(self._due.set)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; dyads that are stale then wait for the next write or the command."""
        self._closed.set()
        self._due.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            written = self._due.wait(self.pause)
            if written and self._closed.wait(self.delay):
                return
            self._due.clear()
            try:
                if written or self._left_by_others():
                    refresh_all(self.database, self._closed)
            except (SQLAlchemyError, OSError, ChildError):
                log.exception("cannot rebuild shifts; the next write tries again")

    def _left_by_others(self) -> bool:
        """Whether dyads are stale and the record has not changed since the last look."""
        with self.database.connect() as db:
            before, self._version = self._version, version_of(db)
            return self._version == before and any_stale(db)


class ChildError(Exception):
    """A process that rebuilds shifts failed."""


def refresh_all(database: Database, ended: threading.Event) -> int:
    """Rebuild all stale dyads, in processes of their own where they are many, until `ended` is set.

    Returns how many were stale. Raises `RebuildProcessError`.
    """
    with database.connect() as db:
        stale = db.scalar(select(func.count()).select_from(dyads).where(STALE)) or 0
    if stale <= HERE:
        return refresh(database)
    of = max(1, min(MOST, stale // EACH, _processors()))
    with ExitStack() as open_:
        children = [beside("app.shifts.refresher") for _ in range(of)]
        for number, child in enumerate(children):
            assert child.stdin is not None
            open_.enter_context(closing(child.stdin))
            with suppress(BrokenPipeError):
                child.stdin.write(f"{address_of(database)}\n{number} {of}\n".encode())
        while any(child.poll() is None for child in children) and not ended.wait(0.1):
            pass
    failed = [child.returncode for child in children if child.wait()]
    if failed and not ended.is_set():
        raise ChildError(f"a process that rebuilds shifts ended with {failed[0]}")
    return stale


def _processors() -> int:
    """Count the processors that this process may use."""
    chosen = getattr(os, "sched_getaffinity", None)  # not on every platform
    return len(chosen(0)) if chosen else os.cpu_count() or 1


def main() -> None:
    """Rebuild a partition of the dyads of a database, both named on standard input."""
    # Unbuffered: a thread waits for it when the process ends.
    stdin = FileIO(0, closefd=False)
    url, share = (stdin.readline().decode().strip() for _ in range(2))
    if hasattr(os, "nice"):
        os.nice(NICE)
    threading.Thread(target=_end_with, args=(stdin,), daemon=True).start()
    with closing(Database(url, 1)) as database:
        refresh(database, AT_ONCE, Share(*map(int, share.split())))


def _end_with(stdin: FileIO) -> None:
    stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
