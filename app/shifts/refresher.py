"""Shifts found anew in the background of a service, so that no reader waits for it.

`python -m app.shifts.refresher` does it where many dyads changed, one process for each share of
them. Its standard input tells the address of the database and the share, and its end that the
service is gone: then it ends too, and what its last transaction had done is undone.
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
"""Stale dyads for which no process is started: as many take a quarter of a second."""
EACH, MOST = 1000, 4
"""Stale dyads for which a further process is worth its start, and processes at most."""
AT_ONCE = 200
"""Dyads that are written down together."""
NICE = 10
log = logging.getLogger("entente.shifts")


class Refresher:
    """Finds shifts anew some time after the last write of this process, or of any other: those are
    looked for every `pause` seconds, and left alone as long as they go on."""

    def __init__(self, database: Database, delay: float = 2.0, pause: float = 15.0) -> None:
        self.database, self.delay, self.pause = database, delay, pause
        self._version = -1
        self._due, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="shifts", daemon=True)

    def start(self) -> None:
        """Listen to the writes of this process."""
        self.database.after_commit.append(self._due.set)
        self._thread.start()

    def close(self) -> None:
        """Stop; what is stale then is found anew at the next write, or by the command."""
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
                log.exception("shifts could not be found anew; the next write tries again")

    def _left_by_others(self) -> bool:
        """Whether dyads are stale, and nobody has written for a while."""
        with self.database.connect() as db:
            before, self._version = self._version, version_of(db)
            return self._version == before and any_stale(db)


class ChildError(Exception):
    """A process that finds shifts anew did not end well."""


def refresh_all(database: Database, ended: threading.Event) -> int:
    """As `refresh`, in processes of their own where many are stale; until `ended` is set.

    Raises `ChildError`.
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
        raise ChildError(f"a process that finds shifts anew ended with {failed[0]}")
    return stale


def _processors() -> int:
    """Those that this process may use."""
    chosen = getattr(os, "sched_getaffinity", None)  # not everywhere
    return len(chosen(0)) if chosen else os.cpu_count() or 1


def main() -> None:
    """Find shifts anew in the database that standard input tells, and of the share of its dyads."""
    told = FileIO(0, closefd=False)  # unbuffered: a thread waits for it when the process ends
    url, share = (told.readline().decode().strip() for _ in range(2))
    if hasattr(os, "nice"):
        os.nice(NICE)
    threading.Thread(target=_end_with, args=(told,), daemon=True).start()
    with closing(Database(url, 1)) as database:
        refresh(database, AT_ONCE, Share(*map(int, share.split())))


def _end_with(told: FileIO) -> None:
    told.read()
    os._exit(0)


if __name__ == "__main__":
    main()
