"""Shifts found anew in the background of a service, so that no reader waits for it.

`python -m app.shifts.refresher` does it where many dyads changed. Its standard input tells the
address of the database, and its end that the service is gone: then it ends too, and what its last
transaction had done is undone.
"""

import logging
import os
import threading
from contextlib import closing, suppress
from io import FileIO

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.db.beside import address_of, beside
from app.db.engine import Database
from app.db.tables import dyads
from app.shifts.refresh import refresh
from app.shifts.stored import STALE

HERE = 100
"""Stale dyads for which no process is started: as many take a quarter of a second."""
AT_ONCE = 200
"""Dyads of one transaction: other writers wait half a second for it."""
NICE = 10
log = logging.getLogger("entente.shifts")


class Refresher:
    """Finds shifts anew some time after the last write of this process."""

    def __init__(self, database: Database, delay: float = 2.0) -> None:
        self.database, self.delay = database, delay
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
            self._due.wait()
            if self._closed.wait(self.delay):
                return
            self._due.clear()
            try:
                with self.database.connect() as db:
                    stale = db.scalar(select(func.count()).select_from(dyads).where(STALE)) or 0
                if stale > HERE:
                    self._elsewhere()
                else:
                    refresh(self.database)
            except (DBAPIError, OSError):
                log.exception("shifts could not be found anew; the next write tries again")

    def _elsewhere(self) -> None:
        """In a process of its own, until it has ended or this service does."""
        child = beside("app.shifts.refresher")
        assert child.stdin is not None
        with closing(child.stdin):
            with suppress(BrokenPipeError):
                child.stdin.write(address_of(self.database).encode() + b"\n")
            while child.poll() is None and not self._closed.wait(0.1):
                pass
        if child.wait() and not self._closed.is_set():
            log.error("the process that finds shifts anew ended with %s", child.returncode)


def main() -> None:
    """Find shifts anew in the database that standard input tells."""
    told = FileIO(0, closefd=False)  # unbuffered: a thread waits for it when the process ends
    url = told.readline().decode().strip()
    if hasattr(os, "nice"):
        os.nice(NICE)
    threading.Thread(target=_end_with, args=(told,), daemon=True).start()
    with closing(Database(url, 1)) as database:
        refresh(database, AT_ONCE)


def _end_with(told: FileIO) -> None:
    told.read()
    os._exit(0)


if __name__ == "__main__":
    main()
