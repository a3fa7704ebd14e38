"""Loads that several processes share: whatever one process would do, they do."""

import json
import multiprocessing
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_database
from sqlalchemy import select, text

from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.tables import events, revisions
from app.ingest.loading import batch_writer, preparers
from app.ingest.loading import loader as loader_module
from app.ingest.loading.batch_writer import BatchWriter
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.loader import Loader
from app.ingest.loading.report import build_load_report
from app.ingest.readers.files import open_input_files
from app.ingest.readers.rows import Reject
from bench.crash import OTHERS
from ingest.loading import BY, find_faults, load_file, write_file
from ingest.rows import join_events, make_event, make_table

ROWS = 60
BATCH = 20
WHOLE = {
    **OTHERS,
    "months": "SELECT * FROM month_counts ORDER BY actor, dataset, month, type",
    "roles": "SELECT * FROM role_days ORDER BY actor, month",
    "actors": "SELECT code, name, kind FROM actors ORDER BY code",
    "unresolved": "SELECT * FROM unresolved ORDER BY event, part",
    "coverage": "SELECT code, first, last FROM datasets ORDER BY code",
}


DOCUMENTS = (
    select(events.c.id, document_of(revisions), revisions.c.revision)
    .join(revisions, revisions.c.seq == events.c.seq)
    .where(events.c.dataset != "curated")
    .order_by(events.c.id)
)


class EagerThreads:
    """Does each thing at once, before what is in front of it is written."""

    def __init__(self, _threads: int, _name: str) -> None:
        pass

    def submit(self, work: Callable[..., Any], *order: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*order))
        return done

    def shutdown(self, **_: bool) -> None:
        pass


class OwnPreparer:
    """This process, where another one and the connection to it are expected."""

    def __init__(self, url: str) -> None:
        self._preparer = preparers._Preparer(url)
        self._answer: bytes | str = b""

    def send(self, order: preparers.BatchOrder) -> None:
        self._answer = preparers._prepare_order(self._preparer, order)

    def recv(self) -> bytes | str:
        return self._answer

    def close(self) -> None:
        self._preparer.database.close()

    def join(self) -> None:
        pass


def reach_own_preparer(pool: Any) -> OwnPreparer:
    """Return what prepares in this process, in place of `PreparerPool._reach_process`."""
    if not pool._started:
        pool._started.append((OwnPreparer(pool._url),) * 2)
    found: OwnPreparer = pool._started[0][0]
    return found


@pytest.fixture
def twin(
    kind: str, content: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """Another database like `database`, for what one process does."""
    made = Database(copy_database(kind, "twin", tmp_path, request, content))
    yield made
    made.close()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches of few rows, for which other processes are started."""
    for name in ("FIRST", "MIN", "MAX"):
        monkeypatch.setattr(batch_writer, f"{name}_BATCH_ROWS", BATCH)
    monkeypatch.setattr(loader_module, "ROWS_BETWEEN_CHECKS", BATCH)
    monkeypatch.setattr(loader_module, "MIN_SHARED_ROWS", 1)
    monkeypatch.setattr("app.ingest.loading.tuning.gc.freeze", lambda: None)
    monkeypatch.setattr("app.ingest.loading.tuning.gc.set_threshold", lambda *_: None)


@pytest.fixture
def in_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches prepared in this process, as late as other processes could prepare them."""
    request.getfixturevalue("small_batches")
    monkeypatch.setattr(preparers, "ThreadPoolExecutor", EagerThreads)
    monkeypatch.setattr(preparers.PreparerPool, "_reach_process", reach_own_preparer)


def _make_source(n: int) -> Any:
    if n % 10 == 9:
        return f"named-{n // 20}"  # from a row of an earlier batch, or of none
    page = {"publisher": f"P{n % 4}", "title": f"T{n % 5}", "url": f"https://p.example/{n % 23}"}
    if n % 10 == 3:
        return {**page, "id": f"named-{n // 20 + 1}", "url": f"https://own.example/{n // 20}"}
    if n % 10 == 5:  # the page of one that has an id of its own
        return {**page, "url": f"https://own.example/{n // 20}"}
    if n % 7 == 0:
        page["reliability"] = "ABC"[n % 3]
    return page | {"published": f"2020-01-{1 + n % 9:02}"}


def make_rows(count: int = ROWS) -> list[dict[str, Any]]:
    """Make rows that share sources and unknown actors; some are rejected, some come twice."""
    return [
        make_event(
            f"k{n - 30 if n % 17 == 16 and n > 30 else n}",
            title=f"Title {n}",
            date="no" if n % 13 == 12 else f"20{n % 20:02}-03-04",
            participants=[{"actor": a} | {"role": r} for a, r in (
                ("ARM", "initiator"), (("Party One", "Party Two", "RUS")[n % 3], "target"))],
            location={"country": "name:Zedland"} if n % 11 == 1 else {"country": "ARM"},
            reports=[{"source": _make_source(n)}, {"source": _make_source(n * 3 + 1)}],
        )
        for n in range(count)
    ]  # fmt: skip


def write_inputs(folder: Path) -> list[Path]:
    """Write a file of each kind: JSON, tables with and without quotes, lines of a rejects file."""
    rows = make_rows()
    gdelt = [
        {"globaleventid": f"{n}", "sourceurl": f"https://news.example/{n % 9}",
         "actor2code": "XYZ" if n % 8 == 1 else "RUS", "goldsteinscale": "x" if n == 30 else "-2.0"}
        for n in range(2 * BATCH)
    ]  # fmt: skip
    ucdp = [{"id": f"{n}", "best": "9" if n == 7 else "3"} for n in range(2 * BATCH)]
    changed = [{**row, "title": "Changed"} if n % 6 == 0 else row for n, row in enumerate(rows)]
    mended = [
        {"line": n, "field": "", "reason": "", "format": "entente", "row": row, "dataset": name}
        for n, (row, name) in enumerate(zip(rows[:BATCH], ["one", "two"] * BATCH, strict=False))
    ]
    return [
        write_file(folder / "a.ndjson", join_events(*rows) + '{"key": "cut"\n'),
        write_file(folder / "b.export.CSV", make_table("gdelt-v2", gdelt)),
        write_file(folder / "c.csv", make_table("ucdp-ged", ucdp)),
        write_file(folder / "d.ndjson", join_events(*mended)),
        write_file(folder / "e.ndjson", join_events(*changed, make_event("new"))),
    ]


def load_all(
    database: Database, paths: Sequence[Path], jobs: int, **options: Any
) -> tuple[list[Reject], dict[str, Any]]:
    """Load files; return the rejected rows and the report."""
    rejects: list[Reject] = []
    listener = LoadListener(rejects.append)
    loader = Loader(database, BY, LoadOptions(**options), listener, jobs=jobs)
    failed = loader.load_files([file for path in paths for file in open_input_files(path)])
    with database.connect() as db:
        report = build_load_report(db, loader.stats, errors=failed, dry_run=False, seconds=0)
    return rejects, report.model_dump()


def read_whole(database: Database) -> dict[str, Any]:
    """Read all that loads store, without instants and numbers of revisions."""
    with database.connect() as db:
        found = {name: [tuple(r) for r in db.execute(text(q))] for name, q in WHOLE.items()}
        documents = db.execute(DOCUMENTS).all()
    plain = [(i, d.partition(',"recorded_at":')[0], n) for i, d, n in documents]
    return found | {"documents": plain}


@pytest.mark.slow
@pytest.mark.on_both
@pytest.mark.parametrize("options", [{}, {"create_actors": True}])
@pytest.mark.usefixtures("in_process")
def test_several_processes_store_what_one_does(
    database: Database, twin: Database, tmp_path: Path, options: dict[str, Any]
) -> None:
    paths = write_inputs(tmp_path)
    rejects, report = load_all(twin, paths, 1, **options)
    assert all(report[name] for name in ("new", "changed", "rejected", "duplicates"))
    again, other = load_all(database, paths, 2, **options)
    assert other == report
    assert again == rejects
    stored, expected = read_whole(database), read_whole(twin)
    for name in expected:
        assert stored[name] == expected[name], name
    assert find_faults(database) == []
    unchanged = load_all(database, paths[:2], 3, **options)[1]
    assert unchanged["new"] == 0


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
def test_a_dry_run_and_new_events_alone_are_as_with_one_process(
    database: Database, twin: Database, tmp_path: Path
) -> None:
    paths = write_inputs(tmp_path)[::4]
    assert load_all(database, paths, 2, dry_run=True) == load_all(twin, paths, 1, dry_run=True)
    assert load_all(database, paths, 2, mode="insert") == load_all(twin, paths, 1, mode="insert")
    assert read_whole(database) == read_whole(twin)


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
def test_others_write_while_batches_are_prepared(database: Database, tmp_path: Path) -> None:
    rows = make_rows(6 * BATCH)
    path = write_file(tmp_path / "a.ndjson", join_events(*rows))
    source = {"publisher": "Theirs", "title": "Theirs", "url": "https://p.example/11"}
    theirs = [
        [make_event("x1", reports=[{"source": source}])],
        [make_event(f"k{4 * BATCH}", title="Theirs")],
        [make_event("x2", participants=[{"actor": "Party One", "role": "target"}])],
    ]
    at = []

    def write_others(done: int, _position: int) -> None:
        at.append(done)
        if theirs:
            other = write_file(tmp_path / f"{done}.ndjson", join_events(*theirs.pop(0)))
            load_file(database, other, create_actors=True)

    listener = LoadListener(on_progress=write_others)
    loader = Loader(database, BY, LoadOptions(), listener, jobs=2)
    assert loader.load_files([*open_input_files(path)]) == []
    assert at == [BATCH * n for n in range(1, 7)]
    assert loader.stats.changed == 1  # the event that the others had stored
    assert find_faults(database) == []
    with database.connect() as db:
        unknown = db.execute(text("SELECT event FROM unresolved WHERE name = 'Party One'"))
        late = {f"local:k{n}" for n in range(3 * BATCH, 6 * BATCH)}
        assert not {row[0] for row in unknown} & late


class LateReady:
    """Says that a pool is ready when it is asked for the fifth time."""

    def __init__(self) -> None:
        self.asked = 0

    def done(self) -> bool:
        self.asked += 1
        return self.asked > 4


@pytest.mark.usefixtures("in_process")
def test_what_waits_for_a_process_is_sent_as_soon_as_it_is_ready(
    database: Database, twin: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[int] = []
    prepare, start = BatchWriter._prepare_batch, preparers.PreparerPool.__init__
    monkeypatch.setattr(
        BatchWriter,
        "_prepare_batch",
        lambda *v: prepared.append(v[2].rows[0].number) or prepare(*v),
    )

    def start_late(pool: preparers.PreparerPool, *arguments: Any) -> None:
        start(pool, *arguments)
        pool.ready = LateReady()  # type: ignore[assignment]

    monkeypatch.setattr(preparers.PreparerPool, "__init__", start_late)
    page = {"publisher": "P", "url": "https://p.example/a"}
    rows = [make_event(f"k{n}", reports=[{"source": page}]) for n in range(5 * BATCH)]
    path = write_file(tmp_path / "a.ndjson", join_events(*rows))
    report = load_all(database, [path], 2)
    assert prepared == [1, 1 + BATCH]  # the third waited, and was sent with the fourth
    assert report == load_all(twin, [path], 1)
    assert read_whole(database) == read_whole(twin)
    assert find_faults(database) == []


@pytest.mark.usefixtures("in_process")
def test_sources_that_another_batch_described_otherwise(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []
    prepare = BatchWriter._prepare_batch
    monkeypatch.setattr(
        BatchWriter, "_prepare_batch", lambda *v: prepared.append(v[2]) or prepare(*v)
    )
    source = {"publisher": "P", "url": "https://p.example/a"}
    rows = [
        make_event(f"k{n}", reports=[{"source": {**source, "publisher": f"P{n}", "title": f"{n}",
                                                 "published": f"2020-01-0{1 + n // BATCH}"}}])
        for n in range(3 * BATCH)
    ]  # fmt: skip
    path = write_file(tmp_path / "a.ndjson", join_events(*rows))
    load_file(database, path, jobs=2)
    assert prepared == []  # none was prepared again
    assert find_faults(database) == []
    with database.connect() as db:
        [source_row] = db.execute(text("SELECT publisher, title, published FROM sources"
                                       " WHERE url = 'https://p.example/a'"))  # fmt: skip
        documents = [json.loads(row[1]) for row in db.execute(DOCUMENTS)]
    assert source_row == ("P0", "0", "2020-01-01")
    reports = [document["reports"][0] for document in documents]
    assert len(reports) == 3 * BATCH
    assert {(r["publisher"], r["title"], r["published"]) for r in reports} == {tuple(source_row)}


@pytest.mark.slow
@pytest.mark.usefixtures("small_batches")
def test_a_process_that_dies_ends_the_load(database: Database, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.ndjson", join_events(*make_rows(12 * BATCH)))
    later = write_file(tmp_path / "b.ndjson", join_events(make_event("later")))

    def kill_one(done: int, _position: int) -> None:
        assert loader._pool is not None
        loader._pool.ready.result()
        if done == 3 * BATCH:
            for process in multiprocessing.active_children():
                process.kill()

    listener = LoadListener(on_progress=kill_one)
    loader = Loader(database, BY, LoadOptions(), listener, jobs=2)
    [message] = loader.load_files([*open_input_files(path), *open_input_files(later)])
    assert message.startswith(f"{path} was not loaded to its end: a process")
    assert loader.stats.rows % BATCH == 0
    assert 3 * BATCH <= loader.stats.rows < 12 * BATCH
    assert multiprocessing.active_children() == []
    assert find_faults(database) == []
    assert load_all(database, [path], 2)[1]["errors"] == []
    assert find_faults(database) == []


@pytest.mark.slow
@pytest.mark.usefixtures("small_batches")
@pytest.mark.by_turns
def test_a_process_that_dies_while_it_sends_ends_the_load(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path / "a.ndjson", join_events(*make_rows(12 * BATCH)))
    monkeypatch.setattr(preparers, "_prepare_orders", send_half_of_an_answer)
    loader = Loader(database, BY, LoadOptions(), LoadListener(), jobs=3)

    def wait_for_process(_done: int, _position: int) -> None:
        assert loader._pool is not None
        loader._pool.ready.result()

    loader.listener = LoadListener(on_progress=wait_for_process)
    [message] = loader.load_files([*open_input_files(path)])
    assert "a process that prepares rows died" in message
    assert multiprocessing.active_children() == []
    assert find_faults(database) == []


def send_half_of_an_answer(_url: str, asked: Connection) -> None:
    """What a process does that is killed in the middle of sending."""
    asked.send(None)
    asked.recv()
    os.write(asked.fileno(), struct.pack("!i", 1 << 20) + b"x" * 1000)
    os._exit(1)
