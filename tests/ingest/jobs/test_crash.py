"""Killed at any point and loaded again, or loaded by several at once: the same in the end."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from ingest.loading import find_faults, load_file, read_documents
from ingest.rows import join_events, make_event
from soak import choose_size

from app.db.engine import Database
from app.ingest.jobs.job_store import FINAL_STATES, SMALL_IMPORT_BYTES, add_import, find_import
from app.ingest.jobs.supervisor import ImportSupervisor
from app.ingest.loading.load_options import LoadOptions

ROOT = Path(__file__).resolve().parents[3]
ROWS = 3000


def start_load(database: Database, *files: Path) -> subprocess.Popen[bytes]:
    """A load in a process of its own."""
    url = database.engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-m", "app", "load", *map(str, files), "--json"],
        cwd=ROOT, env={**os.environ, "ENTENTE_DATABASE_URL": url},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def write_files(folder: Path, parts: Sequence[range]) -> list[Path]:
    """Files of events; where they overlap they say the same."""
    found = []
    for number, part in enumerate(parts):
        path = folder / f"{number}.ndjson"
        path.write_text(join_events(*(_make_event(n) for n in part)))
        found.append(path)
    return found


def _make_event(n: int) -> dict[str, object]:
    who = ["ARM", "RUS", "USA", "AZE", "TUR", "IRN"]
    pair = [{"actor": who[n % 6], "role": "initiator"}, {"actor": who[n % 5], "role": "target"}]
    source = {"publisher": "P", "title": "T", "url": f"https://p.example/{n % 700}"}
    day = f"20{10 + n % 12}-0{1 + n % 9}-1{n % 10}"
    return make_event(f"k{n}", date=day, participants=pair, reports=[{"source": source}])


@pytest.mark.soak
@pytest.mark.slow
def test_killed_and_loaded_again(database: Database, tmp_path: Path) -> None:
    [path] = write_files(tmp_path, [range(ROWS)])
    dice = random.Random(7)
    for _ in range(choose_size(1, 10)):
        process = start_load(database, path)
        time.sleep(1.5 + dice.random() * 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert find_faults(database) == []
    load_file(database, path)
    stored = read_documents(database, "local")
    assert len(stored) == ROWS
    assert find_faults(database) == []
    loader, _ = load_file(database, path)
    assert loader.stats.unchanged == ROWS
    assert stored == read_documents(database, "local")


@pytest.mark.slow
def test_four_loaders_at_once(database: Database, tmp_path: Path) -> None:
    """Two commands, an import in the service and one in its process for imports."""
    paths = write_files(
        tmp_path, [range(0, 900), range(600, 1500), range(1200, 2100), range(300, 1800)]
    )
    paths[2].write_text("".join(paths[2].read_text().splitlines(keepends=True)[:500]))
    assert paths[2].stat().st_size <= SMALL_IMPORT_BYTES < paths[3].stat().st_size
    kept = [path.read_text() for path in paths]
    loaders = [start_load(database, path) for path in paths[:2]]
    runner = ImportSupervisor(database, 1 << 30, tmp_path)
    with database.write() as db:
        for path in paths[2:]:
            add_import(db, path.stem, LoadOptions(), "loader", str(path), path.stat().st_size)
    runner.start()
    assert [loader.wait(timeout=240) for loader in loaders] == [0, 0]
    ends = [read_end(database, path.stem) for path in paths[2:]]
    runner.stop()
    assert ends == [("done", 500), ("done", 1500)]
    together = read_documents(database, "local")
    assert len(together) == 1800
    assert find_faults(database) == []
    for path, text in zip(paths, kept, strict=True):
        path.write_text(text)
        loader, _ = load_file(database, path)
        assert loader.stats.unchanged == loader.stats.rows
    assert together == read_documents(database, "local")


def read_end(database: Database, ident: str) -> tuple[str, int]:
    """How an import ended, and how many rows it had."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        with database.connect() as db:
            row = find_import(db, ident)
        assert row is not None
        if row.state in FINAL_STATES:
            return row.state, row.done
        time.sleep(0.1)
    raise AssertionError("the import does not end")
