"""Imports in a process of their own: each row is stored and counted once, even after a kill."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ingest.loading import EVENT_TABLES, find_faults, list_refreshed_tables, read_documents
from ingest.rows import join_events, make_event
from sqlalchemy import select, update
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.db.engine import Database
from app.db.failures import is_transient_failure
from app.db.file_lock import FileLock, LockedError
from app.db.tables import imports
from app.ingest.jobs import job_store as table
from app.ingest.jobs import supervisor, worker
from app.ingest.jobs.job_store import LostImportError
from app.ingest.jobs.supervisor import ImportSupervisor
from app.ingest.jobs.worker import claim_next_import
from app.ingest.loading import maintenance
from app.ingest.loading.load_options import LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.loading.stats import LoadStats

OLD = "2020-01-01T00:00:00.000000Z"
ROWS = 3000
"""Rows that are not loaded before a test has looked: several batches of them."""


def add_waiting_import(database: Database, path: Path, rows: int) -> str:
    """An import that waits; some 1,500 rows are more than a small one has."""
    path.write_text(join_events(*(make_event(f"k{n}") for n in range(rows))))
    with database.write() as db:
        size = path.stat().st_size
        return table.add_import(db, f"job-{rows}", LoadOptions(), "loader", str(path), size)[0]


@contextmanager
def start_worker(database: Database) -> Iterator[ImportSupervisor]:
    made = ImportSupervisor(database, 1 << 30, Path("nowhere"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


def read_import(database: Database, ident: str) -> Any:
    with database.connect() as db:
        return db.execute(select(imports).where(imports.c.id == ident)).one()


def wait_until(database: Database, ident: str, states: tuple[str, ...], rows: int = 0) -> Any:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        found = read_import(database, ident)
        if found.state in states and found.done >= rows:
            return found
        time.sleep(0.02)
    raise AssertionError(f"still {found.state} at row {found.done}")


def list_progress(row: Any) -> tuple[str, int, int]:
    document = json.loads(row.counts)
    return row.state, document["rows"], document["new"]


def list_children() -> list[int]:
    """Processes that carry imports out for this one."""
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())],
                           capture_output=True, text=True, check=False).stdout  # fmt: skip
    return [int(line.split()[0]) for line in found.splitlines() if "app.ingest.jobs.worker" in line]


@pytest.mark.slow
def test_a_large_import_is_done_by_another_process(database: Database, tmp_path: Path) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", 1500)
    woken = threading.Event()
    database.after_commit.append(woken.set)
    with start_worker(database) as made:
        assert list_progress(wait_until(database, ident, ("done",))) == ("done", 1500, 1500)
        assert len(list_children()) == 1
        assert woken.wait(10)
        again = add_waiting_import(database, tmp_path / "again", 1400)
        made.wake()  # as the service does: else it waits until the process ends by itself
        assert wait_until(database, again, ("done",)).state == "done"
    assert list_children() == []
    assert list(tmp_path.glob("*again*")) + list(tmp_path.glob("upload*")) == []
    assert find_faults(database) == []


def wait_for_statistics(database: Database) -> None:
    """Wait until PostgreSQL was made to look at what an import stored."""
    ends = time.monotonic() + 60
    while not list_refreshed_tables(database) >= EVENT_TABLES:
        assert time.monotonic() < ends, "no statistics"
        time.sleep(0.05)


@pytest.mark.on_both
@pytest.mark.slow
@pytest.mark.parametrize("rows", [300, 5000])
def test_a_large_import_brings_statistics_up_to_date(
    kind: str, rows: int, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small one by the thread, for which 300 are many, the large one by the process."""
    monkeypatch.setattr(supervisor, "MAX_THREAD_SECONDS", 60.0)
    monkeypatch.setattr(maintenance, "LEAST_EVENTS_FOR_STATISTICS", 300)
    ident = add_waiting_import(database, tmp_path / "upload", rows)
    with start_worker(database):
        wait_until(database, ident, ("done",))
        if kind == "postgresql":
            wait_for_statistics(database)
        assert (list_children() == []) == (rows == 300)


@pytest.mark.by_turns
def test_an_import_that_only_tries_has_nothing_new(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text(join_events(make_event("a")))
    counts = []
    for dry_run in (True, False):
        with database.write() as db:
            options = LoadOptions(dry_run=dry_run)
            table.add_import(db, f"job-{dry_run}", options, "loader", str(path), 1)
        found = claim_next_import(database, small=True)
        assert found is not None
        counts.append(worker.run_import(database, *found, 1 << 30, threading.Event()))
        path.write_text(join_events(make_event("a")))
    assert counts == [0, 1]


@pytest.mark.slow
def test_a_small_import_needs_no_process(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MAX_THREAD_SECONDS", 60.0)  # however slow this machine is
    ident = add_waiting_import(database, tmp_path / "upload", 300)
    with start_worker(database):
        assert list_progress(wait_until(database, ident, ("done",))) == ("done", 300, 300)
        assert list_children() == []


@pytest.mark.by_turns
@pytest.mark.slow
def test_what_only_seemed_small_goes_on_in_another_process(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MAX_THREAD_SECONDS", -1.0)
    ident = add_waiting_import(
        database, tmp_path / "upload", 700
    )  # after the first 500 rows it goes on there
    with start_worker(database):
        assert list_progress(wait_until(database, ident, ("done",))) == ("done", 700, 700)
        assert len(list_children()) == 1


@pytest.mark.slow
def test_a_process_that_is_killed_is_followed_by_another(
    database: Database, tmp_path: Path
) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", ROWS)
    with start_worker(database):
        for rows in (0, 500):
            wait_until(database, ident, ("running", "done"), rows)
            for child in list_children():
                os.kill(child, signal.SIGKILL)
            time.sleep(0.2)
        assert list_progress(wait_until(database, ident, ("done",))) == ("done", ROWS, ROWS)
    assert len(read_documents(database, "local")) == ROWS
    assert find_faults(database) == []


def test_what_arrived_of_an_upload_goes_a_day_later(database: Database, tmp_path: Path) -> None:
    for name in ("arriving-old", "arriving-new", "upload-old"):
        (tmp_path / name).write_text("{}")
    for name in ("arriving-old", "upload-old"):
        os.utime(tmp_path / name, (time.time() - 90_000,) * 2)
    made = ImportSupervisor(database, 1 << 30, tmp_path)
    made.start()
    made.stop()
    assert {path.name for path in tmp_path.iterdir()} >= {"arriving-new", "upload-old"}
    assert not (tmp_path / "arriving-old").exists()


def test_a_process_that_dies_again_and_again_fails_its_import(
    database: Database, tmp_path: Path
) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", 1500)
    made = ImportSupervisor(database, 1 << 30, tmp_path)
    with database.write() as db:
        table.claim_import(db, ident)
    for times in range(supervisor.MAX_DEATHS):
        assert read_import(database, ident).state == "running", times
        made._record_death(ident, -9)
    row = read_import(database, ident)
    assert (row.state, row.error) == ("failed", "its process ended 3 times after row 0")
    assert not (tmp_path / "upload").exists()


@pytest.mark.slow
@pytest.mark.by_turns
def test_import_is_postponed_when_the_service_stops(database: Database, tmp_path: Path) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", ROWS)
    with start_worker(database):
        wait_until(database, ident, ("running", "done"))
    row = read_import(database, ident)
    assert (row.state, row.done < ROWS) == ("waiting", True)
    assert list_children() == []
    with start_worker(database):
        assert list_progress(wait_until(database, ident, ("done",))) == ("done", ROWS, ROWS)


@pytest.mark.by_turns
@pytest.mark.slow
def test_the_process_ends_when_the_service_is_gone(database: Database, tmp_path: Path) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", ROWS)
    child = subprocess.Popen(
        [sys.executable, "-m", "app.ingest.jobs.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdin is not None
        url = database.engine.url.render_as_string(hide_password=False)
        child.stdin.write(json.dumps({"url": url, "most_expanded": 1 << 30}).encode() + b"\n")
        child.stdin.flush()
        wait_until(database, ident, ("running",))
        child.stdin.close()  # as the system does when the parent is killed
        assert child.wait(30) == 0
    row = read_import(database, ident)
    assert row.state == "waiting" or row.done == ROWS


def test_import_of_a_live_worker_is_not_claimed(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    ident = add_waiting_import(database, path, 10)
    found = claim_next_import(database, small=True)
    assert found is not None
    with database.write() as db:  # however long nothing was heard of it
        db.execute(update(imports).values(seen_at=OLD))
    assert claim_next_import(database, small=False) is None
    with pytest.raises(LockedError):
        FileLock(path)
    found[1].close()
    assert (
        claim_next_import(database, small=True) is None
    )  # it has begun: the other process goes on with it
    again = claim_next_import(database, small=False)
    assert again is not None
    with closing(again[1]):
        assert again[0].id == ident


def test_worker_that_lost_its_import_stores_nothing_more(
    database: Database, tmp_path: Path
) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", 10)
    with database.write() as db:
        _, counts = table.record_progress(db, ident, "{}", *[LoadStats(rows=5, new=5)] * 2, [])
    with pytest.raises(LostImportError), database.write() as db:
        table.record_progress(db, ident, "{}", *[LoadStats(rows=5, new=5)] * 2, [])
    assert read_import(database, ident).done == 5
    assert read_import(database, ident).counts == counts


def test_an_import_whose_upload_is_gone_fails(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    ident = add_waiting_import(database, path, 10)
    path.unlink()
    with start_worker(database):
        row = wait_until(database, ident, ("failed",))
    assert row.error == "the upload is gone"
    assert list(tmp_path.glob("upload*")) == []


@pytest.mark.by_turns
@pytest.mark.slow
def test_the_process_ends_by_itself_when_there_is_nothing_to_do(
    database: Database,
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    code = (
        "from app.ingest.jobs import worker; worker.IDLE_SECONDS = 0.1; worker.run_import_worker()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.write(json.dumps({"url": url, "most_expanded": 1 << 30}).encode() + b"\n")
        child.stdin.flush()
        assert child.wait(30) == 0


@pytest.mark.by_turns
@pytest.mark.slow
def test_import_with_missing_folder_fails_and_blocks_no_other(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    lost = add_waiting_import(database, tmp_path / "old" / "upload", 1500)
    shutil.rmtree(tmp_path / "old")
    kept = add_waiting_import(database, tmp_path / "upload", 1501)
    with start_worker(database):
        wait_until(database, kept, ("done",))
    assert read_import(database, lost).state == "waiting"  # another service may have its folder
    with database.write() as db:
        db.execute(update(imports).where(imports.c.id == lost).values(created_at=OLD))
    with start_worker(database):
        assert wait_until(database, lost, ("failed",)).error == "the upload is gone"


def test_what_is_sent_again_while_it_is_cancelled_is_an_import_of_its_own(
    database: Database, tmp_path: Path
) -> None:
    first = add_waiting_import(database, tmp_path / "upload", 10)
    assert add_waiting_import(database, tmp_path / "upload", 10) == first
    with database.write() as db:
        table.claim_import(db, first)
        table.request_cancellation(db, first)
    assert read_import(database, first).state == "cancelling"
    assert add_waiting_import(database, tmp_path / "again", 10) != first


def test_an_import_that_is_cancelled_ends_before_its_first_batch(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_SECONDS", -1.0)
    ident = add_waiting_import(database, tmp_path / "upload", 10)
    found = claim_next_import(database, small=True)
    assert found is not None
    with database.write() as db:
        table.request_cancellation(db, ident)
    worker.run_import(database, *found, 1 << 30, threading.Event())
    assert list_progress(read_import(database, ident)) == ("cancelled", 0, 0)


def test_permanent_database_error_is_not_retried(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise DataError("INSERT", {}, ValueError("no such text"))

    monkeypatch.setattr(Loader, "load_files", refused)
    ident = add_waiting_import(database, tmp_path / "upload", 10)
    with start_worker(database):
        assert wait_until(database, ident, ("failed",)).error.startswith("an internal error")


def test_no_process_starts_for_an_import_that_has_just_ended(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", 10)
    with database.write() as db:
        table.claim_import(db, ident)

    def end_and_release(row: Any) -> bool:
        with database.write() as db:
            table.finish_import(db, row.id, "failed", LoadStats(), "an internal error")
        return False

    made = ImportSupervisor(database, 1 << 30, Path("nowhere"))
    assert made._has_large_imports()
    monkeypatch.setattr(supervisor, "_is_locked", end_and_release)
    assert not made._has_large_imports()


def test_an_import_that_is_put_off_and_cancelled_is_cancelled(
    database: Database, tmp_path: Path
) -> None:
    ident = add_waiting_import(database, tmp_path / "upload", 10)
    found = claim_next_import(database, small=True)
    assert found is not None
    with database.write() as db:
        table.request_cancellation(db, ident)
    ending = threading.Event()
    ending.set()
    worker.run_import(database, *found, 1 << 30, ending)
    assert read_import(database, ident).state == "cancelled"
    assert not (tmp_path / "upload").exists()


@pytest.mark.parametrize(
    ("failed", "will_pass"),
    [
        (PoolTimeoutError(), True), (psycopg.OperationalError("gone"), True),
        (psycopg.errors.ReadOnlySqlTransaction(), True), (psycopg.errors.DiskFull(), True),
        (psycopg.errors.ProgramLimitExceeded(), False),
        (psycopg.errors.InvalidTextRepresentation(), False),
        (sqlite3.OperationalError("disk is full"), True), (ValueError(), False),
    ],
)  # fmt: skip
def test_only_transient_errors_are_retried(failed: Exception, will_pass: bool) -> None:
    assert is_transient_failure(failed) is will_pass
    if isinstance(failed, psycopg.Error | sqlite3.Error):
        assert is_transient_failure(DBAPIError("SELECT 1", {}, failed)) is will_pass
