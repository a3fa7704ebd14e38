"""Carries out imports in threads of their own; what a crash left undone is taken up again."""

import json
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from app.db.engine import Database
from app.db.journal import Writer
from app.ingest import imports
from app.ingest.load import Heard, Loader, Options
from app.ingest.opened import UnreadableError, opened
from app.ingest.reading import Reject
from app.ingest.schemas import OVER
from app.ingest.tally import Tally

WORKERS = 2
POLL, BEAT = 2.0, 3.0
"""Seconds between looks at the table, and between signs of life."""
log = logging.getLogger("entente.imports")


class CancelledLoadError(Exception):
    """Somebody asked for the import to end; its last batch is undone."""


class PutOffError(Exception):
    """The process ends; the import goes on in the next one."""


class Runner:
    """The workers of one process."""

    def __init__(self, database: Database, most_expanded: int) -> None:
        self.database, self.most_expanded = database, most_expanded
        self._wake, self._ending = threading.Event(), threading.Event()
        self._working: set[str] = set()
        self._threads = [
            threading.Thread(target=self._work, name=f"imports-{n}", daemon=True)
            for n in range(WORKERS)
        ]
        self._threads.append(threading.Thread(target=self._live, name="imports", daemon=True))

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the batches at hand; the rest is done later."""
        self._ending.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()

    def wake(self) -> None:
        """Tell that there is something to do."""
        self._wake.set()

    def _work(self) -> None:
        while not self._ending.is_set():
            try:
                row = self._claimed()
                if row is not None:
                    self._carry_out(row)
                    continue
            except (SQLAlchemyError, OSError):
                log.exception("an import could not go on; it is tried again")
            self._wake.wait(POLL)
            self._wake.clear()

    def _live(self) -> None:
        while not self._ending.wait(BEAT):
            if ids := sorted(self._working):
                try:
                    with self.database.write() as db:
                        imports.beat(db, ids)
                except SQLAlchemyError:
                    log.warning("no sign of life could be given")

    def _claimed(self) -> Row[Any] | None:
        with self.database.connect() as db:
            if not imports.waiting(db):
                return None
        with self.database.write() as db:
            row = imports.claim(db)
            if row is not None:
                self._working.add(row.id)
            return row

    def _carry_out(self, row: Row[Any]) -> None:
        options, tally = Options(**json.loads(row.options)), imports.tally_of(row.counts)
        loader = Loader(self.database, Writer(row.by, f"import {row.id}"), options)
        loader.tally, loader.skip, path = tally, row.done, Path(row.file)

        def committing(db: Connection, part: Tally, rejects: Sequence[Reject]) -> None:
            whole = imports.tally_of(json.dumps(imports.told(loader.tally)))
            whole.add(part)
            state = imports.advance(db, row.id, whole, part.rows, rejects)
            if state == "cancelling":
                raise CancelledLoadError
            if self._ending.is_set():
                raise PutOffError

        loader.heard = Heard(committing=committing)
        try:
            state, error = self._ended(loader, path)
        finally:
            self._working.discard(row.id)
        with self.database.write() as db:
            imports.finish(db, row.id, state, loader.tally, error)
        if state in OVER:
            path.unlink(missing_ok=True)

    def _ended(self, loader: Loader, path: Path) -> tuple[str, str | None]:
        try:
            failed = loader.load(list(opened(path, self.most_expanded)))
        except CancelledLoadError:
            return "cancelled", None
        except PutOffError:
            return "waiting", None
        except (UnreadableError, FileNotFoundError) as wrong:
            return "failed", str(wrong)
        except SQLAlchemyError:
            raise
        except Exception:
            log.exception("an import failed")
            return "failed", "something failed on our side; it is in the server's log"
        if failed:
            return "failed", "; ".join(f.replace(str(path), "the upload") for f in failed)[:2000]
        return "done", None
