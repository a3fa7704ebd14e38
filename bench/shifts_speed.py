"""What alignment and shifts cost: `python -m bench.shifts_speed`, beside DuckDB on raw events.

CPU time of this process, so that a busy machine does not count.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas
from sqlalchemy import insert, select, update

from app.db.engine import Database
from app.db.migrate import upgrade
from app.db.tables import datasets, day_sums, dyads
from app.shifts import case, judge, measure, series, stored
from app.shifts.case import Case, Spell
from app.shifts.refresh import refresh

FIRST = np.datetime64("2014-01-01")
DAYS, ACTORS = 3653, 201
SET = "generated"
SUMS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")


def raw(count: int, seed: int = 1) -> pandas.DataFrame:
    """GDELT-shaped directed events, busy actors first, by day."""
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
    return frame[frame.one != frame.other]


def sums(frame: pandas.DataFrame) -> list[dict[str, object]]:
    """Day sums of raw events."""
    held = frame.assign(
        n=1,
        positive=frame.mass.where(frame.score > 0, 0),
        negative=frame.mass.where(frame.score < 0, 0),
        **{f"q{k}": (frame.quad == k).astype("int64") for k in (1, 2, 3, 4)},
    )
    grouped = held.groupby(["one", "other", "day"])[list(SUMS)].sum().reset_index()
    grouped["day"] = grouped.day.dt.strftime("%Y-%m-%d")
    grouped["dataset"] = SET
    renamed = grouped.rename(columns={"one": "from", "other": "toward"})
    found: list[dict[str, object]] = renamed.to_dict("records")
    return found


def fill(database: Database, rows: list[dict[str, object]]) -> None:
    """Day sums, and that their dyads are stale."""
    upgrade(database)
    pairs = {tuple(sorted((str(r["from"]), str(r["toward"])))) for r in rows}
    ends = {"first": str(FIRST), "last": str(FIRST + DAYS - 1)}
    with database.write() as db:
        db.execute(insert(datasets).values(code=SET, name=SET, seq=1, **ends))
        for at in range(0, len(rows), 50_000):
            db.execute(insert(day_sums), rows[at : at + 50_000])
        marked = [
            {"one": a, "other": b, "dataset": SET, "changed": 1, "segmented": 0} for a, b in pairs
        ]
        db.execute(insert(dyads), marked)


def paired(frame: pandas.DataFrame) -> pandas.Series:
    """The dyad of each event, in either order."""
    first = frame[["one", "other"]].min(axis=1)
    last = frame[["one", "other"]].max(axis=1)
    return pandas.Series(list(zip(first, last, strict=True)))


def median(call: Callable[[int], object], times: int) -> float:
    """Microseconds of CPU of a call, all threads together: the middle of several."""
    seen = []
    for n in range(times):
        begun = time.process_time()
        call(n)
        seen.append(time.process_time() - begun)
    return statistics.median(seen) * 1e6


def told(name: str, ours: float, theirs: float | None = None) -> None:
    """A line of the table."""
    ratio = "" if theirs is None else f"{theirs:>14,.0f}{ours / theirs:>9.4f}"
    print(f"{name:<44}{ours:>14,.0f}{ratio}", flush=True)


def alignment_of(database: Database, pairs: list[tuple[str, str]]) -> Callable[[int], object]:
    """Ten years of monthly index with its interval, from the day sums."""
    ends = np.arange("2014-02", "2024-02", dtype="datetime64[M]").astype("datetime64[D]") - 1

    def call(n: int) -> object:
        one, other = pairs[n % len(pairs)]
        asked = Case(one, (other,), (), "both", (SET,), {other: [Spell("", "~", 1)]}, None)
        days = case.days_of(case.flows(db, asked), asked)
        months = measure.by_month(days)
        known = series.parameters(months, 0.5)
        return measure.index_at(days, ends, 0.5, known.dispersion, months=months)

    db = database.engine.connect()
    return call


def measured(database: Database, frame: pandas.DataFrame) -> None:
    """Every figure."""
    busy = duckdb.connect()
    busy.execute("CREATE TABLE raw AS SELECT * FROM frame")
    every = list(paired(frame).value_counts().index)
    series_sql = (
        "SELECT date_trunc('month', day), sum(mass) FILTER (score > 0),"
        " sum(mass) FILTER (score < 0), count(*) FROM raw WHERE (one = ? AND other = ?)"
        " OR (one = ? AND other = ?) GROUP BY 1 ORDER BY 1"
    )
    biggest = (
        "WITH m AS (SELECT least(one, other) a, greatest(one, other) b,"
        " sum(mass) FILTER (score > 0 AND day < DATE '2019-01-01') p1,"
        " sum(mass) FILTER (day < DATE '2019-01-01') m1,"
        " sum(mass) FILTER (score > 0 AND day >= DATE '2019-01-01') p2,"
        " sum(mass) FILTER (day >= DATE '2019-01-01') m2 FROM raw GROUP BY 1, 2)"
        " SELECT a, b, p2 / m2 - p1 / m1 AS d FROM m WHERE m1 > 3000 AND m2 > 3000"
        " ORDER BY abs(d) DESC LIMIT 50"
    )
    print(f"{'':<44}{'ours, us':>14}{'DuckDB, us':>14}{'ratio':>9}")
    for name, some in (("busiest", every[:20]), ("middling", every[1000:1020])):
        asked = [[*p, *reversed(p)] for p in some]
        theirs = median(lambda n, a=asked: busy.execute(series_sql, a[n % 20]).fetchall(), 40)
        ours = alignment_of(database, some)
        ours(0)
        told(f"alignment of a {name} dyad, 120 months", median(ours, 100), theirs)
    begun = time.process_time()
    done = refresh(database)
    spent = time.process_time() - begun
    print(f"the whole corpus: {done:,} dyads in {spent:.1f} s of CPU")
    asked = stored.question(SET)
    with database.connect() as db:
        stored.first(db, asked, 1.0, 51)
        ours_us = median(lambda _: stored.first(db, asked, 1.0, 51), 50)
        size = stored.first(db, asked, 1.0, 51)
    assert size is not None
    theirs = median(lambda _: busy.execute(biggest).fetchall(), 10)
    told(f"biggest shifts of all dyads ({size[1]:,} tests)", ours_us, theirs)
    hit = set(paired(frame.tail(100_000)))
    keys = [{"one": a, "other": b, "dataset": SET} for a, b in hit]
    with database.write() as db:
        for key in keys:
            where = [dyads.c[name] == value for name, value in key.items()]
            db.execute(update(dyads).where(*where).values(changed=dyads.c.changed + 1))
    begun = time.process_time()
    done = refresh(database)
    spent = time.process_time() - begun
    print(f"after a load of 100,000 events: {done:,} dyads in {spent:.1f} s of CPU")
    with database.connect() as db:
        rows = db.execute(select(day_sums).where(day_sums.c["from"] == "S000").limit(1)).all()
        assert rows
        flows = stored.sums_of_pairs(db, SET, every[:50])
    days = [case.days_of_pair(f) for f in flows.values()]
    told(
        "segmenting a busy dyad", median(lambda n: judge.findings(days[n], False, "2023-12-31"), 50)
    )


def main() -> None:
    """Fill an SQLite file and measure."""
    given = argparse.ArgumentParser(prog="python -m bench.shifts_speed", description=__doc__)
    given.add_argument("--events", type=int, default=1_000_000)
    asked = given.parse_args()
    frame = raw(asked.events)
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        database = Database(f"sqlite:///{Path(place) / 'bench.db'}")
        rows = sums(frame)
        fill(database, rows)
        print(f"{len(frame):,} events, {len(rows):,} day sums")
        measured(database, frame)
        database.close()


if __name__ == "__main__":
    main()
