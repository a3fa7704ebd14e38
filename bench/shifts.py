"""Measure how good the detection of shifts is.

Run `python -m bench.shifts`: it scores the detection on generated series whose changes are known,
as `/v1/shifts/calibration` and docs/shifts.md have it. `--quick` takes seconds and says little,
`--write` keeps the scores. With `DYAD_DAYS CASES` it measures on real dyads.

DYAD_DAYS is a CSV (gzip or not) with the columns i, j, date, n, pg, ng (mass for and
against), gsum (Goldstein sum), vc, mc, vx, mx (events by quad).
CASES has i, j, month, direction (+, − or empty for a dyad in which nothing should be found). Null
series have no change: they are months of real dyads in random blocks of three, thinned by day.
"""

import argparse
import csv
import gzip
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.shifts.statistics import changepoints, detection, index, null_model
from app.shifts.statistics.levels import measure_level
from app.shifts.statistics.null_distribution import (
    LENGTHS,
    MIN_DYAD_EVENTS,
    RATES,
    DrawnSeries,
    NullSource,
    ShuffledNulls,
    effective_classes,
    fit_null_model,
    measure_test_size,
)
from app.shifts.statistics.permutation import BLOCK_MONTHS
from app.shifts.statistics.scan_rows import monthly_rows
from app.shifts.statistics.sums import (
    CLASS_UNIT,
    ONE_MONTH,
    DaySeries,
    Floats,
    Ints,
    gather_days,
    month_number,
    sum_by_month,
)
from app.shifts.statistics.verdicts import WATCH_GAP, index_gaps
from bench.shifts_scores import SEED, render_scores, score_detection, write_scores

FALSE_ALARMS = 0.05
"""Change points per dyad-decade in which nothing changed, for every detector alike."""


@dataclass(frozen=True, slots=True)
class Dyad:
    """The days of a dyad, with the Goldstein sums that only the compared detectors use."""

    days: DaySeries
    goldstein: Floats


def read_dyads(path: Path) -> dict[tuple[str, str], Dyad]:
    """Read the dyads of a file by their two codes."""
    rows = defaultdict(list)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for r in csv.DictReader(lines):
            mass = [round(float(r[k]) * 1000) for k in ("pg", "ng")]
            quads = [CLASS_UNIT * int(r[k]) for k in ("vc", "mc", "vx", "mx")]
            rows[r["i"], r["j"]].append((r["date"], int(r["n"]), *mass, *quads, float(r["gsum"])))
    found = {}
    for pair, days_of_pair in rows.items():
        days_of_pair.sort()
        days = gather_days([row[:8] for row in days_of_pair])  # type: ignore[misc]
        found[pair] = Dyad(days, np.array([row[8] for row in days_of_pair]))
    return found


LEVELS = ("0.05", "0.01", "0.001")
HEAD = (
    "".join(f"{'p <= ' + x:>11}" for x in LEVELS)
    + "   "
    + "".join(f"{'closed ' + x:>14}" for x in LEVELS)
)
SOME = 400
"""Null series for each cell that a null distribution is fitted to."""


def _format_shares(found: Floats) -> str:
    p, closed = ([float((of <= float(x)).mean()) for x in LEVELS] for of in found.T[::-1])
    return "".join(f"{x:>14.4f}" for x in (*p, *closed))


def measure_size(nulls: NullSource, null: null_model.NullModel, draws: int) -> Iterator[str]:
    """Measure how often p, and the closed p, fall under a level although nothing changed."""
    yield f"{'a month':>8}{'months':>8}{HEAD}"
    every = []
    for rate in RATES:
        for length in LENGTHS:
            every.append(measure_test_size(nulls, null, draws, rate, length))
            yield f"{rate:>8}{length:>8}{_format_shares(every[-1])}"
    yield f"{'all':>16}{_format_shares(np.concatenate(every))}"


def measure_size_elsewhere(
    sources: Mapping[str, Callable[[], tuple[NullSource, null_model.NullModel]]], draws: int
) -> Iterator[str]:
    """Measure that over all cells for other series, with the least and greatest of one cell."""
    yield f"{'series':<34}{HEAD}   at 0.05, by cell"
    for name, make in sources.items():
        source, null = make()
        cells = [measure_test_size(source, null, draws, r, n) for r in RATES for n in LENGTHS]
        share = [float((c[:, 1] <= 0.05).mean()) for c in cells]
        shares = _format_shares(np.concatenate(cells))
        yield f"{name:<34}{shares}   {min(share):.3f} to {max(share):.3f}"


Kind = Callable[[np.random.Generator, float, int], tuple[Ints, Floats]]
"""Takes dice, events a month and quarters; returns (quarters, 3) counts and (quarters, 4) shares of
classes."""
GULF = (0.37, 0.17, 0.25, 0.21)
"""Shares of the four classes in the KEDS Gulf data."""


def _make_steady_kind(shares: tuple[float, ...]) -> Kind:
    def draw_counts(dice: np.random.Generator, rate: float, quarters: int) -> tuple[Ints, Floats]:
        return dice.poisson(rate, (quarters, 3)), np.tile(shares, (quarters, 1))

    return draw_counts


def _draw_uneven(dice: np.random.Generator, rate: float, quarters: int) -> tuple[Ints, Floats]:
    """Draw counts of variance n + n² / 0.3."""
    found = dice.poisson(dice.gamma(0.3, rate / 0.3, (quarters, 3)))
    return found, np.tile(GULF, (quarters, 1))


def _draw_moods(dice: np.random.Generator, rate: float, quarters: int) -> tuple[Ints, Floats]:
    """Draw shares for each quarter, which its three months have in common."""
    return dice.poisson(rate, (quarters, 3)), dice.dirichlet(np.array(GULF) * 3, quarters)


def _draw_bursts(dice: np.random.Generator, rate: float, quarters: int) -> tuple[Ints, Floats]:
    """Draw counts where one quarter of twenty has fifteen times as many events, most hostile."""
    burst = dice.random(quarters) < 0.05
    counts = dice.poisson(rate * np.where(burst, 15, 1)[:, None], (quarters, 3))
    return counts, np.where(burst[:, None], (0.05, 0.0, 0.25, 0.7), GULF)


KINDS: dict[str, Kind] = {
    "Poisson counts": _make_steady_kind(GULF), "negative-binomial counts": _draw_uneven,
    "nine of ten acts friendly": _make_steady_kind((0.75, 0.15, 0.08, 0.02)),
    "words alone": _make_steady_kind((0.7, 0.0, 0.3, 0.0)), "a mood for each quarter": _draw_moods,
    "bursts of hostility": _draw_bursts,
}  # fmt: skip


class SyntheticSeries:
    """A source of synthetic series, drawn quarter by quarter."""

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind, self.dice = kind, np.random.default_rng(seed)

    def draw(self, rate: float, length: int) -> DrawnSeries:
        """A series of `length` months with about `rate` events a month."""
        while True:
            counts, shares = self.kind(self.dice, rate, -(-length // BLOCK_MONTHS))
            total = counts.sum(1)
            if total.sum() > 1:
                break
        turn = self.dice.random(int(total.sum()))
        bounds = shares.cumsum(1).repeat(total, axis=0)
        quad = np.minimum((turn[:, None] > bounds).sum(1), 3)
        month = np.arange(counts.size).repeat(counts.ravel())
        start = month.astype("datetime64[M]").astype("datetime64[D]")
        day, where = np.unique(start + self.dice.integers(0, 28, len(month)), return_inverse=True)
        classes = np.zeros((len(day), 4), np.int64)
        np.add.at(classes, (where, quad), CLASS_UNIT)
        mass = 400 * np.stack([classes[:, :2].sum(1), classes[:, 2:].sum(1)], axis=1) // CLASS_UNIT
        n = classes.sum(1) // CLASS_UNIT
        return DrawnSeries(0, where, DaySeries(day, n, mass, classes))


@dataclass(frozen=True, slots=True)
class LateBlocks:
    """A source of null series whose blocks begin a month after the quarters of the calendar."""

    nulls: ShuffledNulls

    def draw(self, rate: float, length: int) -> DrawnSeries:
        """A series of `length` months with about `rate` events a month."""
        drawn = self.nulls.draw(rate, length)
        days = drawn.days
        month = days.day.astype("datetime64[M]")
        day = (month + ONE_MONTH).astype("datetime64[D]") + (
            days.day - month.astype("datetime64[D]")
        )
        order = np.argsort(day, kind="stable")
        moved = DaySeries(day[order], days.n[order], days.mass[order], days.classes[order])
        return DrawnSeries(drawn.dyad, drawn.rows[order], moved)


def build_other_series(
    days: list[DaySeries],
) -> dict[str, Callable[[], tuple[NullSource, null_model.NullModel]]]:
    """Build series that p was not fitted to, each with the null distribution to test it with."""

    def fit_half(first: int) -> tuple[NullSource, null_model.NullModel]:
        return ShuffledNulls(days[1 - first :: 2], 7), fit_null_model(
            ShuffledNulls(days[first::2], 6), SOME
        )

    found: dict[str, Callable[[], tuple[NullSource, null_model.NullModel]]] = {
        "fitted on the one half of dyads": lambda: fit_half(0),
        "fitted on the other": lambda: fit_half(1),
        "blocks that begin a month late": lambda: (
            LateBlocks(ShuffledNulls(days, 8)),
            null_model.KEDS_NULL,
        ),
    }
    for name, kind in KINDS.items():
        found[name] = partial(lambda kind: (SyntheticSeries(kind, 9), null_model.KEDS_NULL), kind)
    return found


def measure_false_changes(nulls: ShuffledNulls, draws: int) -> Iterator[str]:
    """Measure how often changes with p <= 0.05 are found where there is none, or only one.

    The first are 120 quiet months. The second are 240 quiet months in whose middle another dyad
    takes over, where more than one change is an error.
    """
    heads = f"{'quiet: cut':>12}{'p <= 0.05':>11}{'one change: cut twice':>23}"
    yield f"{'a month':>8}{heads}{'two p <= 0.05':>15}"
    for rate in RATES:
        shares = []
        for _ in range(draws):
            one, other = (nulls.draw(rate, 120).days for _ in range(2))
            month = other.day.astype("datetime64[M]")
            day = (month + 120 * ONE_MONTH).astype("datetime64[D]") + (
                other.day - month.astype("datetime64[D]")
            )
            parts = zip(
                (one.day, one.n, one.mass, one.classes), (day, other.n, other.mass, other.classes),
                strict=True,
            )  # fmt: skip
            both = DaySeries(*(np.concatenate(part) for part in parts))
            quiet, changed = (detection.find_shifts(d, "1999-01-01") for d in (one, both))
            low = [sum(f.p <= 0.05 for f in found) for found in (quiet, changed)]
            shares.append((len(quiet) > 1, low[0] > 0, len(changed) > 1, low[1] > 1))
        a, b, c, d = np.mean(shares, axis=0)
        yield f"{rate:>8}{a:>12.3f}{b:>11.3f}{c:>23.3f}{d:>15.3f}"


def measure_coverage(nulls: ShuffledNulls, draws: int) -> Iterator[str]:
    """Measure how often the 90 % interval of the smoothed index contains the true index."""
    yield f"{'half-life':>10}{'covered':>10}{'width':>8}"
    for half_life in (3, 6, 12, 24):
        hits, width = [], []
        for n in range(draws):
            drawn = nulls.draw(RATES[n % len(RATES)], 120)
            months = sum_by_month(drawn.days)
            phi = index.estimate_dispersion(months.mass, index.MASS_DISPERSION)
            truth = self_share(months.mass)
            rows = index.saturate_counts(months.mass, phi)
            smoothed = index.smooth_index(rows, 0.5, half_life)
            hits.append(smoothed.low[-1] <= truth <= smoothed.high[-1])
            width.append(smoothed.high[-1] - smoothed.low[-1])
        yield f"{half_life:>10}{np.mean(hits):>10.3f}{np.mean(width):>8.2f}"


def measure_watch_level(nulls: ShuffledNulls, draws: int) -> Iterator[str]:
    """Measure how far the fast index moves from the slow one in ten years without a change."""
    yield f"{'a month':>8}{'5 % pass':>10}{'passes ' + str(WATCH_GAP):>12}"
    for rate in RATES:
        greatest = []
        for _ in range(draws):
            gaps = index_gaps(monthly_rows(nulls.draw(rate, 120).days).mass)
            greatest.append(np.abs(gaps[24:]).max(initial=0.0))
        share = (np.array(greatest) >= WATCH_GAP).mean()
        yield f"{rate:>8}{np.quantile(greatest, 0.95):>10.2f}{share:>12.3f}"


def self_share(mass: Floats) -> float:
    """Return the index of a whole series in which nothing changes."""
    good, bad = mass.sum(0)
    return float((good - bad) / max(good + bad, 1e-9))


# ── detectors to compare with ─────────────────────────────────────────────────────────────────
Found = list[tuple[int, float]]
"""The month since 1970-01 and the change of each change point."""
Detector = Callable[[Dyad, float], Found]


def detect_by_quad_6(dyad: Dyad, penalty: float) -> Found:
    """Detect change points by the method of this service."""
    months, rows = sum_by_month(dyad.days), effective_classes(dyad.days)
    cuts = changepoints.partition_series(rows, changepoints.CONFIRMED, penalty)
    phi = index.estimate_dispersion(months.mass, index.MASS_DISPERSION)
    mass = index.saturate_counts(months.mass, phi)
    ends = [0, *cuts, len(rows)]
    level = [measure_level(mass[a:b]).index for a, b in pairwise(ends)]
    return [(months.first + c, level[n + 1] - level[n]) for n, c in enumerate(cuts)]


def _partition_by_squares(month: np.ndarray, value: Floats, penalty: float, least: int) -> Found:
    """Partition by least squared distances, in units of the noise between neighbours."""
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


def _sum_by_month(dyad: Dyad) -> tuple[np.ndarray, Floats, Floats, Floats]:
    """Return month, balance of mass, mean and sum of Goldstein, for months with events."""
    month = month_number(dyad.days.day)
    names, where = np.unique(month, return_inverse=True)
    mass = np.zeros((len(names), 2))
    np.add.at(mass, where, dyad.days.mass / 1000)
    total, n = (np.bincount(where, v, len(names)) for v in (dyad.goldstein, dyad.days.n))
    balance = (mass[:, 0] - mass[:, 1]) / np.maximum(mass.sum(1), 1e-9)
    return names, balance, total / np.maximum(n, 1), total


def detect_by_rank(dyad: Dyad, penalty: float) -> Found:
    """Detect change points by squares on the ranks of the monthly balance."""
    month, balance, _, _ = _sum_by_month(dyad)
    ranks = np.argsort(np.argsort(balance, kind="stable"), kind="stable")
    return _partition_by_squares(month, ranks.astype(float), penalty, 6)


def detect_by_mean(dyad: Dyad, penalty: float) -> Found:
    """Detect change points by squares on the monthly mean of the Goldstein scale."""
    month, _, mean, _ = _sum_by_month(dyad)
    return _partition_by_squares(month, mean, penalty, 6)


def detect_by_sum(dyad: Dyad, penalty: float) -> Found:
    """Detect change points by squares on the monthly Goldstein sum, 0 without events."""
    month, _, _, total = _sum_by_month(dyad)
    whole = np.arange(month[0], month[-1] + 1)
    value = np.zeros(len(whole))
    value[month - month[0]] = total
    return _partition_by_squares(whole, value, penalty, 6)


DETECTORS: dict[str, Detector] = {
    "quad_6": detect_by_quad_6,
    "rank": detect_by_rank,
    "mean Goldstein": detect_by_mean,
    "net sum": detect_by_sum,
}


def match_penalty(detector: Detector, drawn: list[Dyad]) -> float:
    """Find the penalty at which null series have `FALSE_ALARMS` change points a decade."""
    low, high = 0.1, 400.0
    for _ in range(14):
        middle = (low * high) ** 0.5
        found = np.mean([len(detector(one, middle)) for one in drawn])
        low, high = (middle, high) if found > FALSE_ALARMS else (low, middle)
    return high


def read_breaks(path: Path) -> list[tuple[tuple[str, str], int | None, float]]:
    """Read the dyad, month and sign of each documented break; a control has no month."""
    found = []
    for r in csv.DictReader(path.open()):
        pair = r["i"], r["j"]
        month = int(np.datetime64(r["month"], "M").astype(int)) if r["month"] else None
        found.append((pair, month, 1.0 if r["direction"] == "+" else -1.0))
    return found


def compare_detectors(
    dyads: dict[tuple[str, str], Dyad], asked: list[tuple[tuple[str, str], int | None, float]],
    drawn: list[Dyad],
) -> Iterator[str]:  # fmt: skip
    """Compare detectors by documented breaks found and change points found in controls."""
    yield f"{'detector':<16}{'penalty':>9}{'in 12 m':>9}{'in 3 m':>8}{'controls, a decade':>20}"
    for name, detector in DETECTORS.items():
        penalty = match_penalty(detector, drawn)
        hits, near, false, years = 0, 0, 0, 0.0
        for pair, month, sign in asked:
            if pair not in dyads:
                continue
            found = detector(dyads[pair], penalty)
            if month is None:
                month_numbers = month_number(dyads[pair].days.day)
                false, years = (
                    false + len(found),
                    years + (month_numbers[-1] - month_numbers[0] + 1) / 120,
                )
                continue
            away = [abs(at - month) for at, change in found if change * sign > 0]
            hits, near = hits + (min(away, default=99) <= 12), near + (min(away, default=99) <= 3)
        yield f"{name:<16}{penalty:>9.2f}{hits:>9}{near:>8}{false / max(years, 1e-9):>20.2f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.shifts", description=__doc__)
    parser.add_argument("dyad_days", type=Path, nargs="?")
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--quick", action="store_true", help="few generated series")
    parser.add_argument("--write", action="store_true", help="keep the scores of this run")
    parser.add_argument("--seed", type=int, default=SEED, help="of the generated series")
    parser.add_argument("--draws", type=int, default=400, help="nulls for each cell")
    parser.add_argument("--only", help="the one table to print: its first word")
    asked = parser.parse_args()
    if asked.dyad_days is None or asked.cases is None:
        size = (6, 9, 1, asked.seed, 1) if asked.quick else (400, 30, 6, asked.seed)
        scores = score_detection(*size)
        if asked.write:
            write_scores(scores)
        print(render_scores(scores))
        return
    dyads = read_dyads(asked.dyad_days)
    busy = [d for d in dyads.values() if d.days.n.sum() >= MIN_DYAD_EVENTS]
    print(f"{len(dyads):,} dyads, {len(busy)} of them with {MIN_DYAD_EVENTS} events or more\n")
    days = [d.days for d in busy]
    nulls = ShuffledNulls(days, 20_231_013)
    documented = read_breaks(asked.cases)
    some = [nulls.draw(RATES[n % 4], 120) for n in range(asked.draws // 2)]
    drawn = [Dyad(d.days, busy[d.dyad].goldstein[d.rows]) for d in some]
    tables = (
        ("Size of p, as published", measure_size(nulls, null_model.KEDS_NULL, asked.draws)),
        (
            "Elsewhere: size of p in all cells of other series",
            measure_size_elsewhere(build_other_series(days), asked.draws),
        ),
        ("Changes where there are none, or but one", measure_false_changes(nulls, asked.draws)),
        ("Watch level", measure_watch_level(nulls, asked.draws)),
        ("Coverage of the 90 % interval", measure_coverage(nulls, asked.draws)),
        (
            f"Documented breaks ({sum(m is not None for _, m, _ in documented)}), controls "
            f"({sum(m is None for _, m, _ in documented)})",
            compare_detectors(dyads, documented, drawn),
        ),
    )
    for title, lines in tables:
        if asked.only and not title.lower().startswith(asked.only.lower()):
            continue
        begun = time.process_time()
        print(title)
        for line in lines:
            print(line, flush=True)
        print(f"{time.process_time() - begun:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
