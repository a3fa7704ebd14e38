"""An export takes as much memory for many events as for few."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from conftest import GENERATED_EVENTS, copy_database
from postgres import Server
from soak import IN_FULL, choose_size

from app.db.engine import Database
from bench.generate import fill_database

EVENTS = choose_size(GENERATED_EVENTS, 40_000)
FEW = "2014-02"
"""The last month of the generator's ten years that a first, small export takes: some 650 events."""
MOST = 200
"""MiB of a whole process, whatever it has loaded."""
GROWTH = 25
"""MiB: a chunk, a row group, and what the second export finds warm. All at once, 15,000
events would take some 40."""
pytestmark = [pytest.mark.slow, pytest.mark.soak]
FORMS = ("ndjson", "csv", "parquet", "arrow")
PROGRAM = """
import json, os, re, sys
from pathlib import Path
import app.main
from app.db.engine import Database
from app.events.filter import EventQuery
from app.feeds.export import open_export
from app.feeds.registry import FEED_FORMATS
from app.page_models import Links

url, few, *forms = sys.argv[1:]

def export(database, form, **more):
    asked = EventQuery.model_validate({"format": form, **more})
    opened = open_export(form, asked, database, b"test", lambda *_: Links(self="test"))
    size = sum(map(len, FEED_FORMATS[form].write(opened.feed)))
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
    return size, int(peak) / 1024

for form in forms:  # each in a process of its own, with a peak of its own, that imports nothing
    child = os.fork()
    if not child:
        database = Database(url)
        print(json.dumps([form, export(database, form, until=few), export(database, form)]))
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(form)
"""


@pytest.fixture(scope="module")
def url(kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """A generated record."""
    folder = tmp_path_factory.mktemp("memory")
    if EVENTS == GENERATED_EVENTS:
        return copy_database(kind, "memory", folder, request, "generated")
    found = f"sqlite:///{folder / 'many.db'}"
    if kind == "postgresql":
        server: Server = request.getfixturevalue("server")
        found = server.create_database(f"memory-{uuid4().hex[:8]}")
    database = Database(found)
    fill_database(database, EVENTS)
    database.close()
    return found


@pytest.fixture(scope="module")
def exports(url: str, kind: str) -> dict[str, list[tuple[int, float]]]:
    """Bytes and peak in MiB of a small and of the whole export, by form."""
    # How rows are read depends on the database, how they are written does not.
    forms = FORMS if kind == "sqlite" or IN_FULL else FORMS[:1]
    command = [sys.executable, "-c", PROGRAM, url, FEW, *forms]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {form: [few, all_] for form, few, all_ in map(json.loads, done.stdout.splitlines())}


@pytest.mark.on_both  # what is left out on one is skipped below
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read the peak from")
@pytest.mark.parametrize("form", FORMS)
def test_the_peak_does_not_grow_with_the_events(
    exports: dict[str, list[tuple[int, float]]], form: str
) -> None:
    if form not in exports:
        pytest.skip("how rows are read depends on the database, how they are written does not")
    (few, first), (all_, last) = exports[form]
    assert all_ > few * 10
    assert last - first < GROWTH
    assert last < MOST
