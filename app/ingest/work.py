"""The worker that runs imports, in a thread of the service or in a process of its own.

`python -m app.ingest.jobs.worker` runs the imports that are not small, one after another. The
service writes to its standard input: first a line of JSON with the database, then an empty line
whenever there may be a new import. When standard input ends, the service has stopped; the process
then ends after its current batch.
"""

import contextlib
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from app.db.engine import Database
from app.db.failures import passing
from app.db.journal import Writer
from app.ingest import imports
from app.ingest.hold import HeldError, Hold
from app.ingest.imports import OVER, LostImportError
from app.ingest.load import Heard, Loader, Options, in_earnest
from app.ingest.opened import UnreadableError, opened
from app.ingest.row import Reject
from app.ingest.tally import Tally

NICE = 5
"""Lower priority, so that readers go first; not much, since writers wait for its batches."""
IDLE, GRACE, POLL = 20.0, 10.0, 2.0
"""Seconds to wait for a next import, for a clean end, and before an import is tried again."""
GONE = "the upload is gone"
log = logging.getLogger("entente.imports")


class CancelledLoadError(Exception):
    """The import was cancelled by request; its current batch is rolled back."""


class PutOffError(Exception):
    """The import is postponed, to continue later or in another process."""


def claimed(database: Database, *, small: bool) -> tuple[Row[Any], Hold] | None:
    """Claim the oldest import that no other worker has locked; None if there is none."""
    with database.connect() as db:
        rows = imports.unfinished(db, small=small)
    for found in rows:
        try:
            hold = Hold(Path(found.file))
        except HeldError:
            continue
        except FileNotFoundError:  # its folder belongs to another service, or is gone
            if imports.given_up(found):
                _give_up(database, found)
            continue
        row = None
        try:
            with database.write() as db:
                row = imports.claim(db, found.id)
            if row is not None:
                return row, hold
        finally:
            if row is None:
                hold.close()
    return None


def carry_out(
    database: Database,
    row: Row[Any],
    hold: Hold,
    most_expanded: int,
    ending: threading.Event,
    until: float = float("inf"),
) -> None:
    """Load the remaining rows of an import, and record how it ended.

    It is postponed if the process is ending, or once the monotonic clock is beyond `until`.
    """
    path, looked = Path(row.file), time.monotonic()
    try:
        loader = Loader(
            database, Writer(row.by, f"import {row.id}"), Options(**json.loads(row.options))
        )
        loader.tally, loader.skip = imports.tally_of(row.counts), row.done
        before = row.counts

        def committing(db: Connection, part: Tally, rejects: Sequence[Reject]) -> None:
            nonlocal before
            whole = imports.tally_of(json.dumps(imports.told(loader.tally)))
            whole.add(part)
            for refused in rejects:
                refused.file = refused.file.removeprefix(row.file).removeprefix(":")
            state, before = imports.advance(db, row.id, before, whole, part.rows, rejects)
            if state == "cancelling":
                raise CancelledLoadError
            if ending.is_set():
                raise PutOffError

        def looking() -> None:
            nonlocal looked
            if ending.is_set() or time.monotonic() > until:
                raise PutOffError
            if time.monotonic() > looked + POLL:
                looked = time.monotonic()
                with database.connect() as db:
                    found = imports.named(db, row.id)
                if found is None or found.state == "cancelling":
                    raise CancelledLoadError

        loader.heard = Heard(committing=committing, looking=looking)
        state, error = _ended(loader, path, most_expanded)
        with database.write() as db:
            state = imports.finish(db, row.id, state, loader.tally, error)
        if state in OVER:
            path.unlink(missing_ok=True)
    except LostImportError:
        log.warning("another process continues import %s", row.id)
    finally:
        hold.close()


def _ended(loader: Loader, path: Path, most_expanded: int) -> tuple[str, str | None]:
    try:
        failed = loader.load(list(opened(path, most_expanded)))
    except CancelledLoadError:
        return "cancelled", None
    except PutOffError:
        return "waiting", None
    except UnreadableError as wrong:
        return "failed", str(wrong)
    except FileNotFoundError:
        return "failed", GONE
    except LostImportError:
        raise
    except Exception as wrong:
        if passing(wrong):
            raise
        log.exception("an import failed")
        return "failed", "an internal error; details are in the server's log"
    if failed:
        told = "; ".join(f.replace(str(path), "the upload") for f in failed)
        return "failed", told.replace("\x00", "\ufffd")[:2000]
    return "done", None


def _give_up(database: Database, row: Row[Any]) -> None:
    ended = "cancelled" if row.state == "cancelling" else "failed"
    with database.write() as db:
        imports.finish(db, row.id, ended, imports.tally_of(row.counts), GONE)


def main() -> None:
    """Run imports until there are none for a while, or until the service stops."""
    told = FileIO(0, closefd=False)  # unbuffered: a thread may be reading it when the process ends
    given = json.loads(told.readline())
    ending, nudged = threading.Event(), threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the service too
    signal.signal(signal.SIGTERM, lambda *_: _end(ending, nudged))
    if hasattr(os, "nice"):
        os.nice(NICE)
    threading.Thread(target=_listen, args=(told, ending, nudged), daemon=True).start()
    with contextlib.closing(Database(given["url"], 2)) as database:
        in_earnest(database)
        for row, hold in _to_do(database, ending, nudged):
            _tell(begun=row.id)
            try:
                carry_out(database, row, hold, given["most_expanded"], ending)
            except Exception:
                log.exception("an import was interrupted; it will be tried again")
                nudged.wait(POLL)
            _tell(ended=row.id)


def _to_do(
    database: Database, ending: threading.Event, nudged: threading.Event
) -> Iterator[tuple[Row[Any], Hold]]:
    while not ending.is_set():
        nudged.clear()
        found = None
        try:
            found = claimed(database, small=False)
        except Exception:
            log.exception("imports could not be listed; it will be tried again")
        if found is not None:
            yield found
        elif not nudged.wait(IDLE):
            return


def _listen(told: FileIO, ending: threading.Event, nudged: threading.Event) -> None:
    while told.readline():
        nudged.set()
    _end(ending, nudged)
    time.sleep(GRACE)
    os._exit(0)  # reading a large file to its first batch may take longer; no committed row is lost


def _end(ending: threading.Event, nudged: threading.Event) -> None:
    ending.set()
    nudged.set()


def _tell(**what: str) -> None:
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
