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

from sqlalchemy import Connection, Row

from app.db.engine import Database
from app.db.failures import is_transient_failure
from app.db.file_lock import FileLock, LockedError
from app.db.journal import Writer
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.jobs import job_store
from app.ingest.jobs.job_store import FINAL_STATES, LostImportError
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.loading.maintenance import MaintenanceTerms, maintain_after_load
from app.ingest.loading.stats import LoadStats
from app.ingest.loading.tuning import tune_process_for_loading
from app.ingest.readers.files import open_input_files
from app.ingest.readers.rows import Reject
from app.logs import configure_logs
from app.settings import Settings

NICE_INCREMENT = 5
"""Lower priority, so that readers go first; not much, since writers wait for its batches."""
IDLE_SECONDS, GRACE_SECONDS, POLL_SECONDS = 20.0, 10.0, 2.0
"""Seconds to wait for a next import, for a clean end, and before an import is tried again."""
UPLOAD_GONE = "the upload is gone"
log = logging.getLogger("entente.imports")


class CancelledLoadError(Exception):
    """The import was cancelled by request; its current batch is rolled back."""


class PostponedError(Exception):
    """The import is postponed, to continue later or in another process."""


def claim_next_import(database: Database, *, small: bool) -> tuple[Row[object], FileLock] | None:
    """Claim the oldest import that no other worker has locked; None if there is none."""
    with database.connect() as db:
        rows = job_store.list_unfinished_imports(db, small=small)
    for found in rows:
        try:
            file_lock = FileLock(Path(found.file))
        except LockedError:
            continue
        except FileNotFoundError:  # its folder belongs to another service, or is gone
            if job_store.is_abandoned(found):
                _abandon_import(database, found)
            continue
        row = None
        try:
            with database.write() as db:
                row = job_store.claim_import(db, found.id)
            if row is not None:
                return row, file_lock
        finally:
            if row is None:
                file_lock.close()
    return None


def run_import(
    database: Database,
    row: Row[object],
    file_lock: FileLock,
    most_expanded: int,
    ending: threading.Event,
    until: float = float("inf"),
) -> int:
    """Load the remaining rows of an import, and record how it ended.

    It is postponed if the process is ending, or once the monotonic clock is beyond `until`. Returns
    the events that are new since it began, for `maintain_after_load`; 0 if it goes on later.
    """
    path, looked, new = Path(row.file), time.monotonic(), 0
    try:
        loader = Loader(
            database, Writer(row.by, f"import {row.id}"), LoadOptions(**json.loads(row.options))
        )
        loader.stats, loader.skip = job_store.decode_stats(row.counts), row.done
        before = row.counts

        def commit_batch(db: Connection, part: LoadStats, rejects: Sequence[Reject]) -> None:
            nonlocal before
            whole = job_store.decode_stats(json.dumps(job_store.encode_stats(loader.stats)))
            whole.add_stats(part)
            for refused in rejects:
                refused.file = refused.file.removeprefix(row.file).removeprefix(":")
            state, before = job_store.record_progress(db, row.id, before, whole, part, rejects)
            if state == "cancelling":
                raise CancelledLoadError
            if ending.is_set():
                raise PostponedError

        def check_interrupt() -> None:
            nonlocal looked
            if ending.is_set() or time.monotonic() > until:
                raise PostponedError
            if time.monotonic() > looked + POLL_SECONDS:
                looked = time.monotonic()
                with database.connect() as db:
                    found = job_store.find_import(db, row.id)
                if found is None or found.state == "cancelling":
                    raise CancelledLoadError

        loader.listener = LoadListener(on_commit=commit_batch, check_interrupt=check_interrupt)
        state, error = _load_upload(loader, path, most_expanded)
        with database.connect() as db:
            names = job_store.report_import_names(db, row.id) if state in FINAL_STATES else ()
        with database.write() as db:
            state = job_store.finish_import(db, row.id, state, loader.stats, error, names)
        if state in FINAL_STATES:
            path.unlink(missing_ok=True)
            new = 0 if loader.options.dry_run else loader.stats.new
    except LostImportError:
        log.warning("another process continues import %s", row.id)
    finally:
        file_lock.close()
    return new


def _load_upload(loader: Loader, path: Path, most_expanded: int) -> tuple[str, str | None]:
    try:
        failed = loader.load_files(list(open_input_files(path, most_expanded)))
    except CancelledLoadError:
        return "cancelled", None
    except PostponedError:
        return "waiting", None
    except UnreadableFileError as wrong:
        return "failed", str(wrong)
    except FileNotFoundError:
        return "failed", UPLOAD_GONE
    except LostImportError:
        raise
    except Exception as wrong:
        if is_transient_failure(wrong):
            raise
        log.exception("an import failed")
        return "failed", "an internal error; details are in the server's log"
    if failed:
        message = "; ".join(f.replace(str(path), "the upload") for f in failed)
        return "failed", message.replace("\x00", "\ufffd")[:2000]
    return "done", None


def _abandon_import(database: Database, row: Row[object]) -> None:
    ended = "cancelled" if row.state == "cancelling" else "failed"
    with database.write() as db:
        job_store.finish_import(db, row.id, ended, job_store.decode_stats(row.counts), UPLOAD_GONE)


def run_import_worker() -> None:
    """Run imports until there are none for a while, or until the service stops."""
    # Unbuffered: a thread may be reading it when the process ends.
    commands = FileIO(0, closefd=False)
    options = json.loads(commands.readline())
    ending, nudged = threading.Event(), threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the service too
    signal.signal(signal.SIGTERM, lambda *_: _request_end(ending, nudged))
    if hasattr(os, "nice"):
        os.nice(NICE_INCREMENT)
    threading.Thread(target=_listen_for_work, args=(commands, ending, nudged), daemon=True).start()
    with contextlib.closing(Database(options["url"], 2)) as database:
        tune_process_for_loading(database)
        terms = MaintenanceTerms(is_ended=ending.is_set)
        for row, file_lock in _iterate_imports(database, ending, nudged):
            _report_status(begun=row.id)
            new = 0
            try:
                new = run_import(database, row, file_lock, options["most_expanded"], ending)
            except Exception:
                log.exception("an import was interrupted; it will be tried again")
                nudged.wait(POLL_SECONDS)
            _report_status(ended=row.id)
            maintain_after_load(database, new, terms)


def _iterate_imports(
    database: Database, ending: threading.Event, nudged: threading.Event
) -> Iterator[tuple[Row[object], FileLock]]:
    while not ending.is_set():
        nudged.clear()
        found = None
        try:
            found = claim_next_import(database, small=False)
        except Exception:
            log.exception("imports could not be listed; it will be tried again")
        if found is not None:
            yield found
        elif not nudged.wait(IDLE_SECONDS):
            return


def _listen_for_work(commands: FileIO, ending: threading.Event, nudged: threading.Event) -> None:
    while commands.readline():
        nudged.set()
    _request_end(ending, nudged)
    time.sleep(GRACE_SECONDS)
    os._exit(0)  # reading a large file to its first batch may take longer; no committed row is lost


def _request_end(ending: threading.Event, nudged: threading.Event) -> None:
    ending.set()
    nudged.set()


def _report_status(**what: str) -> None:
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    configure_logs(Settings().log_format, Settings().log_level)
    run_import_worker()
