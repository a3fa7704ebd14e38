"""Measure the service under overload, with its clients on the same processors.

`python -m bench.overload --seconds 20` fills nothing: it serves a database with the bundled data.
"""

import argparse
import re
import resource
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import uvloop

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from bench.http import read_cpu_seconds, run_server
from bench.overload_clients import (
    LARGE,
    STREAM,
    Load,
    Work,
    ask_at_rate,
    ask_in_turns,
    run_load,
)

SLOW_READERS, STREAMS = 500, 200
REFUSING = ("-m", "bench.refusing", "serve")
REFUSALS = 3000
"""Questions a second that are refused, to measure what one costs."""
IDLE_SHARE = 0.05
"""Share of a processor below which a server does nothing."""


def _run_load(port: int, seconds: float, work: Work, slow: tuple[bytes, ...] = ()) -> Load:
    return uvloop.run(run_load(port, seconds, work, slow))


def _read_megabytes(pid: int) -> float:
    """Return the memory of a process and of those below it, shared pages in parts."""
    total = 0.0
    with suppress(OSError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.findall(r"^Pss: +([0-9]+)", rollup, re.MULTILINE)[0]) / 1000
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text().split()
            total += sum(_read_megabytes(int(child)) for child in children)
    return total


def _pick(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def _read_own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def wait_until_idle(pid: int) -> None:
    """Wait until a server has done its background work, such as the shifts of new events."""
    for _ in range(120):
        before = read_cpu_seconds(pid)
        time.sleep(1)
        if read_cpu_seconds(pid) - before < IDLE_SHARE:
            return
    raise TimeoutError("the server works without being asked")


def measure_refusal(url: str, seconds: float) -> float:
    """Return the seconds of CPU, of the kernel too, that the server spends on a refusal."""
    with run_server(url, REFUSING) as (port, pid):
        wait_until_idle(pid)
        _run_load(port, 1, ask_at_rate(REFUSALS))
        before = read_cpu_seconds(pid)
        load = _run_load(port, seconds, ask_at_rate(REFUSALS))
        assert set(load.statuses) == {503}, load.statuses
        return (read_cpu_seconds(pid) - before) / load.statuses[503]


def measure_overload(url: str, seconds: float, only: str) -> None:
    """Print what each load does to a server on a database."""
    if "refusal".startswith(only):
        print(f"CPU of a refusal: {1e6 * measure_refusal(url, min(seconds, 5)):.0f} µs", flush=True)
    with run_server(url) as (port, pid):
        wait_until_idle(pid)
        _run_load(port, 2, ask_in_turns(8))  # everything is imported and cached
        idle = _pick(_run_load(port, min(seconds, 5), ask_in_turns(1)).waits, 0.5)
        capacity = _run_load(port, seconds, ask_in_turns(8)).statuses[200] / seconds
        print(f"idle p50 {1000 * idle:.2f} ms; capacity, 8 clients: {capacity:.0f} a second")
        print("CPU: of the server and of the generator, in processors; late: of the generator")
        print(
            "load                       goodput  refused/s  p50/idle  p99 ms  most  health p99"
            "  most  CPU        late  lost    MB"
        )
        slow = (LARGE,) * SLOW_READERS + (STREAM,) * STREAMS
        loads: list[tuple[str, Work, tuple[bytes, ...]]] = [
            ("open loop, 2 times", ask_at_rate(2 * capacity), ()),
            ("open loop, 4 times", ask_at_rate(4 * capacity), ()),
            ("256 that retry at once", ask_in_turns(256), ()),
            ("800 that retry at once", ask_in_turns(800), ()),
            ("8 beside 700 slow readers", ask_in_turns(8), slow),
        ]
        for name, work, beside in loads:
            if only not in name:
                continue
            begun, cpu, own = time.monotonic(), read_cpu_seconds(pid), _read_own_seconds()
            load = _run_load(port, seconds, work, beside)
            assert set(load.statuses) <= {200, 503}, load.statuses
            taken = time.monotonic() - begun
            cpu, own = (read_cpu_seconds(pid) - cpu) / taken, (_read_own_seconds() - own) / taken
            print(
                f"{name:26} {load.statuses[200] / seconds / capacity:7.0%}"
                f" {load.statuses[503] / seconds:10.0f}"
                f" {_pick(load.waits, 0.5) / idle:9.1f}"
                f" {1000 * _pick(load.waits, 0.99):7.0f} {1000 * load.waits[-1]:5.0f}"
                f" {1000 * _pick(load.health, 0.99):11.0f} {1000 * load.health[-1]:5.0f}"
                f"  {cpu:.2f}+{own:.2f}"
                f" {1000 * _pick(load.lateness, 0.5):6.1f} {load.lost:5}"
                f" {_read_megabytes(pid):5.0f}",
                flush=True,
            )


def main() -> None:
    """Fill an SQLite database with the bundled data, or use `--url`, and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="per load")
    parser.add_argument("--url", help="a database that is filled already")
    parser.add_argument("--only", default="", help="loads whose names contain this")
    asked = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if asked.url:
        measure_overload(asked.url, asked.seconds, asked.only)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        url = f"sqlite:///{place}/bench.db"
        database = Database(url)
        upgrade_schema(database)
        load_bundled_data(database)
        database.close()
        measure_overload(url, asked.seconds, asked.only)


if __name__ == "__main__":
    main()
