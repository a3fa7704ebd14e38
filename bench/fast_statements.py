"""`python -m bench.fast_statements`: what a small statement costs, run in three ways.

One row is looked up by its key, as pages and shifts do many times: by SQLAlchemy, by SQLAlchemy
with the text compiled before, and straight by the driver (`app.db.dialect.fast_statements`).
Counted is the CPU time of this process; a PostgreSQL server's own is left out.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import bindparam, select

from app.bundled.load_bundled import load_bundled_data
from app.db.dialect.fast_statements import compile_prepared
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.db.tables import actors

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

LOOKUP = select(actors.c.code, actors.c.kind, actors.c.name, actors.c.seq).where(
    actors.c.code == bindparam("code")
)
VALUES = {"code": "ARM"}


def measure_calls(calls: list[Callable[[], object]], repeats: int) -> list[float]:
    """Measure microseconds of CPU of each call: the least of nine rounds, taken in turn.

    The least, because a busy machine only ever adds.
    """
    rounds: list[list[float]] = []
    for _ in range(9):
        rounds.append([])
        for call in calls:
            begun = time.process_time()
            for _ in range(repeats):
                call()
            rounds[-1].append((time.process_time() - begun) / repeats * 1e6)
    return [min(costs) for costs in zip(*rounds, strict=True)]


def measure_database(url: str, repeats: int) -> dict[str, float]:
    """Measure the three ways on one database, with the bundled data in it."""
    database = Database(url)
    upgrade_schema(database)
    load_bundled_data(database)
    with database.connect() as db:
        fast = compile_prepared(db.dialect.name, LOOKUP)
        [row] = fast.fetch_rows(db, VALUES)
        assert tuple(row) == tuple(db.execute(LOOKUP, VALUES).one()), "the ways differ"
        ways: dict[str, Callable[[], object]] = {
            "SQLAlchemy": lambda: db.execute(LOOKUP, VALUES).all(),
            "SQLAlchemy, compiled before": lambda: fast.execute(db, VALUES).all(),
            "straight by the driver": lambda: fast.fetch_rows(db, VALUES),
        }
        costs = measure_calls(list(ways.values()), repeats)
    database.close()
    return dict(zip(ways, costs, strict=True))


def main() -> None:
    """Measure on SQLite and on a PostgreSQL of this script's own."""
    parser = argparse.ArgumentParser(prog="python -m bench.fast_statements", description=__doc__)
    parser.add_argument("--repeats", type=int, default=2000, help="calls in a round")
    arguments = parser.parse_args()
    from postgres import run_postgresql  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, run_postgresql() as server:
        for url in (f"sqlite:///{folder}/bench.db", server.create_database("bench")):
            print(url.partition(":")[0])
            for name, cost in measure_database(url, arguments.repeats).items():
                print(f"  {name}: {cost:.1f} µs", flush=True)


if __name__ == "__main__":
    main()
