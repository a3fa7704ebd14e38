"""Measure what alignment and shifts cost, against DuckDB on raw events.

Run `python -m bench.shifts_speed`. The unit is CPU time of this process and of the database server,
so that a busy machine does not count. PostgreSQL's autovacuum is off, and its work is done after a
load, so it is no part of an answer. DuckDB has the same raw signals and reports in memory; its
statements only add up, while ours end in the index with its interval.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas
from sqlalchemy import insert, text

from app.db.dialect.bulk_copy import bulk_add_sums, bulk_insert, keep_lesser
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.db.tables import datasets, day_sums, dyads, reports, signals, sources
from app.events.event_sums import build_dyad_marks
from app.events.index_rows import COLUMNS_BY_TABLE
from app.events.volumes import add_volumes
from app.shifts import inputs, series
from app.shifts.materialized import read
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.question import AlignmentQuestion
from app.shifts.side_periods import ALWAYS
from app.shifts.statistics import detection
from app.shifts.statistics.sums import CLASS_UNIT, ONE_DAY
from bench.loading import server_seconds

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

FIRST = np.datetime64("2014-01-01")
DAYS, ACTORS, PUBLISHERS = 3653, 260, 500
SET = "generated"
SUMS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")
LOAD, BATCH = 100_000, 5_000
"""Events of the last load, and of each of its transactions."""


def generate_signals(count: int, seed: int = 1) -> pandas.DataFrame:
    """Generate GDELT-shaped directed events by day, with a report each; low numbers are busy."""
    dice = np.random.default_rng(seed)
    weight = 1 / np.arange(1, ACTORS + 1)
    names = np.array([f"S{n:03d}" for n in range(ACTORS)])
    one, other = (names[dice.choice(ACTORS, count, p=weight / weight.sum())] for _ in range(2))
    score = dice.choice([4.0, 1.0, 6.0, 7.0, -2.0, -4.0, -6.0, -6.5, -9.0], count)
    frame = pandas.DataFrame({"one": one, "other": other, "score": score})
    frame["day"] = FIRST + np.sort(dice.integers(0, DAYS, count)).astype("timedelta64[D]")
    strong = frame.score.isin([6.0, 7.0, -6.5, -9.0])
    frame["quad"] = np.where(frame.score > 0, 1, 3) + strong
    frame["mass"] = (frame.score.abs() * 100).astype("int64")
    press = 1 / np.arange(1, PUBLISHERS + 1)
    frame["publisher"] = dice.choice(PUBLISHERS, count, p=press / press.sum())
    frame["event"] = [f"{SET}:{n:07d}" for n in range(count)]
    return frame[frame.one != frame.other]


def sum_by_day(frame: pandas.DataFrame) -> list[tuple[Any, ...]]:
    """Sum raw events by day, as rows of the table `day_sums`."""
    masses = frame.assign(
        n=1,
        positive=frame.mass.where(frame.score > 0, 0),
        negative=frame.mass.where(frame.score < 0, 0),
        dataset=SET,
        **{f"q{k}": CLASS_UNIT * (frame.quad == k).astype("int64") for k in (1, 2, 3, 4)},
    )
    grouped = masses.groupby(["one", "other", "dataset", "day"])[list(SUMS)].sum().reset_index()
    grouped["day"] = grouped.day.dt.strftime("%Y-%m-%d")
    columns: list[list[Any]] = [grouped[name].tolist() for name in grouped.columns]
    return list(zip(*columns, strict=True))


def write_signals(database: Database, frame: pandas.DataFrame, rows: list[tuple[Any, ...]]) -> None:
    """Write signals, reports and sums of some events in one transaction."""
    day = frame.day.dt.strftime("%Y-%m-%d").tolist()
    signal_rows = [
        (a, b, d, event, "derived", "", score, 1.0, quad, 1.0, d, SET, 1)
        for a, b, d, event, score, quad in zip(
            frame.one, frame.other, day, frame.event, frame.score.tolist(), frame.quad.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    said = [
        (event, 1, f"p{p}", f"p{p}", d, "B", 2, "reports", 1)
        for event, p, d in zip(frame.event, frame.publisher, day, strict=True)
    ]
    with database.write() as db:
        bulk_insert(db, signals.name, COLUMNS_BY_TABLE[signals.name], signal_rows)
        bulk_insert(db, reports.name, COLUMNS_BY_TABLE[reports.name], said)
        write_sums(db, rows)


def write_sums(db: Any, rows: list[tuple[Any, ...]]) -> None:
    """Write day sums and the tables derived from them, as a load does."""
    bulk_add_sums(db, day_sums, rows)
    add_volumes(db, [row[2:5] for row in rows])
    bulk_add_sums(db, dyads, build_dyad_marks(row[:4] for row in rows), keep_lesser("since"))


def create_tables(database: Database) -> None:
    """Create the tables, the dataset and its sources."""
    upgrade_schema(database)
    ends = {"first": str(FIRST), "last": str(FIRST + (DAYS - 1) * ONE_DAY)}
    with database.write() as db:
        db.execute(insert(datasets).values(code=SET, name=SET, seq=1, **ends))
        named = [{"id": f"p{n}", "publisher": f"p{n}", "seq": 1} for n in range(PUBLISHERS)]
        missing = {c.name: "" for c in sources.columns if not c.nullable and c.name not in named[0]}
        db.execute(insert(sources), [missing | row for row in named])


class CpuClock:
    """A clock of the CPU seconds of this process and of its database server."""

    def __init__(self, url: str) -> None:
        self.server = url if url.startswith("postgresql") else None

    def read_seconds(self) -> float:
        """Return the CPU seconds so far."""
        return time.process_time() + server_seconds(self.server)

    def time_call(self, call: Callable[[int], object], times: int) -> float:
        """Return the microseconds of a call as a mean, after one call for each dyad to warm up."""
        for n in range(20):
            call(n)
        begun = self.read_seconds()
        for n in range(times):
            call(n)
        return (self.read_seconds() - begun) / times * 1e6


def print_line(name: str, ours: float, theirs: float) -> None:
    """Print a line of the table."""
    print(f"{name:<58}{ours:>10,.0f}{theirs:>12,.0f}{ours / theirs:>9.4f}", flush=True)


def build_question(pair: tuple[str, str]) -> AlignmentQuestion:
    """Build the question about a dyad, from the side whose code sorts first."""
    return AlignmentQuestion(pair[0], (pair[1],), (), "both", (SET,), {pair[1]: ALWAYS}, None)


OF_DYAD = "(one = ? AND other = ?) OR (one = ? AND other = ?)"
MONTHS_SQL = (
    "SELECT date_trunc('month', day), sum(mass) FILTER (score > 0),"
    f" sum(mass) FILTER (score < 0), count(*) FROM raw WHERE {OF_DYAD} GROUP BY 1 ORDER BY 1"
)
WHOLE_SQL = (
    "WITH d AS (SELECT one, day, sum(mass) FILTER (score > 0) p, sum(mass) FILTER (score < 0) n,"
    f" count(*) c FROM raw WHERE {OF_DYAD} GROUP BY 1, 2)"
    " SELECT date_trunc('month', day), one, sum(p), sum(n), sum(c),"
    " sum(p * least(1, 1500 / (p + n))), sum(n * least(1, 1500 / (p + n))) FROM d GROUP BY 1, 2",
    "SELECT date_trunc('month', day), count(DISTINCT publisher) FROM raw JOIN reports"
    f" USING (event) WHERE {OF_DYAD} GROUP BY 1",
    "SELECT date_trunc('month', day), count(*) FROM raw GROUP BY 1",
)
BIGGEST_SQL = (
    "WITH m AS (SELECT least(one, other) a, greatest(one, other) b,"
    " sum(mass) FILTER (score > 0 AND day < DATE '2019-01-01') p1,"
    " sum(mass) FILTER (day < DATE '2019-01-01') m1,"
    " sum(mass) FILTER (score > 0 AND day >= DATE '2019-01-01') p2,"
    " sum(mass) FILTER (day >= DATE '2019-01-01') m2 FROM raw GROUP BY 1, 2)"
    " SELECT a, b, p2 / m2 - p1 / m1 AS d FROM m WHERE m1 > 3000 AND m2 > 3000"
    " ORDER BY abs(d) DESC LIMIT 50"
)


def measure_alignment(
    database: Database, clock: CpuClock, busy: Any, pairs: list[tuple[str, str]]
) -> None:
    """Measure ten years of monthly index, for busy, middling and quiet dyads."""
    ends = np.arange("2014-02", "2024-02", dtype="datetime64[M]").astype("datetime64[D]") - ONE_DAY
    theirs = CpuClock("")
    with database.engine.connect() as db:

        def index_call(some: list[tuple[str, str]]) -> Callable[[int], object]:
            def read_index(n: int) -> object:
                by_month = inputs.read_inputs(db, build_question(some[n % 20]), "month", None, None)
                return by_month.index_at_ends(ends, 0.5)

            return read_index

        def series_call(some: list[tuple[str, str]]) -> Callable[[int], object]:
            return lambda n: series.build_alignment_series(
                db, build_question(some[n % 20]), None, None, "month", 0.5
            )

        def duckdb_call(some: list[tuple[str, str]], *asked: str) -> Callable[[int], object]:
            def run_statements(n: int) -> object:
                names = [*some[n % 20], *reversed(some[n % 20])]
                return [busy.execute(one, names if "?" in one else []).fetchall() for one in asked]

            return run_statements

        for name, at in (("the busiest", 0), ("a middling", 1000), ("a quiet", 5000)):
            some = pairs[at : at + 20]
            print_line(
                f"{name} dyad: 120 months of index and interval",
                clock.time_call(index_call(some), 1000),
                theirs.time_call(duckdb_call(some, MONTHS_SQL), 20),
            )
            print_line(
                f"{name} dyad: with sources, volume and who moved",
                clock.time_call(series_call(some), 400),
                theirs.time_call(duckdb_call(some, *WHOLE_SQL), 20),
            )


def measure_rebuild(database: Database, clock: CpuClock, what: str) -> None:
    """Measure how long the shifts of stale dyads take to be found again."""
    begun, wall = clock.read_seconds(), time.perf_counter()
    done = rebuild_stale_dyads(database)
    spent = clock.read_seconds() - begun
    wall = time.perf_counter() - wall
    print(f"{what}: {done:,} dyads in {spent:.1f} s of CPU ({wall:.0f} s by the clock)", flush=True)


def measure_ranking(database: Database, clock: CpuClock, busy: Any) -> None:
    """Measure the ranking of the most certain shifts over all dyads."""
    asked = read.dataset_question(SET)
    with database.engine.connect() as db:
        ranked = read.RankedFrom(1.0)
        found = read.read_most_certain(db, asked, ranked, 51)
        assert found is not None
        ours = clock.time_call(
            lambda _: read.read_most_certain(db, asked, read.RankedFrom(1.0), 51), 100
        )
    theirs = CpuClock("").time_call(lambda _: busy.execute(BIGGEST_SQL).fetchall(), 10)
    print_line(f"the 50 biggest shifts over all dyads ({found[1]:,} tests)", ours, theirs)


def measure_sums(database: Database, clock: CpuClock, frame: pandas.DataFrame) -> None:
    """Measure what the sums of a load cost, and then the shifts that it changed."""
    parts = [frame.iloc[at : at + BATCH] for at in range(0, len(frame), BATCH)]
    rows = [sum_by_day(part) for part in parts]
    begun = clock.read_seconds()
    with database.write() as db:
        for some in rows:
            bulk_add_sums(db, day_sums, some)
        days = clock.read_seconds() - begun
        db.rollback()
    begun = clock.read_seconds()
    with database.write() as db:
        for some in rows:
            write_sums(db, some)
        spent = clock.read_seconds() - begun
        db.rollback()
    print(
        f"sums of {len(frame):,} events in loads of {BATCH:,}: {spent:.1f} s of CPU,"
        f" day sums alone {days:.1f} s"
    )
    for part, some in zip(parts, rows, strict=True):
        write_signals(database, part, some)
    measure_rebuild(database, clock, f"after a load of {len(frame):,} events")


def measure_one_dyad(database: Database, pairs: list[tuple[str, str]]) -> None:
    """Measure the segmentation of one dyad in this process alone."""
    with database.connect() as db:
        found = read.read_sides_of_pairs(db, SET, pairs[:20] + pairs[2000:2020])
    every = {pair: sides.both for pair, sides in found.items()}
    for name, at in (("the busiest", 0), ("a middling", 2000)):
        days = [every[pair] for pair in pairs[at : at + 20]]
        spent = CpuClock("").time_call(
            lambda n, d=days: detection.find_shifts(d[n % 20], "2023-12-31"),  # type: ignore[misc]
            40,
        )
        print(f"segmenting {name} dyad: {spent:,.0f} us")


def run_in_autocommit(database: Database, statement: str) -> None:
    """Run a statement outside any transaction."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text(statement))


def measure_database(url: str, frame: pandas.DataFrame, rows: list[tuple[Any, ...]]) -> None:
    """Measure and print every figure of one database."""
    database, clock = Database(url), CpuClock(url)
    create_tables(database)
    busy = duckdb.connect()
    first, last = frame.iloc[:-LOAD], frame.iloc[-LOAD:]
    busy.execute("CREATE TABLE raw AS SELECT * EXCLUDE (publisher) FROM frame")
    busy.execute("CREATE TABLE reports AS SELECT event, publisher FROM frame")
    write_signals(database, first, rows)
    run_in_autocommit(database, "ANALYZE")
    swapped = (frame.one > frame.other).to_numpy()
    ordered = pandas.DataFrame({
        "a": np.where(swapped, frame.other, frame.one),
        "b": np.where(swapped, frame.one, frame.other),
    })  # fmt: skip
    pairs: list[tuple[str, str]] = list(ordered.value_counts().index)
    print(f"\n{database.engine.dialect.name}: {len(frame):,} events, {len(pairs):,} dyads")
    measure_rebuild(database, clock, "the whole corpus")
    measure_sums(database, clock, last)
    run_in_autocommit(
        database, "ANALYZE" if database.engine.dialect.name == "sqlite" else "VACUUM ANALYZE"
    )
    measure_one_dyad(database, pairs)
    print(f"{'':<58}{'ours, us':>10}{'DuckDB, us':>12}{'ratio':>9}")
    measure_alignment(database, clock, busy, pairs)
    measure_ranking(database, clock, busy)
    database.close()


def main() -> None:
    """Fill a SQLite and a PostgreSQL database and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.shifts_speed", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = parser.parse_args()
    from postgres import run_postgresql  # noqa: PLC0415

    frame = generate_signals(asked.events)
    rows = sum_by_day(frame.iloc[:-LOAD])
    if asked.only != "postgresql":
        with tempfile.TemporaryDirectory(prefix="bench-") as place:
            measure_database(f"sqlite:///{Path(place) / 'bench.db'}", frame, rows)
    if asked.only != "sqlite":
        with run_postgresql() as server:
            server.stop_autovacuum()
            measure_database(server.create_database("shifts"), frame, rows)


if __name__ == "__main__":
    main()
