"""Has imports carried out: small ones by a thread, the others by a process of its own.

What a crash left undone is taken up again, by whoever comes first: see `app.ingest.hold`.
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
"""Seconds after which a small import that turns out to be large goes on in the other process."""
LEFT = 86_400
"""Seconds after which an upload of which nothing more came was left behind."""
DEATHS = 3
"""Times that the process may die of a batch before the import has failed."""
log = logging.getLogger("entente.imports")


class Runner:
    """The two workers of one service."""

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
        """Begin to work."""
        self._sweep()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the batches at hand; the rest is done later."""
        self._ending.set()
        self.wake()
        for thread in self._threads:
            thread.join(2 * GRACE)
        with self._lock:
            if self._child is not None:
                self._child.kill()

    def wake(self) -> None:
        """Tell that there is something to do, or that it is time to end."""
        for event in self._wakes:
            event.set()
        with self._lock:
            if self._child is not None and self._child.stdin is not None:
                try:
                    if self._ending.is_set():
                        self._child.stdin.close()
                    else:
                        self._child.stdin.write(b"\n")
                except OSError:  # it has just ended; the next one looks by itself
                    log.debug("the process of imports is gone")

    def _work(self, some: Callable[[], bool], wake: threading.Event) -> None:
        while not self._ending.is_set():
            wake.clear()
            try:
                if some():
                    continue
            except Exception:
                log.exception("an import could not go on; it is tried again")
            wake.wait(POLL)

    def _sweep(self) -> None:
        """Remove what arrived of uploads whose service was killed meanwhile, a day later."""
        for path in self.folder.glob(f"{ARRIVING}*"):
            try:
                if path.stat().st_mtime < time.time() - LEFT:
                    path.unlink()
            except OSError as wrong:  # it has just come to its end, or is not ours
                log.info("an upload that was left behind stays: %s", wrong)

    def _small(self) -> bool:
        found = claimed(self.database, small=True)
        if found is None:
            return False
        until = time.monotonic() + MOST_HERE
        carry_out(self.database, *found, self.most_expanded, self._ending, until)
        self._wakes[1].set()
        return True

    def _large(self) -> bool:
        """Where there is something to do, have a process do it until it has nothing more to do."""
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
        """Let an import fail whose process dies again and again at the same place."""
        log.error("the process that carried out import %s ended with %s", ident, code)
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
    except FileNotFoundError:  # its folder is another service's, or gone
        return not imports.given_up(row)
    return False
