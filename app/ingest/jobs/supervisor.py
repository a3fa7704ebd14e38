"""This module supervises imports: a thread runs small ones, a separate process all others.

An import that a crash interrupted is resumed by the next worker, in any service: see `FileLock`.
"""

import json
import logging
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Row

from app.db.engine import Database
from app.db.file_lock import FileLock, LockedError
from app.db.leadership import FileLeadership
from app.db.worker_process import render_database_url, start_worker_process
from app.ingest.jobs import job_store
from app.ingest.jobs.job_store import ARRIVING_PREFIX, FINAL_STATES
from app.ingest.jobs.worker import GRACE_SECONDS, POLL_SECONDS, claim_next_import, run_import
from app.ingest.loading.maintenance import MaintenanceTerms, maintain_after_load

MAX_THREAD_SECONDS = 1.0
"""Seconds after which a small import that takes longer moves to the separate process."""
# In the interpreter that answers requests, a long import made readers wait seven times as long as
# usual (at the 99th percentile).
STALE_UPLOAD_SECONDS = 86_400
"""Seconds without new data after which an incomplete upload is removed."""
MAX_DEATHS = 3
"""Times that the process may die at the same row before the import fails."""
log = logging.getLogger("entente.imports")


class ImportSupervisor:
    """The supervisor of the two import workers of a service: a thread and a process.

    Among the processes that share a folder of uploads one leads, and runs the imports of all.
    """

    def __init__(self, database: Database, most_expanded: int, folder: Path) -> None:
        self.database, self.most_expanded, self.folder = database, most_expanded, folder
        address = str(database.engine.url)  # services on several databases may share a folder
        self._leadership = FileLeadership(folder, sha256(address.encode()).hexdigest()[:12])
        self._ending = threading.Event()
        self._wakes = (threading.Event(), threading.Event())
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(
                target=self._run_worker, args=arguments, name=f"imports-{n}", daemon=True
            )
            for n, arguments in enumerate(
                zip((self._run_small_import, self._run_large_imports), self._wakes, strict=True)
            )
        ]

    def start(self) -> None:
        """Start both workers."""
        self._remove_stale_uploads()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop both workers after their current batches; the rest is resumed later."""
        self._ending.set()
        self.wake()
        for thread in self._threads:
            thread.join(2 * GRACE_SECONDS)
        self._leadership.resign()
        with self._lock:
            if self._child is not None:
                self._child.kill()

    def wake(self) -> None:
        """Wake the workers: there may be an import to run, or the service is stopping."""
        for event in self._wakes:
            event.set()
        with self._lock:
            if self._child is not None and self._child.stdin is not None:
                try:
                    if self._ending.is_set():
                        self._child.stdin.close()
                    else:
                        self._child.stdin.write(b"\n")
                except OSError:  # it has just ended; the next one looks for imports at its start
                    log.debug("the import process has ended")

    def _run_worker(self, some: Callable[[], bool], wake: threading.Event) -> None:
        while not self._ending.is_set():
            wake.clear()
            try:
                # A standby that is promoted goes on with the imports of the primary that died.
                if self._leadership.claim() and self.database.accepts_writes() and some():
                    continue
            except Exception:
                log.exception("an import was interrupted; it will be tried again")
            wake.wait(POLL_SECONDS)

    def _remove_stale_uploads(self) -> None:
        """Remove incomplete uploads that a killed service left a day ago or earlier."""
        for path in self.folder.glob(f"{ARRIVING_PREFIX}*"):
            try:
                if path.stat().st_mtime >= time.time() - STALE_UPLOAD_SECONDS:
                    continue
                if path.is_dir():  # of a file that was fetched by its address
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except OSError as wrong:  # it was just completed, or belongs to another user
                log.info("an incomplete upload could not be removed: %s", wrong)

    def _run_small_import(self) -> bool:
        found = claim_next_import(self.database, small=True)
        if found is None:
            return False
        until = time.monotonic() + MAX_THREAD_SECONDS
        new = run_import(self.database, *found, self.most_expanded, self._ending, until)
        self._wakes[1].set()
        terms = MaintenanceTerms(is_ended=self._ending.is_set)
        maintain_after_load(self.database, new, terms)
        return True

    def _run_large_imports(self) -> bool:
        """Run a process until no large import is left; returns whether there was one."""
        if not self._has_large_imports():
            return False
        at = ""
        with self._start_process() as child:
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    message = json.loads(line)
                    at = message.get("begun", "")
                    if "ended" in message:
                        for wake in self.database.after_commit:
                            wake()
            finally:
                with self._lock:
                    self._child = None
        if at and child.returncode:
            self._record_death(at, child.returncode)
        return True

    def _has_large_imports(self) -> bool:
        """Return whether there is an import for the process that no worker has locked."""
        with self.database.connect() as db:
            rows = job_store.list_unfinished_imports(db, small=False)
        free = {row.id for row in rows if not _is_locked(row)}
        if not free:
            return False
        # The thread may have ended one after it was listed, and released its lock.
        with self.database.connect() as db:
            return any(row.id in free for row in job_store.list_unfinished_imports(db, small=False))

    def _start_process(self) -> subprocess.Popen[bytes]:
        with self._lock:
            self._child = child = start_worker_process("app.ingest.jobs.worker", answers=True)
            assert child.stdin is not None
            options = {
                "url": render_database_url(self.database),
                "most_expanded": self.most_expanded,
            }
            child.stdin.write(json.dumps(options).encode() + b"\n")
            if self._ending.is_set():
                child.stdin.close()
        return child

    def _record_death(self, ident: str, code: int) -> None:
        """Record that the process died; the import fails after several deaths at the same row."""
        log.error("the process that ran import %s ended with code %s", ident, code)
        with self.database.connect() as db:
            row = job_store.find_import(db, ident)
        if row is None or row.state in FINAL_STATES:
            return
        self._deaths[ident, row.done] += 1
        if self._deaths[ident, row.done] < MAX_DEATHS:
            return
        with suppress(LockedError), closing(FileLock(Path(row.file))):
            with self.database.write() as db:
                why = f"its process ended {MAX_DEATHS} times after row {row.done}"
                job_store.finish_import(
                    db, ident, "failed", job_store.decode_stats(row.counts), why
                )
            Path(row.file).unlink(missing_ok=True)


def _is_locked(row: Row[object]) -> bool:
    try:
        FileLock(Path(row.file)).close()
    except LockedError:
        return True
    except FileNotFoundError:  # its folder belongs to another service, or is gone
        return not job_store.is_abandoned(row)
    return False
