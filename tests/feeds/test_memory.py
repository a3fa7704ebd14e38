"""An export takes as much memory for many events as for few."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from postgres import Server
from soak import IN_FULL, choose_size

from app.db.engine import Database
from bench.generate import fill_database

EVENTS = choose_size(15_000, 40_000)
FEW = "2014-02"
"""The last month of the generator's ten years that a first, small export takes: some 650 events."""
MOST = 200
"""MiB of a whole process, whatever it has loaded."""
GROWTH = 25
"""MiB: a chunk, a row group, and what the second export finds warm. All at once, 15,000 of them
would take some 40."""
pytestmark = [pytest.mark.slow, pytest.mark.soak]
PROGRAM = """
import json, re, sys
from pathlib import Path
import app.main
from app.db.engine import Database
from app.events.filter import EventQuery
from app.feeds.export import open_export
from app.feeds.registry import FEED_FORMATS
from app.page_models import Links

url, form, few = sys.argv[1:]
database = Database(url)

def export(**more):
    asked = EventQuery.model_validate({"format": form, **more})
    opened = open_export(form, asked, database, b"test", lambda *_: Links(self="test"))
    size = sum(map(len, FEED_FORMATS[form].write(opened.feed)))
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
    return size, int(peak) / 1024

print(json.dumps([export(until=few), export()]))
"""


@pytest.fixture(scope="module")
def url(kind: str, tmp_path_factory: pytest.TempPathFactory, server: Server) -> str:
    """A generated record."""
    if kind == "sqlite":
        found = f"sqlite:///{tmp_path_factory.mktemp('memory') / 'many.db'}"
    else:
        found = server.create_database(f"memory-{uuid4().hex[:8]}")
    database = Database(found)
    fill_database(database, EVENTS)
    database.close()
    return found


@pytest.mark.on_both  # what is left out on one is skipped below
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read the peak from")
@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet", "arrow"])
def test_the_peak_does_not_grow_with_the_events(url: str, kind: str, form: str) -> None:
    if kind == "postgresql" and form != "ndjson" and not IN_FULL:
        pytest.skip("how rows are read depends on the database, how they are written does not")
    command = [sys.executable, "-c", PROGRAM, url, form, FEW]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (few, first), (all_, last) = json.loads(done.stdout)
    assert all_ > few * 10
    assert last - first < GROWTH
    assert last < MOST
