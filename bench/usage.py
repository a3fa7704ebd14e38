"""Measure what readers ask, over many connections: `python -m bench.usage`.

A served database of made-up events is asked the questions below by `wrk` (a Debian package), with
parameters that rotate. What counts is CPU time per answer, of the server with all its processes and
of PostgreSQL; times by the clock tell little on a busy machine. In the same run the ceiling is
measured: the framework alone, with seven plain parameters and a constant body as large as a page;
and with `--peers`, other ways to answer A from the same events (`bench.peers`).

    python -m bench.usage --events 200000 --folder /tmp/usage     # kept there, filled once
    python -m bench.usage --url postgresql://user@host/filled --only A,T --connections 8
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psycopg
from sqlalchemy import create_engine

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from bench.http import find_postmaster, read_cpu_seconds, run_server
from bench.loading import ROOT, write_events
from bench.peers import fill_plain_tables, serve_peers
from bench.questions import build_questions

sys.path.insert(0, str(ROOT / "tests"))
CEILING, AGAIN = "ceiling", "A again, remembered"
MEMORY = "ENTENTE_ANSWER_MEMORY_BYTES"
"""The memory of answers is off but for `AGAIN`, since parameters of readers differ more."""
SCRIPT = """
local requests, at = {}, 0
init = function(arguments)
  for path in io.lines(arguments[1]) do requests[#requests + 1] = wrk.format("GET", path) end
  at = math.random(#requests)
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
"""
CEILING_PROGRAM = (
    "-m", "uvicorn", "bench.ceiling:app", "--no-access-log", "--log-level=warning",
)  # fmt: skip
BARE = "no framework"
SLOW_SECONDS = 8.0
"""At least as long are peers asked, of which some answer a few times a second."""


@dataclass(frozen=True, slots=True)
class AnswerCost:
    """What an answer cost: microseconds of CPU, milliseconds of waiting, and refusals."""

    server: float
    database: float
    median: float
    p99: float
    refused: int
    rate: float
    """Answers a second."""

    @property
    def cpu(self) -> float:
        """Microseconds of CPU of server and database."""
        return self.server + self.database


def fill_with_events(url: str, count: int, folder: Path) -> None:
    """Load `count` made-up events through the command, and find their shifts."""
    path = folder / f"{count}.ndjson"
    if not path.exists():
        write_events(path, count)
    database = Database(url)
    upgrade_schema(database)
    load_bundled_data(database)
    database.close()
    settings = os.environ | {"ENTENTE_DATABASE_URL": url}
    for command in (["load", "--dataset", "bench", str(path)], ["shifts", "refresh"]):
        subprocess.run([sys.executable, "-m", "app", *command], env=settings, check=True)


def fill_for_peers(url: str, count: int, folder: Path) -> None:
    """Fill plain tables with the events that `fill_with_events` loaded from the folder."""
    engine = create_engine(url)
    fill_plain_tables(engine, folder / f"{count}.ndjson")
    engine.dispose()


@contextmanager
def open_databases(asked: argparse.Namespace) -> Iterator[list[tuple[str, str]]]:
    """Yield the addresses of the databases to measure, which are filled where they are new.

    Beside each is that of plain tables for peers, empty unless `--peers` asks for them.
    """
    from postgres import run_postgresql  # noqa: PLC0415

    if asked.url:
        yield [(url, "") for url in asked.url]
        return
    wanted = {"usage": fill_with_events}
    if asked.peers:
        wanted["plain"] = fill_for_peers
    with ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        if "sqlite" in asked.on:
            urls = {"usage": "", "plain": ""}
            for name, fill in wanted.items():
                file = folder / f"{name}-{asked.events}.db"
                urls[name] = f"sqlite:///{file.resolve()}"
                if not file.exists():
                    fill(urls[name], asked.events, folder)
            found.append((urls["usage"], urls["plain"]))
        if "postgresql" in asked.on:
            server = stack.enter_context(run_postgresql())
            with psycopg.connect(f"{server.address}/postgres") as db:
                there = {name for (name,) in db.execute("SELECT datname FROM pg_database")}
            urls = {"usage": "", "plain": ""}
            for name, fill in wanted.items():
                database = f"{name}_{asked.events}"
                address = server.address.replace("postgresql:", "postgresql+psycopg:")
                urls[name] = f"{address}/{database}"
                if database not in there:
                    server.create_database(database)
                    fill(urls[name], asked.events, folder)
            found.append((urls["usage"], urls["plain"]))
        yield found


def ask_server(
    port: int, paths: Sequence[str], connections: int, seconds: float, processes: Sequence[int]
) -> AnswerCost:
    """Ask one server over several connections at once, and measure the processes given.

    `processes` are the server's and, on PostgreSQL, the postmaster's; their children count too.
    """
    with tempfile.TemporaryDirectory() as place:
        script, list_of_paths = Path(place, "rotate.lua"), Path(place, "paths")
        script.write_text(SCRIPT)
        list_of_paths.write_text("\n".join(paths) + "\n")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout=60"]
        command += ["-s", str(script), f"http://127.0.0.1:{port}", "--", str(list_of_paths)]
        before = [read_cpu_seconds(pid) for pid in processes]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        spent = [read_cpu_seconds(pid) - b for pid, b in zip(processes, before, strict=True)]
    found = re.search(r"(\d+) requests in", told)
    assert found is not None, told
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    wrong = int(refused[1]) if refused else 0
    answered = max(1, int(found[1]) - wrong)
    each = [1e6 * s / answered for s in spent]
    times = {share: _read_milliseconds(told, share) for share in ("50%", "99%")}
    rate = answered / seconds
    return AnswerCost(each[0], sum(each[1:]), times["50%"], times["99%"], wrong, rate)


def _read_milliseconds(told: str, share: str) -> float:
    found = re.search(rf"{share}\s+([0-9.]+)(us|ms|s|m)\b", told)
    assert found is not None, told
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[found[2]]


def read_mean_size(port: int, paths: Sequence[str]) -> int:
    """Return the mean size in bytes of some answers, each of which must have status 200."""
    return round(
        statistics.mean(len(urlopen(f"http://127.0.0.1:{port}{path}").read()) for path in paths)
    )


def read_days(port: int, path: str) -> list[str]:
    """Return the days of the events that a page has, in its order."""
    answer = json.load(urlopen(f"http://127.0.0.1:{port}{path}"))
    if isinstance(answer, dict):
        answer = answer.get("data") or answer.get("items")
    return [event.get("date") or event["day"] for event in answer]


def measure_usage(
    url: str, connections: Sequence[int], seconds: float, only: Sequence[str]
) -> tuple[dict[tuple[str, int], AnswerCost], int]:
    """Measure every question over each number of connections, and the ceiling in the same run.

    Returns the costs by (question, connections), and the size of a page in bytes.
    """
    database = Database(url)
    questions = build_questions(database)
    postmaster = find_postmaster(database)
    database.close()
    chosen = {name: paths for name, paths in questions.items() if not only or name in only}
    found: dict[tuple[str, int], AnswerCost] = {}
    with ExitStack() as stack:
        os.environ[MEMORY] = "0"
        port, pid = stack.enter_context(run_server(url))
        os.environ[MEMORY] = str(64 << 20)
        recalling, recalling_pid = stack.enter_context(run_server(url))
        size = read_mean_size(port, questions["A"][:40])
        os.environ["BENCH_BODY"] = str(size)
        other, other_pid = stack.enter_context(run_server(url, CEILING_PROGRAM))
        plain = [path.replace("/v1/events", "/plain") for path in questions["A"]]
        for paths in chosen.values():
            read_mean_size(port, paths[:2])  # what is worked out once is not measured
        for many in connections:
            processes = [pid] if postmaster is None else [pid, postmaster]
            ask_server(other, plain, many, 1, [other_pid])
            found[CEILING, many] = ask_server(other, plain, many, seconds, [other_pid])
            found[BARE, many] = ask_server(other, ["/bare"], many, seconds, [other_pid])
            for name, paths in chosen.items():
                ask_server(port, paths, many, 1, processes)
                found[name, many] = ask_server(port, paths, many, seconds, processes)
            if "A" in chosen:
                processes[0] = recalling_pid
                ask_server(recalling, chosen["A"], many, 2, processes)
                found[AGAIN, many] = ask_server(recalling, chosen["A"], many, seconds, processes)
    return found, size


def measure_peers(
    url: str, plain_url: str, connections: Sequence[int], seconds: float
) -> dict[tuple[str, int], AnswerCost]:
    """Measure the question A of the service at `url`, answered from plain tables by others."""
    database = Database(url)
    paths = build_questions(database)["A"]
    postmaster = find_postmaster(database)
    database.close()
    found: dict[tuple[str, int], AnswerCost] = {}
    with serve_peers(plain_url, paths) as peers, run_server(url) as (port, _):
        ours = [read_days(port, f"{path}&dataset=bench") for path in paths[:5]]
        for peer in peers:
            theirs = [read_days(peer.port, path) for path in peer.paths[:5]]
            if theirs != ours:
                raise ValueError(f"{peer.name} answers events of other days")
        for many in connections:
            for peer in peers:
                processes = [peer.pid] if postmaster is None else [peer.pid, postmaster]
                found[peer.name, many] = ask_server(
                    peer.port, peer.paths, many, max(seconds, SLOW_SECONDS), processes
                )
    return found


def format_usage(costs: dict[tuple[str, int], AnswerCost], connections: Sequence[int]) -> str:
    """Format the costs as a table in Markdown, a row for each question."""
    lines = ["| question |" + "".join(f" at {n} |" for n in connections)]
    lines.append("|---|" + "--:|" * len(connections))
    for name in dict.fromkeys(name for name, _ in costs):
        cells = []
        for many in connections:
            cost, ceiling = costs[name, many], costs[CEILING, many]
            split = f"{cost.server:,.0f}" + (f" + {cost.database:,.0f}" if cost.database else "")
            share = "" if name == CEILING else f" ({ceiling.cpu / cost.cpu:.2f})"
            refused = f"; {cost.refused} refused" if cost.refused else ""
            cells.append(f" {split}{share}; {cost.median:.1f}, {cost.p99:.0f} ms{refused} |")
        lines.append(f"| {name} |" + "".join(cells))
    return "\n".join(lines)


def main() -> None:
    """Measure and print one table for each database."""
    parser = argparse.ArgumentParser(prog="python -m bench.usage", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where what is made is kept")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--url", action="append", help="filled already; may be repeated")
    parser.add_argument("--only", default="", help="questions, by commas")
    parser.add_argument("--connections", default="1,8,32")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    parser.add_argument("--peers", action="store_true", help="A, answered by others too")
    asked = parser.parse_args()
    asked.on = asked.on or ("sqlite", "postgresql")
    connections = [int(n) for n in asked.connections.split(",")]
    with open_databases(asked) as urls:
        for url, plain_url in urls:
            only = [name for name in asked.only.split(",") if name]
            costs, size = measure_usage(url, connections, asked.seconds, only)
            print(f"{url.partition(':')[0]}: µs of CPU (share of the ceiling); p50, p99")
            print(f"a page of 50 has {size:,} bytes\n")
            print(format_usage(costs, connections), "\n", flush=True)
            if plain_url:
                peers = measure_peers(url, plain_url, connections, asked.seconds)
                ceilings = {key: cost for key, cost in costs.items() if key[0] == CEILING}
                print(format_usage(ceilings | peers, connections), "\n", flush=True)


if __name__ == "__main__":
    main()
