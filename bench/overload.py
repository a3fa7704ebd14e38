"""Measure the service under overload, with its clients on the same processors.

`python -m bench.overload --seconds 20` serves a database with the bundled data alone; `--on
postgresql` starts a server for it.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from bench.http import read_cpu_seconds, run_server
from bench.loading import ROOT
from bench.overload_clients import (
    LARGE,
    STREAM,
    Load,
    Work,
    ask_at_rate,
    ask_in_turns,
    run_load,
)

sys.path.insert(0, str(ROOT / "tests"))
SLOW_READERS, STREAMS = 500, 200
REFUSING = ("-m", "bench.refusing", "serve")
REFUSALS = 3000
"""Questions a second that are refused, to measure what one costs."""
IDLE_SHARE = 0.05
"""Share of a processor below which a server does nothing."""
TURNS = 4
"""Stretches of each load, by turns with the clients it is compared with.

What else a machine does changes within a minute, and so what one client or eight of them get."""


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


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What a load did to a server; times in seconds."""

    name: str
    idle: float
    """Median of what a single client waited just before each stretch."""
    capacity: float
    """Answers a second that eight clients got just before each stretch."""
    goodput: float
    """Answers, as a share of what eight clients get alone."""
    refused: float
    """Refusals a second."""
    median: float
    """Median of what admitted questions waited, as a multiple of that of an idle server."""
    late: float
    """The 99th percentile of it."""
    latest: float
    health: float
    """The longest that `/healthz` took."""
    server: float
    generator: float
    """Processors that the server and the generator used."""
    behind: float
    """Median of how much later than due the generator sent questions; NaN where none were due."""
    lost: int
    megabytes: float

    def __str__(self) -> str:
        return (
            f"{self.name:38} {1000 * self.idle:7.2f} {self.capacity:8.0f}"
            f" {self.goodput:7.0%} {self.refused:10.0f} {self.median:9.1f}"
            f" {1000 * self.late:7.0f} {1000 * self.latest:5.0f} {1000 * self.health:11.0f}"
            f"  {self.server:.2f}+{self.generator:.2f} {1000 * self.behind:6.1f} {self.lost:5}"
            f" {self.megabytes:5.0f}"
        )


HEAD = (
    "load                                  idle ms capacity goodput  refused/s  p50/idle  p99 ms"
    "  most  health most  CPU        late  lost    MB"
)


def measure_overload(url: str, seconds: float, only: str = "") -> Iterator[LoadFigures]:
    """Yield what each load does to a server on a database."""
    # All ask the same question, whose answer would be remembered.
    with run_server(url, ENTENTE_ANSWER_MEMORY_BYTES="0") as (port, pid):
        wait_until_idle(pid)
        _run_load(port, 2, ask_in_turns(8))  # everything is imported and cached
        slow = (LARGE,) * SLOW_READERS + (STREAM,) * STREAMS
        loads: list[tuple[str, Callable[[float], Work], tuple[bytes, ...]]] = [
            ("open loop, 2 times", lambda capacity: ask_at_rate(2 * capacity), ()),
            ("open loop, 4 times", lambda capacity: ask_at_rate(4 * capacity), ()),
            ("256 that retry at once", lambda _: ask_in_turns(256), ()),
            ("800 that retry at once", lambda _: ask_in_turns(800), ()),
            # For the last: eight that wait for each other are no overload, but wait all the same.
            ("8 that are all answered", lambda _: ask_in_turns(8), ()),
        ]
        loads += [(f"{name}, slow readers", make_work, slow) for name, make_work, _ in loads]
        for name, make_work, beside in loads:
            if only not in name:
                continue
            figures = [
                _measure_stretch(name, port, pid, seconds / TURNS, make_work, beside)
                for _ in range(TURNS)
            ]
            yield _combine_stretches(figures)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What a stretch of a load did, and what one client and eight got just before."""

    name: str
    idle: float
    capacity: float
    seconds: float
    load: Load
    server: float
    generator: float
    megabytes: float


def _measure_stretch(
    name: str,
    port: int,
    pid: int,
    seconds: float,
    make_work: Callable[[float], Work],
    beside: tuple[bytes, ...],
) -> _Stretch:
    before = seconds / 4
    idle = _pick(_run_load(port, before, ask_in_turns(1)).waits, 0.5)
    capacity = _run_load(port, before, ask_in_turns(8)).statuses[200] / before
    begun, cpu, own = time.monotonic(), read_cpu_seconds(pid), _read_own_seconds()
    load = _run_load(port, seconds, make_work(capacity), beside)
    assert set(load.statuses) <= {200, 503}, load.statuses
    taken = time.monotonic() - begun
    return _Stretch(
        name=name,
        idle=idle,
        capacity=capacity,
        seconds=seconds,
        load=load,
        server=(read_cpu_seconds(pid) - cpu) / taken,
        generator=(_read_own_seconds() - own) / taken,
        megabytes=_read_megabytes(pid),
    )


def _combine_stretches(parts: list[_Stretch]) -> LoadFigures:
    """Return the figures of a load: of its waits all, of its shares the mean or the median."""
    waits = sorted(wait for part in parts for wait in part.load.waits)
    seconds = sum(part.seconds for part in parts)
    could = sum(part.capacity * part.seconds for part in parts)
    return LoadFigures(
        name=parts[0].name,
        idle=statistics.median(part.idle for part in parts),
        capacity=could / seconds,
        goodput=sum(part.load.statuses[200] for part in parts) / could,
        refused=sum(part.load.statuses[503] for part in parts) / seconds,
        median=statistics.median(_pick(part.load.waits, 0.5) / part.idle for part in parts),
        late=_pick(waits, 0.99),
        latest=waits[-1],
        health=max(part.load.health[-1] for part in parts),
        server=statistics.mean(part.server for part in parts),
        generator=statistics.mean(part.generator for part in parts),
        behind=statistics.median(_pick(part.load.lateness, 0.5) for part in parts),
        lost=sum(part.load.lost for part in parts),
        megabytes=parts[-1].megabytes,
    )


def print_overload(url: str, seconds: float, only: str) -> None:
    """Print what a refusal costs, and what each load does to a server on a database."""
    if "refusal".startswith(only):
        print(f"CPU of a refusal: {1e6 * measure_refusal(url, min(seconds, 5)):.0f} µs", flush=True)
    print("CPU: processors used by server and generator; late: median delay of the generator")
    print(HEAD, flush=True)
    for figures in measure_overload(url, seconds, only):
        print(figures, flush=True)


def main() -> None:
    """Fill a database with the bundled data, or use `--url`, and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="per load")
    parser.add_argument("--url", help="a database that is filled already")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--only", default="", help="loads whose names contain this")
    asked = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    from postgres import run_postgresql  # noqa: PLC0415

    with ExitStack() as stack:
        url = asked.url
        if not url:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            url = f"sqlite:///{place}/bench.db"
            if asked.on == "postgresql":
                url = stack.enter_context(run_postgresql()).create_database("bench")
            database = Database(url)
            upgrade_schema(database)
            load_bundled_data(database)
            database.close()
            # The server would begin to compute them while it is measured.
            command = [sys.executable, "-m", "app", "shifts", "refresh"]
            named = os.environ | {"ENTENTE_DATABASE_URL": url}
            subprocess.run(command, env=named, check=True, stdout=subprocess.DEVNULL)
        print_overload(url, asked.seconds, asked.only)


if __name__ == "__main__":
    main()
