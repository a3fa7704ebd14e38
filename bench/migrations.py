"""Measure how long readers and writers wait while the schema is migrated.

A database of made-up events is filled, migrated down to the first release, and up again one
migration at a time, while one process reads and another writes without pause. What counts is the
longest that either waited for one answer.

    python -m bench.migrations --events 200000 --on sqlite
    python -m bench.migrations --since 20261201_pulls
"""

import argparse
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import psycopg
from alembic.script import ScriptDirectory

from app.db.engine import Database
from app.db.migrate import downgrade_schema, make_alembic_config, upgrade_schema
from bench.loading import ROOT
from bench.usage import fill_with_events

sys.path.insert(0, str(ROOT / "tests"))
FIRST = "20261124_families"
"""The schema of the first release, from which on databases are migrated."""
ALL = "all of them"
"""The name of the last row: all migrations in one upgrade, each a transaction of its own."""
READS = (
    "SELECT e.id, r.document FROM events e JOIN revisions r ON r.seq = e.seq WHERE e.seq > {n}"
    " ORDER BY e.seq LIMIT 50",
    "SELECT p.event, p.role FROM participations p WHERE p.actor = 'USA' LIMIT 50",
    "SELECT s.day, s.dataset FROM day_sums s LIMIT 50",
    "SELECT s.event, s.score FROM signals s LIMIT 50",
    "SELECT s.id FROM reports r JOIN sources s ON s.id = r.source LIMIT 50",
    "SELECT d.code, d.name FROM datasets d",
)
"""What is read, in a schema of any age: events, their parts, sums and what they refer to."""
WRITES = (
    "UPDATE events SET id = id WHERE seq = {n}",
    "UPDATE participations SET role = role WHERE event = (SELECT id FROM events WHERE seq = {n})",
    "UPDATE signals SET seq = seq WHERE event = (SELECT id FROM events WHERE seq = {n})",
    "UPDATE datasets SET name = name WHERE code = 'bench'",
)
"""What is written in one transaction, as a write of an event touches it."""
WARM = 20
"""Answers that a process has had before a migration begins."""
PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class MigrationCost:
    """What one migration took, and the longest that others waited, in seconds."""

    seconds: float
    read: float
    write: float
    typical_read: float
    typical_write: float


def _connect(url: str) -> Any:
    if url.startswith("sqlite"):
        db = sqlite3.connect(url.partition("sqlite:///")[2], timeout=PATIENCE_SECONDS)
        db.isolation_level = None
        return db
    return psycopg.connect(url, autocommit=True)


def ask_without_pause(url: str, statements: Sequence[str], writes: bool, pipe: Pipe) -> None:
    """Run statements until something is sent; send back when each began and how long it took."""
    db = _connect(url)
    # As the service begins a write: one at a time.
    begin = ["BEGIN IMMEDIATE"]
    if not url.startswith("sqlite"):
        begin = ["BEGIN", "SELECT pg_advisory_xact_lock(7140312)"]
    taken: list[tuple[float, float]] = []
    for n in count(1):
        text = [statement.format(n=n % 1000 + 1) for statement in statements]
        begun = time.monotonic()
        try:
            if writes:
                for one in (*begin, *text, "COMMIT"):
                    db.execute(one)
            else:
                db.execute(text[n % len(text)]).fetchall()
        except psycopg.errors.DeadlockDetected:  # with the migration: a service would say "busy"
            db.execute("ROLLBACK")
            print("    a write was given up for the migration", flush=True)
        taken.append((begun, time.monotonic() - begun))
        if n == WARM:
            pipe.send("warm")
        if pipe.poll():
            break
        time.sleep(0.002)
    db.close()
    pipe.send(taken)


@contextmanager
def run_asker(url: str, statements: Sequence[str], *, writes: bool) -> Iterator[list[Any]]:
    """Run a process that asks as long as the block lasts; the list then has what it took."""
    ours, theirs = multiprocessing.Pipe()
    found: list[tuple[float, float]] = []
    asker = multiprocessing.Process(
        target=ask_without_pause, args=(url, statements, writes, theirs), daemon=True
    )
    asker.start()
    assert ours.poll(60), "nothing is answered"
    ours.recv()
    try:
        yield found
    finally:
        ours.send("enough")
        assert ours.poll(PATIENCE_SECONDS), "the last question has no answer"
        found += ours.recv()
        asker.join(10)


def measure_migration(database: Database, url: str, revision: str) -> MigrationCost:
    """Migrate up to a revision while others read and write."""
    with (
        run_asker(url, READS, writes=False) as reads,
        run_asker(url, WRITES, writes=True) as writes,
    ):
        begun = time.monotonic()
        upgrade_schema(database, revision)
        ended = time.monotonic()
        time.sleep(0.2)
    waits = [
        [taken for at, taken in asked if at + taken > begun and at < ended]
        for asked in (reads, writes)
    ]
    before = [
        sorted(taken for at, taken in asked if at + taken < begun) for asked in (reads, writes)
    ]
    typical = [times[len(times) // 2] for times in before]
    return MigrationCost(ended - begun, max(waits[0]), max(waits[1]), typical[0], typical[1])


def measure_migrations(url: str, events: int, folder: Path, since: str) -> None:
    """Print what each migration since a version of the schema costs others on a database."""
    begun = time.monotonic()
    fill_with_events(url, events, folder)
    database = Database(url)
    script = ScriptDirectory.from_config(make_alembic_config(database))
    later = [one.revision for one in script.iterate_revisions("head", since)][::-1]
    filled = time.monotonic()
    downgrade_schema(database, since)
    print(
        f"{database.engine.dialect.name}, {events:,} events: filled in {filled - begun:.0f} s,"
        f" migrated down to {since} in {time.monotonic() - filled:.0f} s"
    )
    print("migration               takes s  longest read ms  (median)  longest write ms  (median)")
    plain = url.replace("postgresql+psycopg", "postgresql")
    for revision in (*later, ALL):
        if revision == ALL:
            downgrade_schema(database, since)
        cost = measure_migration(database, plain, "head" if revision == ALL else revision)
        print(
            f"{revision:22} {cost.seconds:8.2f} {1000 * cost.read:16.0f}"
            f" {1000 * cost.typical_read:9.1f} {1000 * cost.write:17.0f}"
            f" {1000 * cost.typical_write:9.1f}",
            flush=True,
        )
    database.close()


def main() -> None:
    """Measure on the databases that are asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m bench.migrations", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--since", default=FIRST, help="the schema to begin at")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    asked = parser.parse_args()
    from postgres import run_postgresql  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for kind in asked.on or ("sqlite", "postgresql"):
            if kind == "sqlite":
                measure_migrations(
                    f"sqlite:///{folder}/bench.db", asked.events, Path(folder), asked.since
                )
                continue
            with run_postgresql() as server:
                url = server.create_database("bench")
                measure_migrations(url, asked.events, Path(folder), asked.since)


if __name__ == "__main__":
    main()
