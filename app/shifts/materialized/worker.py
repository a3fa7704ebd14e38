"""The worker that rebuilds shifts in the background of a service, so that no reader waits.

Run as a module it rebuilds one partition of the dyads: the worker starts several such processes
where many dyads are stale. Standard input gives the address of the database and the partition. When
it ends, the service has stopped: the process then ends at once, and its last transaction is rolled
back.
"""

import logging
import os
import threading
import time
from contextlib import ExitStack, closing, suppress
from io import FileIO

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.db.engine import Database
from app.db.leadership import CLAIM_INTERVAL, DatabaseLeadership
from app.db.lineage_table import read_version
from app.db.tables import dyads
from app.db.worker_process import render_database_url, start_worker_process
from app.logs import configure_logs
from app.processors import count_processors
from app.settings import Settings
from app.shifts.materialized.read import IS_STALE, has_stale_dyads
from app.shifts.materialized.rebuild import (
    DyadPartition,
    cast_stale_votes,
    rebuild_stale_dyads,
)
from app.shifts.materialized.votes import apply_wave_setting

MAX_IN_PROCESS = 100
"""Most stale dyads that are rebuilt without a process: these take a quarter of a second."""
DYADS_PER_PROCESS, MAX_PROCESSES = 1000, 4
"""Stale dyads that are worth the start of a further process, and the most processes."""
DYADS_PER_WRITE = 200
"""Dyads that a process writes together."""
MAX_STALE_SECONDS, RETRY_SECONDS = 120.0, 15.0
"""Seconds after which dyads are rebuilt while others go on writing, and after a failure."""
NICENESS = 10
log = logging.getLogger("entente.shifts")


class ShiftWorker:
    """A thread that rebuilds shifts some time after the last write, in one process of a database.

    It wakes `delay` seconds after a write of this process. Every `pause` seconds it looks for stale
    dyads of other processes, and leaves them alone while these go on writing, but not for longer
    than `MAX_STALE_SECONDS`. In processes that do not lead it only waits to take over.
    """

    def __init__(self, database: Database, delay: float = 2.0, pause: float = 2.0) -> None:
        self.database, self.delay, self.pause = database, delay, pause
        self._last_version = self._checked_version = (
            ""  # labels of versions: of the last look, and without stale dyads
        )
        self._changing_since: float | None = None
        self._leadership = DatabaseLeadership(database)
        self._due, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run_until_closed, name="shifts", daemon=True)

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
        self._leadership.resign()

    def _run_until_closed(self) -> None:
        while not self._closed.is_set():
            try:
                if not self._leadership.claim():
                    self._closed.wait(CLAIM_INTERVAL)
                    continue
                written = self._due.wait(self.pause)
                if written and self._closed.wait(self.delay):
                    return
                self._due.clear()
                if written or self._has_stale_from_others():
                    rebuild_in_processes(self.database, self._closed)
            except (SQLAlchemyError, OSError, RebuildProcessError):
                log.exception("cannot rebuild shifts; the next write tries again")
                self._checked_version = ""
                self._closed.wait(RETRY_SECONDS)

    def _has_stale_from_others(self) -> bool:
        """Whether dyads are stale and the record has not changed since the last look.

        A record that changes all the time is looked at every `MAX_STALE_SECONDS`.
        """
        with self.database.connect() as db:
            version, now = read_version(db).label, time.monotonic()
            if version == self._checked_version:
                return False
            changed, self._last_version = version != self._last_version, version
            if changed:
                if self._changing_since is None:
                    self._changing_since = now
                if now - self._changing_since < MAX_STALE_SECONDS:
                    return False
            self._changing_since, self._checked_version = None, version
            return has_stale_dyads(db)


class RebuildProcessError(Exception):
    """A process that rebuilds shifts failed."""


def rebuild_in_processes(database: Database, ended: threading.Event) -> int:
    """Rebuild all stale dyads, in processes of their own where they are many, until `ended` is set.

    Returns how many were stale. Raises `RebuildProcessError`.
    """
    apply_wave_setting(database)
    if count_stale_dyads(database) <= MAX_IN_PROCESS:
        cast_stale_votes(database)  # which may leave many more of them stale
        if count_stale_dyads(database) <= MAX_IN_PROCESS:
            return rebuild_stale_dyads(database)
    stale = count_stale_dyads(database)
    of = max(1, min(MAX_PROCESSES, stale // DYADS_PER_PROCESS, count_processors()))
    for step in ("votes", "shifts"):  # a shift rests on the votes of all partitions
        if not ended.is_set():
            _run_processes(database, ended, step, of)
    if not ended.is_set():  # dyads of groups that depend on those of another process
        rebuild_stale_dyads(database)
    return stale


def count_stale_dyads(database: Database) -> int:
    """Count the stale dyads of all datasets."""
    with database.connect() as db:
        return db.scalar(select(func.count()).select_from(dyads).where(IS_STALE)) or 0


def _run_processes(database: Database, ended: threading.Event, step: str, of: int) -> None:
    """Run a step of a rebuild in some processes; raises `RebuildProcessError`."""
    with ExitStack() as open_:
        children = [start_worker_process("app.shifts.materialized.worker") for _ in range(of)]
        for number, child in enumerate(children):
            assert child.stdin is not None
            open_.enter_context(closing(child.stdin))
            task = f"{render_database_url(database)}\n{number} {of}\n{step}\n"
            with suppress(BrokenPipeError):
                child.stdin.write(task.encode())
        while any(child.poll() is None for child in children) and not ended.wait(0.1):
            pass
    failed = [child.returncode for child in children if child.wait()]
    if failed and not ended.is_set():
        raise RebuildProcessError(f"a process that rebuilds shifts ended with {failed[0]}")


def rebuild_partition_from_stdin() -> None:
    """Rebuild a partition of the dyads of a database; both, and the step, come from standard input.

    The steps are votes and shifts.
    """
    # Unbuffered: a thread waits for it when the process ends.
    stdin = FileIO(0, closefd=False)
    url, share, step = (stdin.readline().decode().strip() for _ in range(3))
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    threading.Thread(target=_exit_with_parent, args=(stdin,), daemon=True).start()
    with closing(Database(url, 1)) as database:
        partition = DyadPartition(*map(int, share.split()))
        if step == "votes":
            cast_stale_votes(database, partition)
        else:
            rebuild_stale_dyads(database, DYADS_PER_WRITE, partition)


def _exit_with_parent(stdin: FileIO) -> None:
    stdin.read()
    os._exit(0)


if __name__ == "__main__":
    configure_logs(Settings().log_format, Settings().log_level)
    rebuild_partition_from_stdin()
