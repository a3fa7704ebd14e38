"""Measure what a page costs over HTTP: CPU time of the server and of PostgreSQL."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from app.db.engine import Database
from app.events.filter import EventQuery
from bench.timeline import SECRET, PageCost, build_cases

TICK = os.sysconf("SC_CLK_TCK")


SERVICE = ("-m", "app", "serve")
CEILING = ("-m", "uvicorn", "bench.ceiling:app", "--no-access-log", "--log-level=warning")


@contextmanager
def run_server(
    url: str, program: Sequence[str] = SERVICE, **environment: str
) -> Iterator[tuple[int, int]]:
    """Run a program in a process of its own, and yield its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, *program, "--port", str(port)]
    settings = {"ENTENTE_DATABASE_URL": url, "ENTENTE_CURSOR_KEY": SECRET.decode()}
    process = subprocess.Popen(
        command,
        env=os.environ | settings | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(6000):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise TimeoutError("the service did not start within five minutes")
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(60)  # on a machine that is busy with other work
        except subprocess.TimeoutExpired:  # it still works on questions whose clients are gone
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class RequestCase:
    """Addresses of one shape that are requested from one server."""

    name: str
    client: http.client.HTTPConnection
    pid: int
    postmaster: int | None
    addresses: Sequence[str]
    cached: bool = False
    """Whether the client has the answers already and sends their ETags."""


def measure_http(url: str, requests: int = 1500, rounds: int = 5) -> list[PageCost]:
    """Measure every case over one connection, round after round.

    PostgreSQL's share is the CPU time of all its processes. The last cases are ceilings: the same
    page without a database.
    """
    database = Database(url)
    postmaster = find_postmaster(database)
    todo = [(name, [_build_address(one) for one in asked]) for name, asked in build_cases(database)]
    database.close()
    with run_server(url) as (port, pid), run_server(url, CEILING) as (other, other_pid):
        ours = http.client.HTTPConnection("127.0.0.1", port)
        theirs = http.client.HTTPConnection("127.0.0.1", other)
        chosen = [RequestCase(name, ours, pid, postmaster, asked) for name, asked in todo]
        first = todo[0][1]
        chosen += [
            RequestCase("unchanged: 304", ours, pid, postmaster, first, cached=True),
            RequestCase("framework, constant body", theirs, other_pid, None, first),
            RequestCase("no framework", theirs, other_pid, None, ["/bare"]),
        ]
        spent = {case.name: [0.0, 0.0] for case in chosen}
        for case in chosen:
            _send_requests(case, 40)
        for _ in range(rounds):
            for case in chosen:
                cpu, wall = _read_case_seconds(case), time.perf_counter()
                _send_requests(case, requests // rounds)
                spent[case.name][0] += _read_case_seconds(case) - cpu
                spent[case.name][1] += time.perf_counter() - wall
    done = requests // rounds * rounds
    return [
        PageCost(name, cpu / done * 1e6, wall / done * 1e6) for name, (cpu, wall) in spent.items()
    ]


def _read_case_seconds(case: RequestCase) -> float:
    return sum(read_cpu_seconds(pid) for pid in (case.pid, case.postmaster) if pid is not None)


def _send_requests(case: RequestCase, requests: int) -> None:
    tags: dict[str, str] = {}
    case.client.close()  # it was idle, and the server may be about to close it
    for n in range(requests):
        address = case.addresses[n % len(case.addresses)]
        headers = {"If-None-Match": tags[address]} if case.cached and address in tags else {}
        case.client.request("GET", address, headers=headers)
        answer = case.client.getresponse()
        body = answer.read()
        assert answer.status == (304 if headers else 200), body[:500]
        assert headers or len(body) > 1000, body[:500]
        tags[address] = answer.headers.get("ETag", "")


def _build_address(asked: EventQuery) -> str:
    parameters = asked.model_dump(exclude_defaults=True)
    return f"/v1/events?{urlencode(parameters, doseq=True)}"


def read_cpu_seconds(pid: int) -> float:
    """Return the CPU seconds so far of a process, of those below it, and of those that ended."""
    spent: dict[int, int] = {}
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process may end while we look
            after = stat.read_text().rpartition(")")[2].split()
            spent[int(stat.parent.name)] = sum(int(ticks) for ticks in after[11:15])
            below.setdefault(int(after[1]), []).append(int(stat.parent.name))
    found, total = [pid], 0
    for one in found:  # it grows meanwhile
        total += spent.get(one, 0)
        found += below.get(one, ())
    return total / TICK


def find_postmaster(database: Database) -> int | None:
    """Return the id of the parent of all PostgreSQL processes, or None on SQLite."""
    if database.engine.dialect.name == "sqlite":
        return None
    with database.connect() as db:
        folder = db.exec_driver_sql("SHOW data_directory").scalar_one()
    return int(Path(folder, "postmaster.pid").read_text().split()[0])
