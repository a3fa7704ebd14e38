"""How good the detection of shifts is: `python -m bench.shifts DYAD_DAYS CASES`.

DYAD_DAYS is a CSV (gzip or not) with the columns i, j, date, n, pg, ng (mass for and against),
gsum (Goldstein sum), vc, mc, vx, mx (events by quad); CASES has i, j, month, direction (+, − or
empty for a dyad in which nothing should be found). Nothing changes in the nulls: months of real
dyads in random blocks of three, thinned by day.
"""

import argparse
import csv
import gzip
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.shifts import breaks, judge, measure
from app.shifts.measure import Days, Floats
from app.shifts.nulls import BLOCK, LEAST_EVENTS, LENGTHS, RATES, Nulls, effective, fit, size

FALSE_ALARMS = 0.05
"""Change points per dyad-decade in which nothing changed, for every detector alike."""


@dataclass(frozen=True, slots=True)
class Dyad:
    """Days of a dyad, with what only the detectors to compare with use."""

    days: Days
    goldstein: Floats


def read(path: Path) -> dict[tuple[str, str], Dyad]:
    """Dyads by their two codes."""
    rows = defaultdict(list)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for r in csv.DictReader(lines):
            mass = [round(float(r[k]) * 1000) for k in ("pg", "ng")]
            quads = [int(r[k]) for k in ("vc", "mc", "vx", "mx")]
            rows[r["i"], r["j"]].append((r["date"], int(r["n"]), *mass, *quads, float(r["gsum"])))
    found = {}
    for pair, held in rows.items():
        held.sort()
        days = measure.gathered([row[:8] for row in held])  # type: ignore[misc]
        found[pair] = Dyad(days, np.array([row[8] for row in held]))
    return found


LEVELS = ("0.05", "0.01", "0.001")


def sizes(nulls: Nulls, null: breaks.Null, draws: int) -> Iterator[str]:
    """How often p falls under a level although nothing changed."""
    yield f"{'a month':>8}{'months':>8}" + "".join(f"{'p <= ' + x:>11}" for x in LEVELS)
    for rate in RATES:
        for length in LENGTHS:
            found = size(nulls, null, draws, rate, length)
            shares = "".join(f"{(found <= float(x)).mean():>11.4f}" for x in LEVELS)
            yield f"{rate:>8}{length:>8}{shares}"


def permuted_sizes(nulls: Nulls, draws: int) -> Iterator[str]:
    """The same for the permutation of three-month blocks."""
    yield f"{'a month':>8}{'months':>8}{'p <= 0.05':>11}"
    for rate in RATES:
        rows = [effective(nulls.draw(rate, 120).days) for _ in range(draws)]
        found = np.array([breaks.p_permuted(r, breaks.CONFIRMED, BLOCK, 199, 199) for r in rows])
        yield f"{rate:>8}{120:>8}{(found <= 0.05).mean():>11.4f}"


def coverage(nulls: Nulls, draws: int) -> Iterator[str]:
    """How often the 90 % interval of the smoothed index holds the true one."""
    yield f"{'half-life':>10}{'covered':>10}{'width':>8}"
    for half_life in (3, 6, 12, 24):
        hits, width = [], []
        for n in range(draws):
            drawn = nulls.draw(RATES[n % len(RATES)], 120)
            months = measure.by_month(drawn.days)
            phi = measure.dispersion(months.mass, measure.MASS_DISPERSION)
            truth = self_share(months.mass)
            rows = measure.saturated(months.mass, phi)
            index = measure.smoothed(rows, 0.5, half_life)
            hits.append(index.low[-1] <= truth <= index.high[-1])
            width.append(index.high[-1] - index.low[-1])
        yield f"{half_life:>10}{np.mean(hits):>10.3f}{np.mean(width):>8.2f}"


def watching(nulls: Nulls, draws: int) -> Iterator[str]:
    """How far the fast index strays from the slow one in ten years without a change."""
    yield f"{'a month':>8}{'5 % pass':>10}{'passes ' + str(judge.WATCH):>12}"
    for rate in RATES:
        seen = []
        for _ in range(draws):
            gaps = judge.gaps(measure.by_month(nulls.draw(rate, 120).days))
            seen.append(np.abs(gaps[24:]).max(initial=0.0))
        share = (np.array(seen) >= judge.WATCH).mean()
        yield f"{rate:>8}{np.quantile(seen, 0.95):>10.2f}{share:>12.3f}"


def self_share(mass: Floats) -> float:
    """The index of a whole series in which nothing changes."""
    good, bad = mass.sum(0)
    return float((good - bad) / max(good + bad, 1e-9))


# ── detectors to compare with ─────────────────────────────────────────────────────────────────
Found = list[tuple[int, float]]
"""(month since 1970-01, change) of each change point."""
Detector = Callable[[Dyad, float], Found]


def quad_6(dyad: Dyad, penalty: float) -> Found:
    """The method of this service."""
    months, rows = measure.by_month(dyad.days), effective(dyad.days)
    cuts = breaks.partition(rows, breaks.CONFIRMED, penalty)
    phi = measure.dispersion(months.mass, measure.MASS_DISPERSION)
    mass = measure.saturated(months.mass, phi)
    ends = [0, *cuts, len(rows)]
    level = [measure.level(mass[a:b]).index for a, b in pairwise(ends)]
    return [(months.first + c, level[n + 1] - level[n]) for n, c in enumerate(cuts)]


def _by_squares(month: np.ndarray, value: Floats, penalty: float, least: int) -> Found:
    """Optimal partitioning by squared distances, in units of the noise between neighbours."""
    if len(value) < 2 * least:
        return []
    noise = np.abs(np.diff(value)).mean() / 1.128 or 1.0
    x = value / noise
    sums = np.concatenate([[0.0], x.cumsum()])
    squares = np.concatenate([[0.0], (x * x).cumsum()])
    best, came = np.full(len(x) + 1, np.inf), np.zeros(len(x) + 1, np.int64)
    best[0] = 0.0
    for end in range(least, len(x) + 1):
        start = np.arange(end - least + 1)
        inner = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - start)
        cost = best[start] + inner + penalty
        came[end] = int(cost.argmin())
        best[end] = cost[came[end]]
    cuts, at = [], int(came[-1])
    while at > 0:
        cuts.append(at)
        at = int(came[at])
    ends = [0, *cuts[::-1], len(x)]
    means = [x[a:b].mean() for a, b in pairwise(ends)]
    return [(int(month[c]), means[n + 1] - means[n]) for n, c in enumerate(ends[1:-1])]


def _monthly(dyad: Dyad) -> tuple[np.ndarray, Floats, Floats, Floats]:
    """Month, balance of mass, mean and sum of Goldstein, of months with events."""
    month = measure.month_of(dyad.days.day)
    names, where = np.unique(month, return_inverse=True)
    mass = np.zeros((len(names), 2))
    np.add.at(mass, where, dyad.days.mass / 1000)
    total, n = (np.bincount(where, v, len(names)) for v in (dyad.goldstein, dyad.days.n))
    balance = (mass[:, 0] - mass[:, 1]) / np.maximum(mass.sum(1), 1e-9)
    return names, balance, total / np.maximum(n, 1), total


def rank(dyad: Dyad, penalty: float) -> Found:
    """Squares on the ranks of the monthly balance."""
    month, balance, _, _ = _monthly(dyad)
    ranks = np.argsort(np.argsort(balance, kind="stable"), kind="stable")
    return _by_squares(month, ranks.astype(float), penalty, 6)


def mean_goldstein(dyad: Dyad, penalty: float) -> Found:
    """Squares on the monthly mean of the Goldstein scale."""
    month, _, mean, _ = _monthly(dyad)
    return _by_squares(month, mean, penalty, 6)


def net_sum(dyad: Dyad, penalty: float) -> Found:
    """Squares on the monthly sum of the Goldstein scale; 0 where nothing happened."""
    month, _, _, total = _monthly(dyad)
    whole = np.arange(month[0], month[-1] + 1)
    value = np.zeros(len(whole))
    value[month - month[0]] = total
    return _by_squares(whole, value, penalty, 6)


DETECTORS: dict[str, Detector] = {
    "quad_6": quad_6, "rank": rank, "mean Goldstein": mean_goldstein, "net sum": net_sum,
}  # fmt: skip


def matched(detector: Detector, drawn: list[Dyad]) -> float:
    """The penalty at which nulls show `FALSE_ALARMS` change points a decade."""
    low, high = 0.1, 400.0
    for _ in range(14):
        middle = (low * high) ** 0.5
        found = np.mean([len(detector(one, middle)) for one in drawn])
        low, high = (middle, high) if found > FALSE_ALARMS else (low, middle)
    return high


def cases(path: Path) -> list[tuple[tuple[str, str], int | None, float]]:
    """(dyad, month, sign) of each documented break; no month for a control."""
    found = []
    for r in csv.DictReader(path.open()):
        pair = r["i"], r["j"]
        month = int(np.datetime64(r["month"], "M").astype(int)) if r["month"] else None
        found.append((pair, month, 1.0 if r["direction"] == "+" else -1.0))
    return found


def comparison(
    dyads: dict[tuple[str, str], Dyad], asked: list[tuple[tuple[str, str], int | None, float]],
    drawn: list[Dyad],
) -> Iterator[str]:  # fmt: skip
    """Documented breaks found, and change points where there should be none."""
    yield f"{'detector':<16}{'penalty':>9}{'in 12 m':>9}{'in 3 m':>8}{'controls, a decade':>20}"
    for name, detector in DETECTORS.items():
        penalty = matched(detector, drawn)
        hits, near, false, years = 0, 0, 0, 0.0
        for pair, month, sign in asked:
            if pair not in dyads:
                continue
            found = detector(dyads[pair], penalty)
            if month is None:
                held = measure.month_of(dyads[pair].days.day)
                false, years = false + len(found), years + (held[-1] - held[0] + 1) / 120
                continue
            away = [abs(at - month) for at, change in found if change * sign > 0]
            hits, near = hits + (min(away, default=99) <= 12), near + (min(away, default=99) <= 3)
        yield f"{name:<16}{penalty:>9.2f}{hits:>9}{near:>8}{false / max(years, 1e-9):>20.2f}"


def main() -> None:
    """Print every table."""
    given = argparse.ArgumentParser(prog="python -m bench.shifts", description=__doc__)
    given.add_argument("dyad_days", type=Path)
    given.add_argument("cases", type=Path)
    given.add_argument("--draws", type=int, default=400, help="nulls for each cell")
    asked = given.parse_args()
    dyads = read(asked.dyad_days)
    busy = [d for d in dyads.values() if d.days.n.sum() >= LEAST_EVENTS]
    print(f"{len(dyads):,} dyads, {len(busy)} of them with {LEAST_EVENTS} events or more\n")
    nulls = Nulls([d.days for d in busy], 20_231_013)
    documented = cases(asked.cases)
    some = [nulls.draw(RATES[n % 4], 120) for n in range(asked.draws // 2)]
    drawn = [Dyad(d.days, busy[d.dyad].goldstein[d.rows]) for d in some]
    tables = (
        ("Size of p, as published", sizes(nulls, breaks.KEDS, asked.draws)),
        ("Size of p, fitted anew", sizes(nulls, fit(nulls, asked.draws), asked.draws)),
        ("Size of the permuted p", permuted_sizes(nulls, asked.draws // 5)),
        ("The watch level", watching(nulls, asked.draws)),
        ("Coverage of the 90 % interval", coverage(nulls, asked.draws)),
        (f"Documented breaks ({sum(m is not None for _, m, _ in documented)}), controls "
         f"({sum(m is None for _, m, _ in documented)})", comparison(dyads, documented, drawn)),
    )  # fmt: skip
    for title, lines in tables:
        begun = time.perf_counter()
        print(title)
        for line in lines:
            print(line, flush=True)
        print(f"{time.perf_counter() - begun:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
