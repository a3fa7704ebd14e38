"""How fast GDELT is followed: slots of a simulated month from a stand-in on loopback, on one core.

`python -m bench.follow [SLOTS] [ROWS]` prints the rows a second, the memory before, after and every
few hundred files, and how long the slots of a day's outage take to catch up.
"""

import os
import resource
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import Event, Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from pull.pulling import make_settings, make_wire, publish_slot
from pull.stand_in import list_slots, run_sources

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.ingest.loading.tuning import tune_process_for_loading
from app.pull.items import PullItem, PullWindow
from app.pull.round import Round
from app.pull.sources import SourceOptions, make_source
from app.pull.terms import require_terms

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY_SLOTS, FILES_BETWEEN_MARKS = 96, 400


def serve_slots(count: int, rows: int, pipe: Connection, ended: Any) -> None:
    """Serve slots, in a process of its own."""
    slots = list_slots(BEGIN, count)
    with run_sources(slots[-1] + timedelta(minutes=5)) as sources:
        for at in slots:
            publish_slot(sources, at, rows)
        pipe.send(sources.url)
        ended.wait()


def read_memory() -> int:
    """Return the resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def follow_slots(database: Database, url: str, window: PullWindow) -> None:
    """Pull the slots of a window, and print what that took."""
    settings = make_settings(type("Place", (), {"url": url})())
    source = make_source("gdelt", settings, SourceOptions())
    require_terms(database, source, accepts=True, now="2026-01-01T00:00:00Z")
    begun, cpu, before = time.perf_counter(), time.process_time(), read_memory()
    passed: list[int] = []

    def note_memory(_: PullItem, number: int, __: int) -> None:
        if not number % FILES_BETWEEN_MARKS:
            passed.append(read_memory())
            print(f"{number} files, {time.process_time() - cpu:.0f} s, {passed[-1]} MB", flush=True)

    with closing(make_wire(settings)) as wire:
        one = Round(database, source, wire, window, is_forced=True, order="oldest")
        one.on_item = note_memory
        report = one.run()
    seconds, used = time.perf_counter() - begun, time.process_time() - cpu
    files = sum(report.outcomes.values())
    print(
        f"{files} files, {report.rows:,} rows in {seconds:.1f} s ({used:.1f} s of CPU):"
        f" {report.rows / seconds:,.0f} rows/s, {1000 * seconds / files:.1f} ms a file;"
        f" memory {before} MB before, {read_memory()} MB after, {passed} every"
        f" {FILES_BETWEEN_MARKS} files,"
        f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB at most",
        flush=True,
    )


def main(slots: int, rows: int) -> None:
    """Follow the slots but for the last day, and then those."""
    here, there = Pipe()
    ended = Event()
    server = Process(target=serve_slots, args=(slots, rows, there, ended))
    server.start()
    try:
        url = here.recv()
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/follow.db")
            upgrade_schema(database)
            load_bundled_data(database)
            tune_process_for_loading(database)
            outage = min(DAY_SLOTS, slots // 2)
            rest = BEGIN + (slots - outage - 1) * timedelta(minutes=15)
            follow_slots(database, url, PullWindow(BEGIN, rest))
            follow_slots(database, url, PullWindow(rest, None))
            database.close()
    finally:
        ended.set()
        server.join()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3] or ("2880", "100")))
