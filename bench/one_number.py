"""Compare every row of a ranking over a large corpus with its detail and its named pair.

Acts between every two of some states are drawn, some of which change, written as a file, loaded
by `entente load`, and ranked. Each row is then asked for by its id, and by naming its two sides:
fields must be equal, and the shares of its evidence must add up to the change. Differences are
printed, and the command then exits 1.

    python -m bench.one_number                  # 250 states, 31,125 dyads
    python -m bench.one_number --states 45      # a few seconds
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

from app.bundled.tables import read_bundled_table
from app.main import create_app
from app.settings import Settings
from app.shifts.statistics.sums import ONE_DAY
from bench.daily_nets import prepare_database, run_command

OF_THE_FAMILY = {
    "id", "q", "family_size", "verdict", "label", "sentence", "headline", "title", "reason",
    "memberships",
}  # fmt: skip
"""Fields of a row that depend on the tests among which it was found, as its verdict does."""
FIRST_DAY, DAYS, PUBLISHERS = np.datetime64("2016-01-01"), 1460, 40
Row = dict[str, Any]
MAX_REMAINDER = 1e-9
"""Most that the shares of the evidence may miss the change by."""
DATASET = "entente"


def list_state_codes(count: int) -> list[str]:
    """List the codes of the first states of the bundled data, then of its territories."""
    tables = (read_bundled_table(name) for name in ("states.csv", "territories.csv"))
    return [str(row["code"]) for table in tables for row in table][:count]


def draw_acts(codes: Sequence[str], seed: int = 8) -> Iterator[dict[str, Any]]:
    """Draw acts between any two of some actors over four years; one dyad of ten turns hostile."""
    dice = np.random.default_rng(seed)
    for n, one in enumerate(codes):
        for other in codes[n + 1 :]:
            moves = dice.random() < 0.1
            for number in range(int(dice.choice([8, 12, 40], p=[0.5, 0.4, 0.1]))):
                at = int(dice.integers(0, DAYS))
                good = dice.random() < (0.2 if moves and at > DAYS // 2 else 0.8)
                day = str(FIRST_DAY + at * ONE_DAY)
                page = {"publisher": f"news{int(dice.integers(PUBLISHERS)):02d}.example"}
                page |= {"url": f"https://{page['publisher']}/{day}/{one}-{other}-{number}"}
                yield {
                    "key": f"{one}-{other}-{number}", "title": f"{one} and {other}", "date": day,
                    "intensity": 4.0 if good else -6.0, "quad": 1 if good else 3,
                    "participants": [{"actor": one, "role": "initiator"},
                                     {"actor": other, "role": "target"}],
                    "reports": [{"source": {**page, "title": f"Of {day}", "published": day}}],
                }  # fmt: skip


def list_rows(api: TestClient) -> list[Row]:
    """List every row of the ranking, page by page."""
    rows, address = [], "/v1/shifts?max_q=1&limit=1000"
    while address:
        answer = api.get(address).json()
        rows += answer["data"]
        address = answer["links"]["next"]
    return rows


def compare_with_detail(api: TestClient, row: Row) -> list[str]:
    """List what differs between a row and the answer to its id."""
    body = api.get(f"/v1/shifts/{row['id']}").json()
    found = [f"{k}: {row[k]!r} listed, {body.get(k)!r} by id" for k in row if body.get(k) != row[k]]
    change = row["after"]["index"] - (row["before"]["index"] if row["before"] else 0.0)
    left = sum(event["share"] for event in body["evidence"]) + body["prior"] - change
    return found + ([f"the shares miss the change by {left}"] if abs(left) > MAX_REMAINDER else [])


def compare_with_named_pair(api: TestClient, row: Row) -> list[str]:
    """List what differs between a row and the same change of its two sides, asked by name."""
    asked = {"actor": row["actor"], "toward": ",".join(row["toward"]), "dataset": row["datasets"]}
    named = api.get("/v1/shifts", params=asked).json()["data"]
    wanted = {k: v for k, v in row.items() if k not in OF_THE_FAMILY}
    if any({k: one[k] for k in wanted} == wanted for one in named):
        return []
    return [f"no row of {asked} equals {wanted}"]


def measure_rows(url: str, every: int) -> int:
    """Compare rows of a database and print the differences; returns how many rows differ."""
    settings = Settings(database_url=url, alignment_datasets=(DATASET,))
    with TestClient(create_app(settings)) as api:
        rows = list_rows(api)
        spent = {"detail": 0.0, "named pair": 0.0}
        differing = 0
        for row in rows[::every]:
            found = []
            for name, compare in (("detail", compare_with_detail),
                                  ("named pair", compare_with_named_pair)):  # fmt: skip
                begun = time.process_time()
                found += compare(api, row)
                spent[name] += time.process_time() - begun
            differing += bool(found)
            for line in found:
                print(f"{row['actor']}–{row['toward']} {row['onset']}: {line}", flush=True)
    compared = len(rows[::every])
    costs = ", ".join(f"{s / max(compared, 1) * 1e3:.1f} ms a {name}" for name, s in spent.items())
    print(f"{compared:,} of {len(rows):,} rows compared, {differing} differ; CPU: {costs}")
    return differing


def main() -> None:
    """Fill a database, unless one is given, and compare the rows of its ranking."""
    parser = argparse.ArgumentParser(prog="python -m bench.one_number", description=__doc__)
    parser.add_argument("--states", type=int, default=250)
    parser.add_argument("--url", help="a database that an earlier run filled")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the database")
    parser.add_argument("--every", type=int, default=1, help="compare each n-th row alone")
    asked = parser.parse_args()
    if asked.url:
        sys.exit(bool(measure_rows(asked.url, asked.every)))
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = asked.keep or Path(place)
        url, path = f"sqlite:///{folder}/numbers.db", Path(place) / "acts.ndjson"
        os.makedirs(folder, exist_ok=True)
        codes = list_state_codes(asked.states)
        with path.open("w") as out:
            for act in draw_acts(codes):
                out.write(json.dumps(act, separators=(",", ":")) + "\n")
        prepare_database(url)
        load = run_command(url, "load", str(path), "--format", "entente", "--dataset", DATASET)
        refresh = run_command(url, "shifts", "refresh")
        dyads = len(codes) * (len(codes) - 1) // 2
        print(f"{dyads:,} dyads; CPU: load {load:.0f} s, find the shifts {refresh:.0f} s")
        sys.exit(bool(measure_rows(url, asked.every)))


if __name__ == "__main__":
    main()
