"""Measure how fast files load, against the cost of writing the same rows alone.

Run `python -m bench.loading`. On PostgreSQL, the comparison is raw COPY of the finished rows into
the same indexed tables, client and server together. On SQLite, it is sqlite-utils into one flat
table, and raw inserts of the finished rows by sqlite3 alone, into the same tables and into tables
that have their keys and no other index.

The unit is CPU seconds, which a busy machine changes less than the clock. Ratios are against what
ran just before or after. Of `--runs` of each the least counts, since other work on the machine only
adds. PostgreSQL's autovacuum is off, because the shorter of two runs would mostly escape it.

    python -m bench.loading --events 200000
    python -m bench.loading --events 5000000 --parts 10 --only sqlite    # is the cost flat?
    python -m bench.loading --gdelt 20170101073000.export.CSV --copies 200
    python -m bench.loading --rejects 1000000 --only sqlite
"""

import argparse
import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import psycopg
import sqlite_utils

from app.bundled.load_bundled import load_bundled_data, read_bundled_table
from app.db.engine import Database
from app.db.migrate import upgrade_schema

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
TABLES = (
    "revisions", "sources", "events", "participations", "reports", "signals", "day_sums",
    "event_words", "loaded",
)  # fmt: skip
KINDS = [
    ("AGREE", "030", 1), ("CONSULT", "040", 1), ("COOPERATE", "060", 2), ("AID", "070", 2),
    ("ACCUSE", "110", 3), ("REJECT", "120", 3), ("THREATEN", "130", 3), ("PROTEST", "140", 4),
    ("ASSAULT", "180", 4),
]  # fmt: skip
PEERS = ("raw COPY", "raw COPY, references not looked up")
TICK = os.sysconf("SC_CLK_TCK")


def write_events(path: Path, count: int, seed: int = 1, after: int = 0, of: int = 0) -> None:
    """Write events of states as NDJSON, each with one to three sources.

    The file continues one of `after` events and is part of `of` events in all.
    """
    dice = random.Random(seed + after)
    names = [r["code"] for r in read_bundled_table("states.csv")][:200]
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(names))))
    first = date(2014, 1, 1)
    with path.open("w") as out:
        for number in range(after, after + count):
            day = (first + timedelta(days=number * 3653 // (of or count))).isoformat()
            one, other = dice.choices(names, cum_weights=weights, k=2)
            kind, cameo, quad = KINDS[int(dice.random() * len(KINDS))]
            participants = [{"actor": one, "role": "initiator"}]
            if other != one:
                participants.append({"actor": other, "role": "target"})
            reports = []
            for _ in range(dice.choice((1, 1, 2, 3))):
                page = int(dice.random() * (of or count))
                host = f"news{page % 997}.example"
                url = f"https://{host}/{day[:4]}/story-{page}"
                source = {"publisher": host, "title": f"Story {page}", "url": url}
                reports.append({"source": {**source, "published": day}})
            event = {
                "key": f"{410_000_000 + number}", "title": f"{one} and {other}: {kind.lower()}",
                "date": day, "type": kind, "cameo": cameo, "quad": quad,
                "participants": participants,
                "location": {"country": other, "lat": round(dice.uniform(-60, 70), 4),
                             "lon": round(dice.uniform(-180, 180), 4)},
                "reports": reports,
            }  # fmt: skip
            out.write(json.dumps(event, separators=(",", ":")) + "\n")


def replicate_file(path: Path, into: Path, copies: int) -> None:
    """Write a GDELT file several times over, each time with new keys and addresses."""
    rows = [line.split("\t") for line in path.read_text("utf-8", "replace").splitlines()]
    with into.open("w", encoding="utf-8") as out:
        for copy in range(copies):
            for number, row in enumerate(rows):
                key = f"{copy + 1}{number:07}"
                out.write("\t".join([key, *row[1:-1], f"{row[-1]}/{copy}"]) + "\n")


def write_rejects(path: Path, count: int) -> None:
    """Write lines that are all rejected, because their dates are invalid."""
    with path.open("w") as out:
        for number in range(count):
            out.write(f'{{"key":"k{number}","title":"t","date":"20{number % 90 + 10}-13-45"}}\n')


@dataclass
class LoadCost:
    """Seconds and peak MiB that a measured call took."""

    wall: float
    client: float
    server: float
    peak: int = 0

    @property
    def cpu(self) -> float:
        """CPU seconds of client and server."""
        return self.client + self.server


def server_seconds(url: str | None) -> float:
    """Return the CPU seconds of a PostgreSQL server with all its processes so far."""
    if url is None:
        return 0.0
    time.sleep(0.5)  # a process that has ended counts once its parent has taken note of it
    with psycopg.connect(url.replace("+psycopg", "")) as db:
        # While the connection lasts: its process is gone after it, and its number another's.
        parent = _read_stat(db.info.backend_pid)[1]
    total = sum(_read_stat(parent)[11:15])
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = _read_stat(int(folder.name))
            except OSError:
                continue
            if fields[1] == parent:
                total += sum(fields[11:13])
    return total / TICK


def _read_stat(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *(int(t) if t.lstrip("-").isdigit() else 0 for t in text[1:])]


def measure_load(url: str, path: Path, *more: str) -> tuple[LoadCost, dict[str, Any]]:
    """Load a file by the command in a process of its own; return its cost and its report."""
    server = url if url.startswith("postgresql") else None
    before, begun = server_seconds(server), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "load", str(path), "--json", *more],
        cwd=ROOT, env={**os.environ, "ENTENTE_DATABASE_URL": url}, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    report = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if process.returncode not in (0, 3):
        raise RuntimeError(f"the load ended with {process.returncode}")
    cost = LoadCost(
        wall, used.ru_utime + used.ru_stime, server_seconds(server) - before, used.ru_maxrss // 1024
    )
    return cost, json.loads(report)


def measure_call(what: Callable[[], None], server: str | None = None) -> LoadCost:
    """Measure the cost of a call in this process."""
    before, begun = server_seconds(server), time.perf_counter()
    mine = resource.getrusage(resource.RUSAGE_SELF)
    what()
    now = resource.getrusage(resource.RUSAGE_SELF)
    wall = time.perf_counter() - begun
    client = now.ru_utime + now.ru_stime - mine.ru_utime - mine.ru_stime
    return LoadCost(wall, client, server_seconds(server) - before)


def measure_flat_table(path: Path, place: Path) -> LoadCost:
    """Measure inserting the events into one flat table by sqlite-utils, lists as JSON text."""

    def read_events() -> Iterator[dict[str, Any]]:
        with path.open() as lines:
            for line in lines:
                yield json.loads(line)

    def insert_events() -> None:
        sqlite_utils.Database(place)["events"].insert_all(read_events(), pk="key")

    return measure_call(insert_events)


def measure_raw_inserts(loaded_file: Path, place: Path, *, indexed: bool) -> LoadCost:
    """Measure raw inserts of the rows of a load into the same tables of an empty database.

    With `indexed`, the tables have their indexes, otherwise their keys alone.
    """
    upgrade_schema(made := Database(f"sqlite:///{place}"))
    made.close()
    source, into = sqlite3.connect(loaded_file), sqlite3.connect(place, isolation_level=None)
    if not indexed:
        asked = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        for (name,) in into.execute(asked).fetchall():
            into.execute(f'DROP INDEX "{name}"')
    for pragma in ("synchronous=NORMAL", "cache_size=-65536", "wal_autocheckpoint=16384"):
        into.execute(f"PRAGMA {pragma}")
    begun, spent = time.perf_counter(), 0.0
    for table in TABLES:
        names = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
        names = ["rowid", *names] if table == "event_words" else names
        quoted, marks = ", ".join(f'"{n}"' for n in names), ", ".join("?" * len(names))
        found = source.execute(f"SELECT {quoted} FROM {table}")
        while rows := found.fetchmany(10_000):
            before = time.process_time()
            into.execute("BEGIN IMMEDIATE")
            into.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({marks})", rows)
            into.execute("COMMIT")
            spent += time.process_time() - before
    for db in (source, into):
        db.close()
    return LoadCost(time.perf_counter() - begun, spent, 0.0)


def measure_raw_copy(url: str, empty: str, place: Path, dataset: str, *, spared: bool) -> LoadCost:
    """Measure raw COPY of the rows of a load into the same tables of an empty database.

    With `spared`, foreign keys are not checked, as in the loader.
    """
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain) as db:
        for table in TABLES:
            with (
                db.cursor().copy(f"COPY {table} TO STDOUT") as copy,
                (place / table).open("wb") as out,
            ):
                for part in copy:
                    out.write(part)
    with psycopg.connect(empty.replace("+psycopg", "")) as db:
        db.execute("TRUNCATE revisions, loaded, event_words, day_sums")
        db.execute("DELETE FROM sources")
        names = "code, name, first, last, seq"
        db.execute(
            f"INSERT INTO datasets ({names}) VALUES (%s, 'loaded', NULL, NULL, 1)", (dataset,)
        )

    def copy_rows() -> None:
        with psycopg.connect(empty.replace("+psycopg", "")) as db:
            if spared:
                db.execute("SET session_replication_role = replica")
            for table in TABLES:
                into = db.cursor().copy(f"COPY {table} FROM STDIN")
                with into as copy, (place / table).open("rb") as lines:
                    while part := lines.read(1 << 18):
                        copy.write(part)

    cost = measure_call(copy_rows, empty)
    with psycopg.connect(plain) as one, psycopg.connect(empty.replace("+psycopg", "")) as other:
        for table in TABLES:
            counted = f"SELECT count(*) FROM {table}"
            rows = [db.execute(counted).fetchone() for db in (one, other)]
            if rows[0] != rows[1]:
                raise RuntimeError(f"{table}: {rows[0]} rows were loaded, {rows[1]} copied")
    return cost


def main() -> None:
    """Measure loading on both databases and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.loading", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--parts", type=int, default=1, help="files, loaded one after another")
    parser.add_argument(
        "--runs", type=int, default=1, help="times to do it all, for the least cost"
    )
    parser.add_argument("--gdelt", type=Path, help="load copies of this file instead")
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--rejects", type=int, help="load that many rows that are all rejected")
    parser.add_argument("--jobs", type=int, default=1, help="processes of each load")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = parser.parse_args()
    from postgres import run_postgresql  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        files = list(_write_files(asked, place))
        if asked.only != "postgresql":
            _print_report(
                "sqlite",
                [_on_sqlite(files, place / f"run{n}", asked.jobs) for n in range(asked.runs)],
            )
        if asked.only != "sqlite":
            with run_postgresql() as server:
                server.stop_autovacuum()
                runs = [
                    _on_postgresql(files, place, server, n, asked.jobs) for n in range(asked.runs)
                ]
            _print_report("postgresql", runs)


def _write_files(asked: argparse.Namespace, place: Path) -> Iterator[Path]:
    if asked.gdelt is not None:
        replicate_file(asked.gdelt, path := place / "copies.export.CSV", asked.copies)
        yield path
    elif asked.rejects is not None:
        write_rejects(path := place / "rejects.ndjson", asked.rejects)
        yield path
    else:
        each = asked.events // asked.parts
        for n in range(asked.parts):
            write_events(path := place / f"{n}.ndjson", each, after=n * each, of=asked.events)
            yield path


@dataclass
class LoadRun:
    """The costs of loading the last file, of loading it again, and of its comparisons by name."""

    rows: int
    first: LoadCost
    again: LoadCost
    peers: dict[str, tuple[int, LoadCost]]
    """The number of events of each comparison, and its cost."""


def _on_sqlite(files: Sequence[Path], place: Path, jobs: int) -> LoadRun:
    place.mkdir()
    url = f"sqlite:///{place}/load.db"
    _prepare_database(url)
    first, again, report = _measure_loads("sqlite", url, files, jobs)
    run = LoadRun(report["rows"], first, again, {})
    if report["new"] and files[-1].suffix == ".ndjson":
        run.peers["sqlite-utils"] = run.rows, measure_flat_table(files[-1], place / "flat.db")
    if report["new"]:
        with closing(sqlite3.connect(place / "load.db")) as db:
            count = db.execute("SELECT count(*) FROM events").fetchone()[0]
        for peer, indexed in (("raw inserts", True), ("raw inserts, keys only", False)):
            cost = measure_raw_inserts(
                place / "load.db", place / f"raw{indexed}.db", indexed=indexed
            )
            run.peers[peer] = count, cost
    shutil.rmtree(place)
    return run


def _on_postgresql(
    files: Sequence[Path], place: Path, server: Any, number: int, jobs: int
) -> LoadRun:
    names = [f"{name}{number}" for name in ("load", "floor", "spared")]
    url, *empty = (server.create_database(name) for name in names)
    _prepare_database(url)
    for one in empty:
        upgrade_schema(made := Database(one))
        made.close()
    first, again, report = _measure_loads("postgresql", url, files, jobs)
    run = LoadRun(report["rows"], first, again, {})
    if report["new"]:
        with psycopg.connect(url.replace("+psycopg", "")) as db:
            largest = "SELECT dataset FROM events GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
            db.execute(f"DELETE FROM events WHERE dataset <> ({largest})")  # the bundled ones
            found = db.execute("SELECT count(*), min(dataset) FROM events").fetchone()
        assert found is not None
        for peer, one in zip(PEERS, empty, strict=True):
            cost = measure_raw_copy(url, one, place, found[1], spared=peer == PEERS[1])
            run.peers[peer] = found[0], cost
    with psycopg.connect(f"{server.address}/postgres", autocommit=True) as db:
        for name in names:
            db.execute(f"DROP DATABASE {name}")
    return run


def _print_report(kind: str, runs: Sequence[LoadRun]) -> None:
    """Print the least cost of each, and the ratios."""
    first, again = (
        min(costs, key=_cpu_of) for costs in zip(*((r.first, r.again) for r in runs), strict=True)
    )
    rows = runs[0].rows
    print(
        f"{kind}: {rows:,} rows, {rows / first.wall:,.0f}/s, {rows / first.cpu:,.0f} a CPU"
        f" second ({first.client:.1f} + {first.server:.1f} s), {first.peak} MiB; again"
        f" {rows / again.wall:,.0f}/s, {rows / again.cpu:,.0f} a CPU second,"
        f" {first.cpu / again.cpu:.1f} times faster"
    )
    for name in runs[0].peers:
        count = runs[0].peers[name][0]
        peer = min((r.peers[name][1] for r in runs), key=_cpu_of)
        print(
            f"  {name}: {count / peer.cpu:,.0f} events a CPU second ({peer.client:.1f} +"
            f" {peer.server:.1f} s); we {rows / first.cpu / (count / peer.cpu):.2f} of it",
            flush=True,
        )


def _cpu_of(cost: LoadCost) -> float:
    return cost.cpu


def _measure_loads(
    kind: str, url: str, files: Sequence[Path], jobs: int
) -> tuple[LoadCost, LoadCost, dict[str, Any]]:
    """Load files one after another, and the last one again; return what it cost both times."""
    for number, path in enumerate(files, 1):
        cost, report = measure_load(url, path, "--jobs", str(jobs), "--no-compact")
        if len(files) > 1:
            each = cost.cpu / report["rows"] * 1e6
            print(f"{kind}, file {number}: {each:.0f} us an event, {cost.peak} MiB", flush=True)
    again, _ = measure_load(url, files[-1], "--jobs", str(jobs), "--no-compact")
    return cost, again, report


def _prepare_database(url: str) -> None:
    database = Database(url)
    upgrade_schema(database)
    load_bundled_data(database)
    database.close()


if __name__ == "__main__":
    main()
