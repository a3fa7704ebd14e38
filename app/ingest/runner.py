"""This module supervises imports: a thread runs small ones, a separate process all others.

An import that a crash interrupted is resumed by the next worker, in any service: see `FileLock`.
"""

import json
import logging
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from app.db.beside import address_of, beside
from app.db.engine import Database
from app.ingest import imports
from app.ingest.hold import HeldError, Hold
from app.ingest.imports import ARRIVING, OVER
from app.ingest.work import GRACE, POLL, carry_out, claimed

MOST_HERE = 1.0
"""Seconds after which a small import that takes longer moves to the separate process."""
# In the interpreter that answers requests, a long import made readers wait seven times as long as
# usual (at the 99th percentile).
LEFT = 86_400
"""Seconds without new data after which an incomplete upload is removed."""
DEATHS = 3
"""Times that the process may die at the same row before the import fails."""
log = logging.getLogger("entente.imports")


class Runner:
    """The supervisor of the two import workers of a service: a thread and a process."""

    def __init__(self, database: Database, most_expanded: int, folder: Path) -> None:
        self.database, self.most_expanded, self.folder = database, most_expanded, folder
        self._ending = threading.Event()
        self._wakes = (threading.Event(), threading.Event())
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=given, name=f"imports-{n}", daemon=True)
            for n, given in enumerate(zip((self._small, self._large), self._wakes, strict=True))
        ]

    def start(self) -> None:
        """Start both workers."""
        self._sweep()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop both workers after their current batches; the rest is resumed later."""
        self._ending.set()
        self.wake()
        for thread in self._threads:
            thread.join(2 * GRACE)
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

    def _work(self, some: Callable[[], bool], wake: threading.Event) -> None:
        while not self._ending.is_set():
            wake.clear()
            try:
                if some():
                    continue
            except Exception:
                log.exception("an import was interrupted; it will be tried again")
            wake.wait(POLL)

    def _sweep(self) -> None:
        """Remove incomplete uploads that a killed service left a day ago or earlier."""
        for path in self.folder.glob(f"{ARRIVING}*"):
            try:
                if path.stat().st_mtime < time.time() - LEFT:
                    path.unlink()
            except OSError as wrong:  # it was just completed, or belongs to another user
                log.info("an incomplete upload could not be removed: %s", wrong)

    def _small(self) -> bool:
        found = claimed(self.database, small=True)
        if found is None:
            return False
        until = time.monotonic() + MOST_HERE
        carry_out(self.database, *found, self.most_expanded, self._ending, until)
        self._wakes[1].set()
        return True

    def _large(self) -> bool:
        """Run a process until no large import is left; returns whether there was one."""
        with self.database.connect() as db:
            rows = imports.unfinished(db, small=False)
        if all(_is_held(row) for row in rows):
            return False
        at = ""
        with self._started() as child:
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    told = json.loads(line)
                    at = told.get("begun", "")
                    if "ended" in told:
                        for wake in self.database.after_commit:
                            wake()
            finally:
                with self._lock:
                    self._child = None
        if at and child.returncode:
            self._died(at, child.returncode)
        return True

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            self._child = child = beside("app.ingest.work", answers=True)
            assert child.stdin is not None
            given = {"url": address_of(self.database), "most_expanded": self.most_expanded}
            child.stdin.write(json.dumps(given).encode() + b"\n")
            if self._ending.is_set():
                child.stdin.close()
        return child

    def _died(self, ident: str, code: int) -> None:
        """Record that the process died; the import fails after several deaths at the same row."""
        log.error("the process that ran import %s ended with code %s", ident, code)
        with self.database.connect() as db:
            row = imports.named(db, ident)
        if row is None or row.state in OVER:
            return
        self._deaths[ident, row.done] += 1
        if self._deaths[ident, row.done] < DEATHS:
            return
        with suppress(HeldError), closing(Hold(Path(row.file))):
            with self.database.write() as db:
                why = f"its process ended {DEATHS} times after row {row.done}"
                imports.finish(db, ident, "failed", imports.tally_of(row.counts), why)
            Path(row.file).unlink(missing_ok=True)


def _is_held(row: Row[Any]) -> bool:
    try:
        Hold(Path(row.file)).close()
    except HeldError:
        return True
    except FileNotFoundError:  # its folder belongs to another service, or is gone
        return not imports.given_up(row)
    return False
