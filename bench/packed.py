"""Measure what packed documents save and cost: `python -m bench.packed`.

The same made-up events are loaded with `ENTENTE_PACK_LOADS` off and on: bytes of an event by
table, with its indexes, CPU of loading an event, and CPU of a page of 50 over HTTP by `wrk`, in
turns. `--raw` fills both by `bench.generate` instead, and measures bytes alone.

    python -m bench.packed --events 200000 --on sqlite
"""

import argparse
import os
import sqlite3
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.events.verify import find_event_faults
from bench.generate import fill_database
from bench.http import find_postmaster, run_server
from bench.loading import LoadCost, measure_load, write_events
from bench.questions import build_questions
from bench.usage import MEMORY, ask_server

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
SETTING = "ENTENTE_PACK_LOADS"
STATES = {"plain": "false", "packed": "true"}
CONNECTIONS = 8
POSTGRESQL_SIZES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
SQLITE_SIZES = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name"
SQLITE_TABLES = "SELECT name, tbl_name FROM sqlite_schema"


def read_sizes(url: str) -> dict[str, int]:
    """Return the bytes of each table with its indexes."""
    if url.startswith("postgresql"):
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as db:
            db.execute("VACUUM ANALYZE")
            return dict(db.execute(POSTGRESQL_SIZES).fetchall())
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            tables = dict(db.execute(SQLITE_TABLES).fetchall())
            found: dict[str, int] = {}
            for name, size in db.execute(SQLITE_SIZES):
                table = tables.get(name, name)
                found[table] = found.get(table, 0) + size
        except sqlite3.OperationalError:  # a library without dbstat
            [(pages,)], [(size,)] = (
                db.execute(f"PRAGMA {name}").fetchall() for name in ("page_count", "page_size")
            )
            return {"all tables": pages * size}
        return found


def print_sizes(sizes: dict[str, dict[str, int]], count: int) -> None:
    """Print the bytes of an event by table, and in all."""
    names = sorted(sizes["plain"], key=lambda n: -sizes["plain"][n])
    print("| bytes of an event | plain | packed |\n|---|--:|--:|")
    totals = [sum(sizes[state].values()) / count for state in STATES]
    print(f"| all | {totals[0]:,.0f} | {totals[1]:,.0f} |")
    for name in names:
        each = [sizes[state].get(name, 0) / count for state in STATES]
        if max(each) >= 20:
            print(f"| {name} | {each[0]:,.0f} | {each[1]:,.0f} |")
    print(flush=True)


def measure_pages(urls: dict[str, str], seconds: float, rounds: int) -> None:
    """Ask pages of plain and of packed documents in turns, and print the least CPU of each."""
    found: dict[str, list[tuple[float, float]]] = {state: [] for state in STATES}
    with ExitStack() as stack:
        os.environ[MEMORY] = "0"
        asked = {}
        for state, url in urls.items():
            with closing(Database(url)) as database:
                paths, postmaster = build_questions(database)["A"], find_postmaster(database)
            port, pid = stack.enter_context(run_server(url))
            processes = [pid] if postmaster is None else [pid, postmaster]
            ask_server(port, paths, CONNECTIONS, 1, processes)
            asked[state] = port, paths, processes
        for _ in range(rounds):
            for state, (port, paths, processes) in asked.items():
                cost = ask_server(port, paths, CONNECTIONS, seconds, processes)
                found[state].append((cost.server, cost.database))
    best = {state: min(costs, key=sum) for state, costs in found.items()}
    for state, (server, of_database) in best.items():
        print(f"page, {state}: {server:,.0f} + {of_database:,.0f} µs of CPU")
    print(f"page, ratio: {sum(best['packed']) / sum(best['plain']):.3f}", flush=True)


def fill_through_load(url: str, state: str, path: Path) -> LoadCost:
    """Load the file by the command, with or without packing, and say whether it is sound."""
    os.environ[SETTING] = STATES[state]
    upgrade_schema(database := Database(url))
    load_bundled_data(database)
    cost, _ = measure_load(url, path, "--dataset", "bench", "--no-compact")
    with database.connect() as db:
        faults = list(find_event_faults(db))
    database.close()
    print(f"load, {state}: {cost.client:.1f} + {cost.server:.1f} s of CPU, {len(faults)} faults")
    return cost


def main() -> None:
    """Fill, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.packed", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--raw", action="store_true", help="rows of bench.generate")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure of a page")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    from postgres import run_postgresql  # noqa: PLC0415

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        write_events(path := folder / "events.ndjson", 0 if asked.raw else asked.events)
        for kind in asked.on or ("sqlite", "postgresql"):
            urls = {state: f"sqlite:///{folder}/{state}.db" for state in STATES}
            if kind == "postgresql":
                server = stack.enter_context(run_postgresql())
                urls = {state: server.create_database(state) for state in STATES}
            print(f"{kind}, {asked.events:,} events", flush=True)
            if asked.raw:
                for state, url in urls.items():
                    os.environ[SETTING] = STATES[state]
                    with closing(Database(url)) as database:
                        fill_database(database, asked.events)
            else:
                costs = [fill_through_load(url, state, path).cpu for state, url in urls.items()]
                print(f"load, ratio: {costs[1] / costs[0]:.3f}")
            print_sizes({s: read_sizes(url) for s, url in urls.items()}, asked.events)
            if not asked.raw:
                measure_pages(urls, asked.seconds, asked.rounds)


if __name__ == "__main__":
    main()
