"""Rebuilding shifts: by one process or several, and after a kill."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import make
import pytest
from acts import load_batches, make_acts
from msgspec import structs
from soak import choose_size
from sqlalchemy import Connection, insert, text, update

from app.db import dialect
from app.db.dialect.fast_statements import SWITCH
from app.db.engine import Database
from app.db.tables import dyads, shifts
from app.events.changes import write_events
from app.shifts.materialized import calibration, read, statements, verify, worker
from app.shifts.materialized import rebuild as refreshing
from app.shifts.materialized.rebuild import DyadPartition, rebuild_stale_dyads
from app.shifts.materialized.worker import ShiftWorker
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.null_model import NullModel


def test_writes_over_http_wake_the_refresher(database: Database) -> None:
    awake = ShiftWorker(database, delay=0.01)
    awake.start()
    try:
        dataset = load_batches(database, [make_acts(11)])
        with database.write() as db:
            write_events(db, make_acts(11)[:1], dataset, make.BY)
        for _ in range(200):
            with database.connect() as db:
                if not read.has_stale_dyads(db, dataset):
                    break
            awake._closed.wait(0.05)
        with database.connect() as db:
            assert not read.has_stale_dyads(db, dataset)
    finally:
        awake.close()
    assert not awake._thread.is_alive()


def test_what_another_process_wrote_is_rebuilt_once_it_rests(
    database: Database,
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    awake = ShiftWorker(database, delay=0.01, pause=0.2)
    awake.start()
    try:
        with closing(Database(url)) as elsewhere:
            dataset = load_batches(elsewhere, [make_acts(11)])
            with elsewhere.write() as db:
                write_events(db, make_acts(11)[:1], dataset, make.BY)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with database.connect() as db:
                if not read.has_stale_dyads(db):
                    break
            time.sleep(0.05)
        with database.connect() as db:
            assert not read.has_stale_dyads(db)
    finally:
        awake.close()


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.by_turns
@pytest.mark.parametrize("processes", [choose_size(2, 3)])
def test_many_stale_dyads_are_rebuilt_by_processes_of_their_own(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    processes: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(worker, "DYADS_PER_PROCESS", 1)
    monkeypatch.setattr(worker, "count_processors", lambda: processes)
    dataset = load_batches(database, [make_acts(11)])
    with database.write() as db:
        db.execute(update(dyads).values(segmented=-1))
    monkeypatch.setattr(worker, "MAX_IN_PROCESS", 0)
    monkeypatch.setattr(worker, "rebuild_stale_dyads", None)
    awake = ShiftWorker(database, delay=0.01)
    awake.start()
    try:
        awake._due.set()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with database.connect() as db:
                if not read.has_stale_dyads(db, dataset):
                    break
            time.sleep(0.1)
    finally:
        awake.close()
    with database.connect() as db:
        assert not read.has_stale_dyads(db, dataset)
        assert list(verify.verify_stored_shifts(db)) == []
    assert not caplog.records


def test_a_rate_that_a_killed_process_left_is_brought_up_to_date(database: Database) -> None:
    load_batches(database, [make_acts(11)])
    with database.write() as db:
        db.execute(update(shifts).values(q=0.123))
    assert rebuild_stale_dyads(database) == 0
    with database.connect() as db:
        assert list(verify.verify_stored_shifts(db)) == []


@pytest.mark.by_turns
@pytest.mark.slow
def test_a_service_that_ends_takes_the_process_along(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def slow(_: str) -> subprocess.Popen[bytes]:
        wait = (
            "import time, app.shifts.materialized.worker as r;"
            " r.rebuild_stale_dyads = lambda *_: time.sleep(60)"
        )
        words = [sys.executable, "-c", f"{wait}; r.rebuild_partition_from_stdin()"]
        started.append(subprocess.Popen(words, stdin=subprocess.PIPE, bufsize=0))
        return started[-1]

    load_batches(database, [make_acts(11)])
    with database.write() as db:
        db.execute(update(dyads).values(segmented=-1))
    monkeypatch.setattr(worker, "MAX_IN_PROCESS", 0)
    monkeypatch.setattr(worker, "start_worker_process", slow)
    awake = ShiftWorker(database, delay=0.01)
    awake.start()
    awake._due.set()
    until = time.monotonic() + 60
    while not started and time.monotonic() < until:
        time.sleep(0.05)
    begun = time.monotonic()
    awake.close()
    assert time.monotonic() - begun < 30
    assert {child.returncode for child in started} == {0}


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.bundled
def test_a_process_that_fails_is_an_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", "raise SystemExit(3)"]
        return subprocess.Popen(words, stdin=subprocess.PIPE, bufsize=0)

    monkeypatch.setattr(worker, "start_worker_process", failing)
    with database.write() as db:
        db.execute(update(dyads).values(segmented=-1))
    monkeypatch.setattr(worker, "MAX_IN_PROCESS", 0)
    with pytest.raises(worker.RebuildProcessError, match="ended with 3"):
        worker.rebuild_in_processes(database, threading.Event())


def test_shares_of_dyads_are_all_of_them_and_each_once() -> None:
    pairs = [(f"A{a}", f"B{b}") for a in range(30) for b in range(30)]
    shares = [
        [share.contains_pair(pair) for share in (DyadPartition(n, 3) for n in range(3))]
        for pair in pairs
    ]
    assert all(sum(row) == 1 for row in shares)
    assert all(250 < sum(column) < 350 for column in zip(*shares, strict=True))
    assert all(DyadPartition(0, 1).contains_pair(pair) for pair in pairs)


def test_dyad_changed_during_rebuild_stays_stale(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_batches(database, [make_acts(9)])
    more = structs.replace(make_acts(9)[0], key="more")
    with database.write() as db:
        write_events(db, [more], dataset, make.BY)
    look = refreshing._find_shifts_and_months

    def interrupted(*arguments: Any) -> Any:
        result = look(*arguments)
        with database.write() as db:
            write_events(db, [structs.replace(more, key="late")], dataset, make.BY)
        return result

    monkeypatch.setattr(refreshing, "_find_shifts_and_months", interrupted)
    assert rebuild_stale_dyads(database) == 0
    with database.connect() as db:
        assert read.has_stale_dyads(db, dataset)
    monkeypatch.setattr(refreshing, "_find_shifts_and_months", look)
    assert rebuild_stale_dyads(database) == 1
    with database.connect() as db:
        assert list(verify.verify_stored_shifts(db)) == []


@pytest.mark.parametrize("meanwhile", ["all", "the others"])
def test_two_rebuilds_at_once_leave_no_old_rate(
    database: Database, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    dataset = load_batches(database, [make_acts(11)])
    with database.write() as db:
        db.execute(update(dyads).where(dyads.c.dataset == dataset).values(segmented=-1))
    look, calls = refreshing._find_shifts_and_months, []

    def interrupted(db: Connection, of: str, pairs: Any, _: Any) -> Any:
        looked = look(db, of, pairs)
        if not calls:
            calls.append(looked)
            with database.connect() as other:
                every = read.read_stale_pairs(other, of)
            theirs = [pair for pair in every if meanwhile == "all" or pair not in pairs]
            with database.connect() as other:
                found = look(other, of, theirs)
            with database.write() as other:
                refreshing._write_rebuilt(other, of, found)
                refreshing._update_q(other, of)
        else:
            raise KeyboardInterrupt  # as if it were killed after its first part
        return looked

    monkeypatch.setattr(refreshing, "_find_shifts_and_months", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rebuild_stale_dyads(database, 2)
    with database.connect() as db:
        assert not read.has_stale_dyads(db, dataset)
        assert list(verify.verify_stored_shifts(db)) == []


def test_a_calibration_while_dyads_are_looked_at_leaves_them_stale(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_batches(database, [make_acts(9)])
    with database.write() as db:
        db.execute(update(dyads).where(dyads.c.dataset == dataset).values(segmented=-1))
    look = refreshing._find_shifts_and_months

    def interrupted(*arguments: Any) -> Any:
        result = look(*arguments)
        with database.write() as db:
            calibration.save_calibration(
                db, Calibration(NullModel(constant=1.5), 0.42), [dataset], 12, 400
            )
        return result

    monkeypatch.setattr(refreshing, "_find_shifts_and_months", interrupted)
    assert rebuild_stale_dyads(database, 10_000) == 0
    with database.connect() as db:
        assert read.has_stale_dyads(db, dataset)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_marks_are_looked_up_by_key_also_where_all_were_stale_when_analysed(
    database: Database, kind: str
) -> None:
    """Otherwise the first load of an analysed database costs the square of its dyads."""
    rows = [
        {
            "one": f"A{n:05d}",
            "other": "B",
            "dataset": "d",
            "changed": 1,
            "segmented": 0,
            "since": "",
        }
        for n in range(5_000)
    ]
    with database.write() as db:
        db.execute(insert(dyads), rows)
    with database.connect() as db:
        db.execute(text("ANALYZE"))
    run = statements.compile_marks_of_pairs(kind)
    parameters = dialect.values_table_params(
        kind, statements.PAIR, [("A00001", "B"), ("A00002", "B")]
    ) | {"wanted": "d"}
    with database.connect() as db:
        db.execution_options(**{SWITCH: True})  # the text is run, not the statement
        plan = replace(run, text=f"EXPLAIN QUERY PLAN {run.text}").fetch_rows(db, parameters)
        assert "SEARCH dyads USING PRIMARY KEY" in str(plan)
        assert [row[:2] for row in run.fetch_rows(db, parameters)] == [
            ("A00001", "B"),
            ("A00002", "B"),
        ]
