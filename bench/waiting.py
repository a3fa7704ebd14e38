"""Measure how long readers wait while a file is loaded, against an idle service.

Run `python -m bench.waiting`. One reader requests the newest events of one state after another,
over one connection. First nothing else happens, then a command loads a file, then the service
imports one, and then it updates the shifts that both changed.
"""

import argparse
import http.client
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.access.keys import create_key
from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from bench.crash import request_json, start_load, start_service
from bench.loading import write_events

STATES = ("ARM", "RUS", "USA", "AZE", "TUR", "FRA", "DEU", "IRN", "GEO", "CHN")


def time_requests(port: int, going_on: Callable[[], bool]) -> list[float]:
    """Send requests while `going_on` is true, and return the milliseconds of each."""
    found, number = [], 0
    reader = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while going_on():
        begun = time.perf_counter()
        reader.request("GET", f"/v1/events?actor={STATES[number % len(STATES)]}&limit=50")
        answer = reader.getresponse()
        answer.read()
        found.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"a reader was answered {answer.status}")
        number += 1
    reader.close()
    return found


def print_waits(name: str, found: list[float], idle: list[float]) -> None:
    """Print the median and the 99th percentile, and their ratios to an idle service."""
    middle, most = statistics.median(found), statistics.quantiles(found, n=100)[98]
    base = statistics.median(idle), statistics.quantiles(idle, n=100)[98]
    print(
        f"  {name}: {len(found):,} answers, p50 {middle:.1f} ms ({middle / base[0]:.1f} of idle),"
        f" p99 {most:.1f} ms ({most / base[1]:.1f} of idle)",
        flush=True,
    )


def measure_waits(url: str, place: Path, files: list[Path], seconds: float) -> None:
    """Measure how long readers wait on one database."""
    upgrade_schema(database := Database(url))
    load_bundled_data(database)
    with database.write() as db:
        key = create_key(db, "bench", "write")
    database.close()
    if start_load(url, files[0]).wait():
        raise RuntimeError("the first load failed")
    process, port = start_service(url, place / "uploads")
    try:
        ends = time.monotonic() + seconds
        idle = time_requests(port, lambda: time.monotonic() < ends)
        print_waits("idle", idle, idle)
        loading = start_load(url, files[1])
        print_waits(
            "while a command loads", time_requests(port, lambda: loading.poll() is None), idle
        )
        made = request_json(port, "/v1/imports", key, files[2].read_bytes())

        def is_importing() -> bool:
            now = request_json(port, f"/v1/imports/{made['id']}", key)["state"]
            return now in ("waiting", "running")

        found: list[float] = []
        while is_importing():
            until = time.monotonic() + 1
            found += time_requests(port, lambda until=until: time.monotonic() < until)  # type: ignore[misc]
        print_waits("while it imports", found, idle)
        until = time.monotonic() + seconds
        print_waits(
            "then, updating shifts", time_requests(port, lambda: time.monotonic() < until), idle
        )
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Measure on both databases and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.waiting", description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    wanted = parser.parse_args()
    from postgres import run_postgresql  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, run_postgresql() as server:
        place = Path(folder)
        files = [place / f"{n}.ndjson" for n in range(3)]
        for n, path in enumerate(files):
            write_events(path, wanted.events, after=n * wanted.events, of=3 * wanted.events)
        for kind in wanted.on or ("sqlite", "postgresql"):
            print(kind, flush=True)
            made: Any = f"sqlite:///{place}/w.db"
            url = made if kind == "sqlite" else server.create_database("waiting")
            measure_waits(url, place, files, wanted.seconds)


if __name__ == "__main__":
    main()
