"""Measure the export of every event in each streaming format: rows a second and peak memory.

Run `python -m bench.exports URL`. Each format runs in a process of its own, so that one's peak is
not another's; CPU is that process's, without PostgreSQL's. On PostgreSQL, a raw `COPY … TO STDOUT`
of the same documents is measured for comparison.
"""

import argparse
import multiprocessing
import os
import re
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.output_formats import OutputFormat
from app.feeds.export import open_export
from app.feeds.registry import FEED_FORMATS
from app.page_models import Links

FORMS: tuple[OutputFormat, ...] = ("ndjson", "csv", "parquet", "arrow")


def measure_export(
    url: str, form: OutputFormat, into: Path = Path(os.devnull)
) -> tuple[float, float, int, float]:
    """Write every event; return seconds, CPU seconds of this process, bytes and peak MiB."""
    asked = EventQuery.model_validate({"format": form})
    with closing(Database(url)) as database, into.open("wb") as out:
        begun, spent, size = time.perf_counter(), time.process_time(), 0
        opened = open_export(form, asked, database, b"bench", lambda *_: Links(self="bench"))
        for part in FEED_FORMATS[form].write(opened.feed):
            size += out.write(part)
        return time.perf_counter() - begun, time.process_time() - spent, size, _read_peak()


def measure_copy(url: str) -> tuple[float, float, int, float]:
    """Read stored documents by PostgreSQL's COPY; return the same figures as for an export."""
    with closing(Database(url)) as database, database.connect() as db:
        raw = db.connection.driver_connection
        assert raw is not None
        begun, spent, size = time.perf_counter(), time.process_time(), 0
        rows = (
            "SELECT coalesce(r.packed, convert_to(r.document, 'UTF8'))"
            " FROM events e JOIN revisions r ON r.seq = e.seq"
        )
        with raw.cursor() as cursor, cursor.copy(f"COPY ({rows}) TO STDOUT") as parts:
            for part in parts:
                size += len(part)
        return time.perf_counter() - begun, time.process_time() - spent, size, _read_peak()


def _read_peak() -> float:
    # Not getrusage: its peak outlives exec, and would be that of the parent.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def main() -> None:
    """Print one row for each format."""
    parser = argparse.ArgumentParser(prog="python -m bench.exports", description=__doc__)
    parser.add_argument("url")
    url = parser.parse_args().url
    with closing(Database(url)) as database, database.connect() as db:
        count = int(db.scalar(text("SELECT count(*) FROM events")) or 0)
        kind = database.engine.dialect.name
    print(f"{count:,} events on {kind}\n\n| form | rows/s | CPU µs/row | MB | peak MiB |")
    print("|---|---|---|---|---|")
    jobs = [(form, measure_export, (url, form)) for form in FORMS]
    if kind == "postgresql":
        jobs.append(("COPY", measure_copy, (url,)))  # type: ignore[arg-type]
    fresh = multiprocessing.get_context("spawn")
    for name, job, arguments in jobs:
        with fresh.Pool(1) as pool:
            seconds, spent, size, peak = pool.apply(job, arguments)
        rate, each = f"{count / seconds:,.0f}", f"{spent / count * 1e6:.1f}"
        print(f"| {name} | {rate} | {each} | {size / 1e6:,.0f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
