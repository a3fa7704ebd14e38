"""Measure one process against two on the same database: `python -m bench.workers`.

Question A of `bench.usage` is asked over 1, 32 and 128 connections, by `wrk` on the same
processors: what counts is CPU time per answer, since client, server and PostgreSQL share them.
Meanwhile `/healthz` is asked; at the end the service is stopped with 200 change streams open.

    python -m bench.workers --events 100000 --folder /tmp/usage --on sqlite
"""

import argparse
import http.client
import os
import re
import signal
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app.db.engine import Database
from bench.http import SERVICE, find_postmaster, run_server
from bench.questions import build_questions
from bench.usage import MEMORY, AnswerCost, ask_server, open_databases

CONNECTIONS = (1, 32, 128)
STREAMS = 200
PAUSE = 0.02
"""Seconds between two looks at `/healthz`."""


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """What was measured of a service with some number of processes."""

    costs: dict[int, AnswerCost]
    health: dict[int, float]
    """The 99th percentile of `/healthz` in milliseconds, by connections."""
    memory: list[float]
    """MiB of each process that answers."""
    stopping: float
    """Seconds from SIGTERM to the end, with `STREAMS` streams."""


@contextmanager
def watch_health(port: int) -> Iterator[list[float]]:
    """Ask `/healthz` all the time, and collect how many milliseconds each answer took."""
    found: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not ended.wait(PAUSE):
            begun = time.perf_counter()
            client.request("GET", "/healthz")
            client.getresponse().read()
            found.append(1000 * (time.perf_counter() - begun))
        client.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def list_answering_processes(pid: int) -> list[int]:
    """Return the children of a supervisor that answer, or the only process."""
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(fields[1]) == pid and b"spawn_main" in command:
                children.append(int(entry.name))
    return children or [pid]


def read_memory(pid: int) -> float:
    """Return the memory that a process has for itself, in MiB.

    Without pages of files: each connection to SQLite maps the whole file, and the resident size
    would count its pages as often.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def stop_with_streams(port: int, pid: int) -> float:
    """Open streams, end the service, and return how many seconds it took."""
    streams = []
    while len(streams) < STREAMS:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("GET", "/v1/changes/stream")
        answer = client.getresponse()
        if answer.status == 200:
            streams.append((client, answer))
        else:  # the overload of the last figures has not ended yet
            client.close()
            time.sleep(0.1)
    begun = time.perf_counter()
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}/fd").exists() and _has_files(pid):
        time.sleep(0.02)
    spent = time.perf_counter() - begun
    for client, _ in streams:
        client.close()
    return spent


def _has_files(pid: int) -> bool:
    """Return whether a process still runs: one that only waits for its parent has no files."""
    try:
        return any(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


@contextmanager
def run_services(url: str, workers: Sequence[int]) -> Iterator[dict[int, tuple[int, int]]]:
    """Run a service for each number of processes, and yield port and process of each."""
    with ExitStack() as stack:
        found = {}
        for number in workers:
            os.environ |= {MEMORY: "0", "ENTENTE_WORKERS": str(number)}
            found[number] = stack.enter_context(run_server(url, SERVICE))
        yield found


def measure_services(
    url: str, workers: Sequence[int], seconds: float, rounds: int
) -> dict[int, ServiceFigures]:
    """Measure services with some numbers of processes by turns; the best of some rounds counts.

    What else the machine does makes everything slower and dearer, never faster.
    """
    database = Database(url)
    paths, postmaster = build_questions(database)["A"], find_postmaster(database)
    database.close()
    found: dict[int, ServiceFigures] = {}
    with run_services(url, workers) as services:
        costs: dict[int, dict[int, list[AnswerCost]]] = {n: {} for n in workers}
        health: dict[int, dict[int, list[float]]] = {n: {} for n in workers}
        for port, pid in services.values():
            ask_server(port, paths, 32, 2, [pid])
        for _ in range(rounds):
            for many in (0, *CONNECTIONS):
                for number, (port, pid) in services.items():
                    watched = [pid] if postmaster is None else [pid, postmaster]
                    with watch_health(port) as answers:
                        if many:
                            cost = ask_server(port, paths, many, seconds, watched)
                            costs[number].setdefault(many, []).append(cost)
                        else:
                            time.sleep(seconds)
                    p99 = statistics.quantiles(answers, n=100)[98]
                    health[number].setdefault(many, []).append(p99)
        for number, (port, pid) in services.items():
            memory = [read_memory(one) for one in list_answering_processes(pid)]
            best = {many: _choose_best(several) for many, several in costs[number].items()}
            quickest = {many: min(several) for many, several in health[number].items()}
            found[number] = ServiceFigures(best, quickest, memory, stop_with_streams(port, pid))
    return found


def _choose_best(several: Sequence[AnswerCost]) -> AnswerCost:
    least = min(several, key=lambda one: one.cpu)
    fastest = max(several, key=lambda one: one.rate)
    p99 = min(one.p99 for one in several)
    return replace(least, rate=fastest.rate, refused=fastest.refused, p99=p99)


def format_figures(found: dict[int, ServiceFigures]) -> str:
    """Format the figures as a table in Markdown."""
    lines = [
        "| processes |" + "".join(f" at {n} |" for n in CONNECTIONS) + " idle | MiB | SIGTERM |"
    ]
    lines.append("|---|" + "--:|" * (len(CONNECTIONS) + 3))
    for workers, one in found.items():
        cells = ""
        for many in CONNECTIONS:
            cost = one.costs[many]
            split = f"{cost.server:,.0f}" + (f" + {cost.database:,.0f}" if cost.database else "")
            refused = f", {cost.refused} refused" if cost.refused else ""
            cells += f" {cost.rate:,.0f}/s, {split} µs, p99 {cost.p99:.0f} ms"
            cells += f", healthz {one.health[many]:.1f} ms{refused} |"
        memory = ", ".join(f"{m:.0f}" for m in one.memory)
        cells += f" healthz {one.health[0]:.1f} ms | {memory} | {one.stopping:.1f} s |"
        lines.append(f"| {workers} |{cells}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print one table for each database."""
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where what is made is kept")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--url", action="append", help="filled already; may be repeated")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    asked = parser.parse_args()
    asked.on, asked.peers = asked.on or ("sqlite", "postgresql"), False
    with open_databases(asked) as urls:
        for url, _ in urls:
            workers = [int(n) for n in asked.workers.split(",")]
            found = measure_services(url, workers, asked.seconds, asked.rounds)
            print(f"{url.partition(':')[0]}: answers a second, CPU an answer (+ PostgreSQL's), p99")
            print(format_figures(found), "\n", flush=True)


if __name__ == "__main__":
    main()
