"""Ask the service about daily nets whose changes are known, as their files come.

Nets of states are drawn, written as a file of day sums without classes, loaded by `entente load`,
and each dyad is asked over HTTP. Printed are the changes found within six and two months of their
date, at 0.1 false ones per dyad-decade and as served, and what everything took. The answers must
equal those of the statistics on the same days.
"""

import argparse
import csv
import gzip
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.main import create_app
from app.settings import Settings
from app.shifts.figures import round_chance, round_figure
from app.shifts.statistics import detection
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.verdicts import complete_findings
from app.shifts.statistics.waves import CorpusVotes, PairVotes, cast_votes
from bench.shifts_series import FIRST_MONTH, KnownSeries, NetDyad, draw_net

STATES = (
    "ARM", "AUS", "AZE", "BLR", "BRA", "CHN", "DEU", "EGY", "ESP", "FIN", "FRA", "GBR", "GEO",
    "GRC", "HUN", "IDN", "IND", "IRN", "IRQ", "ISR", "ITA", "JPN", "KAZ", "KOR", "MDA", "MEX",
    "NGA", "PAK", "POL", "PRK", "QAT", "RUS", "SAU", "SRB", "SWE", "SYR", "TUR", "UKR", "USA",
    "VNM",
)  # fmt: skip
MONTHS, LEAST_SIZE, FALSE_CHANGES = 84, 0.3, 0.1
Pair, Row = tuple[str, str], dict[str, Any]


def draw_states(dice: np.random.Generator, actors: int) -> list[NetDyad]:
    """Draw a net of states."""
    names = dict(zip((f"A{n:02d}" for n in range(actors)), STATES, strict=False))
    drawn = draw_net(dice, actors, actors // 4, MONTHS)
    found = []
    for dyad in drawn:
        days = replace(dyad.series.days, classes=np.zeros_like(dyad.series.days.classes))
        pair = (names[dyad.pair[0]], names[dyad.pair[1]])
        found.append(NetDyad(pair, replace(dyad.series, days=days), dyad.has_mover))
    return found


def list_rows(net: Sequence[NetDyad]) -> Iterator[tuple[str, str, str, float, float]]:
    """List the day sums of a net, those of either direction."""
    for dyad in net:
        one, other = dyad.pair
        days = dyad.series.days
        for number, (day, (good, bad)) in enumerate(
            zip(days.day.tolist(), (days.mass / 1000).tolist(), strict=True)
        ):
            sides = (one, other) if number % 2 else (other, one)
            yield (str(day), *sides, good, bad)


def write_net(path: Path, net: Sequence[NetDyad]) -> None:
    """Write a net as a packed file of day sums."""
    with gzip.open(path, "wt", newline="") as file:
        out = csv.writer(file)
        out.writerow(("date", "from", "toward", "positive", "negative"))
        out.writerows(sorted(list_rows(net)))


def run_command(url: str, *words: str) -> float:
    """Run a command of the program on a database; returns the seconds of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    place = os.environ | {"ENTENTE_DATABASE_URL": url}
    subprocess.run([sys.executable, "-m", "app", *words], env=place, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def find_directly(net: Sequence[NetDyad], last: str) -> dict[Pair, list[ShiftFinding]]:
    """Find the dated changes of each dyad from its days alone."""
    cast = {dyad.pair: cast_votes(dyad.series.days) for dyad in net}
    votes = CorpusVotes({pair: some for pair, some in cast.items() if some is not None})
    found = {}
    for dyad in net:
        some = detection.find_shifts(dyad.series.days, last, votes=PairVotes(votes, dyad.pair))
        some = complete_findings(some, dyad.series.days)
        found[dyad.pair] = [one for one in some if one.span is not None and one.enough]
    return found


def is_hit(row: Row, series: KnownSeries, within: int) -> bool:
    """Whether a row of an answer has the month and the direction of a known change."""
    assert series.month is not None
    month = int(np.datetime64(row["onset"][:7], "M").astype(int)) - FIRST_MONTH
    turned = (row["direction"] == "toward") == (series.after > series.before)
    return abs(month - series.month) <= within and turned and row["magnitude"] >= LEAST_SIZE


def score_answers(net: Sequence[NetDyad], rows: dict[Pair, list[Row]]) -> list[str]:
    """Score the dated rows of each dyad: hits, at the same rate of false changes and as served."""
    still = [dyad for dyad in net if dyad.series.month is None]
    moved = [
        dyad
        for dyad in net
        if dyad.series.month is not None
        and abs(dyad.series.after - dyad.series.before) >= LEAST_SIZE
    ]
    decades = len(still) * MONTHS / 120
    false = [row for dyad in still for row in rows[dyad.pair] if row["magnitude"] >= LEAST_SIZE]
    every, allowed = sorted(row["p"] for row in false), int(FALSE_CHANGES * decades)
    limit = every[allowed] if allowed < len(every) else 1.0
    lines = [f"{len(moved)} dyads move, {len(still)} do not ({decades:.0f} dyad-decades)"]
    for name, counts in (
        (f"p < {limit:.4g}, {FALSE_CHANGES} false ones a dyad-decade", lambda r: r["p"] < limit),
        ("verdict shift or strong", lambda r: r["verdict"] in ("shift", "strong")),
    ):
        hits = [
            sum(any(counts(r) and is_hit(r, d.series, within) for r in rows[d.pair]) for d in moved)
            for within in (6, 2)
        ]
        wrong = sum(map(counts, false)) / decades
        lines.append(
            f"{name}: {hits[0]} within 6 months ({hits[0] / len(moved):.2f}), {hits[1]} within 2"
            f" ({hits[1] / len(moved):.2f}); {wrong:.3f} false ones a dyad-decade"
        )
    return lines


def list_differences(
    rows: dict[Pair, list[Row]], found: dict[Pair, list[ShiftFinding]]
) -> list[str]:
    """List the dyads whose answers differ from the statistics of their days, rounded alike."""
    return [
        f"{pair}: {answered} over HTTP, {direct} directly"
        for pair, some in found.items()
        if (answered := [(row["onset"], row["p"], row["magnitude"]) for row in rows[pair]])
        != (
            direct := [
                (one.onset, round_chance(one.p), round_figure(abs(one.change))) for one in some
            ]
        )
    ]


def ask_dyads(api: TestClient, net: Sequence[NetDyad]) -> dict[Pair, list[Row]]:
    """Ask for the dated changes of each dyad."""
    found = {}
    for dyad in net:
        asked = {"actor": dyad.pair[0], "toward": dyad.pair[1], "dataset": "counts"}
        answer = api.get("/v1/shifts", params=asked)
        answer.raise_for_status()
        rows = [row for row in answer.json()["data"] if row["onset"] is not None]
        found[dyad.pair] = [row for row in rows if row["before"] is not None]
    return found


def measure_net(url: str, path: Path, net: Sequence[NetDyad]) -> list[str]:
    """Load a net into a database and ask for all its dyads; raises where answers differ."""
    spent = {"load": run_command(url, "load", str(path), "--format", "counts")}
    spent["find the shifts"] = run_command(url, "shifts", "refresh")
    settings = Settings(database_url=url, alignment_datasets=("counts",))
    with TestClient(create_app(settings)) as api:
        begun = time.process_time()
        rows = ask_dyads(api, net)
        spent["ask for every dyad"] = time.process_time() - begun
        ranking = api.get("/v1/shifts", params={"limit": 1000})
        begun = time.process_time()
        ranking = api.get("/v1/shifts", params={"limit": 1000, "max_q": 1})
        spent["ask for the ranking"] = time.process_time() - begun
        [document] = [d for d in api.get("/v1/datasets").json()["data"] if d["code"] == "counts"]
    begun = time.process_time()
    found = find_directly(net, document["last"])
    spent["the statistics alone"] = time.process_time() - begun
    differing = list_differences(rows, found)
    if differing:
        raise SystemExit("\n".join(differing))
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in spent.items())
    return [*score_answers(net, rows), f"{len(ranking.json()['data'])} rows ranked; CPU: {times}"]


def main() -> None:
    """Draw a net, load it and print what is found."""
    parser = argparse.ArgumentParser(prog="python -m bench.daily_nets", description=__doc__)
    parser.add_argument("--states", type=int, default=36)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        url, path = f"sqlite:///{place}/nets.db", Path(place) / "nets.csv.gz"
        net = draw_states(np.random.default_rng(asked.seed), asked.states)
        write_net(path, net)
        prepare_database(url)
        for line in measure_net(url, path, net):
            print(line, flush=True)


def prepare_database(url: str) -> None:
    """Create the tables and load the bundled actors."""
    with closing(Database(url)) as database:
        upgrade_schema(database)
        load_bundled_data(database)


if __name__ == "__main__":
    main()
