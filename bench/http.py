"""What a page costs over HTTP: CPU time of the server, and of the PostgreSQL behind it."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from app.db.engine import Database
from app.events.filter import EventQuery
from bench.timeline import SECRET, Cost, cases

TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(url: str) -> Iterator[tuple[int, int]]:
    """The service in a process of its own: its port and its id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    given = {"ENTENTE_DATABASE_URL": url, "ENTENTE_CURSOR_KEY": SECRET.decode()}
    process = subprocess.Popen(command, env=os.environ | given, stdout=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise TimeoutError("the service did not start within a minute")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def measure_http(url: str, requests: int = 1500) -> list[Cost]:
    """Every case over one connection; PostgreSQL's share is that of all processes it has."""
    database = Database(url)
    postmaster = _postmaster(database)
    todo = [(name, [_address(one) for one in asked]) for name, asked in cases(database)]
    database.close()
    found = []
    with serving(url) as (port, pid):
        client = http.client.HTTPConnection("127.0.0.1", port)
        for name, addresses in todo:
            _ask(client, addresses, 40)
            before, begun = _cpu(pid, postmaster), time.perf_counter()
            _ask(client, addresses, requests)
            spent = _cpu(pid, postmaster) - before
            wall = time.perf_counter() - begun
            found.append(Cost(name, spent / requests * 1e6, wall / requests * 1e6))
    return found


def _ask(client: http.client.HTTPConnection, addresses: list[str], requests: int) -> None:
    for n in range(requests):
        client.request("GET", addresses[n % len(addresses)])
        answer = client.getresponse()
        body = answer.read()
        assert answer.status == 200, body[:500]
        assert len(body) > 1000, body[:500]


def _address(asked: EventQuery) -> str:
    given = asked.model_dump(exclude_defaults=True)
    return f"/v1/events?{urlencode(given, doseq=True)}"


def _cpu(pid: int, postmaster: int | None) -> float:
    """Seconds that the server has run, with those of the PostgreSQL behind it, if there is one."""
    spent, _ = _of(Path(f"/proc/{pid}/stat").read_text())
    for stat in Path("/proc").glob("[0-9]*/stat") if postmaster else ():
        with suppress(OSError):  # a process may end while we look
            ticks, parent = _of(stat.read_text())
            spent += ticks if postmaster in (parent, int(stat.parent.name)) else 0
    return spent / TICK


def _postmaster(database: Database) -> int | None:
    """The process of which all those of PostgreSQL are children; it waits for those that end."""
    if database.engine.dialect.name == "sqlite":
        return None
    with database.connect() as db:
        held = db.exec_driver_sql("SHOW data_directory").scalar_one()
    return int(Path(held, "postmaster.pid").read_text().split()[0])


def _of(stat: str) -> tuple[int, int]:
    after = stat.rpartition(")")[2].split()
    return int(after[11]) + int(after[12]), int(after[1])
