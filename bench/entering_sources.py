"""Measure how often a source that begins mid-series makes a verdict, and what the check costs.

Run `python -m bench.entering_sources`. Made-up series of ten years: acts of steady shares, or of
shares that change, reported by publishers that come and go. Verdicts are those of a named pair
(q is p), with the check within publishers and without it.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from app.shifts.checks import SignalSet, run_checks, to_signal_part
from app.shifts.question import AlignmentQuestion, CountedSignal
from app.shifts.side_periods import ALWAYS
from app.shifts.statistics import detection
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.sums import ONE_DAY, ONE_MONTH
from app.shifts.statistics.verdicts import (
    FindingChecks,
    complete_findings,
    decide_verdict,
    needs_checks,
)

MONTHS, TURN = 120, 60
FIRST = np.datetime64("2010-01", "M")
ASKED = AlignmentQuestion("A", ("B",), (), "both", ("made",), {"B": ALWAYS}, None)
SCORES = {1: 4.0, 2: 7.0, 3: -4.0, 4: -8.0}
Report = tuple[int, float, frozenset[str]]
"""Month, probability of a friendly act, and the publishers, of one act."""


def report_steadily(
    dice: np.random.Generator, rate: float, share: float, names: Sequence[str], first: int = 0,
    last: int = MONTHS, each: int = 1,
) -> list[Report]:  # fmt: skip
    """Report acts of a steady share from one month to another, by publishers of unequal size.

    Each act has `each` publishers.
    """
    weight = 1 / np.arange(1, len(names) + 1)
    weight /= weight.sum()
    found = []
    for month in range(first, last):
        for _ in range(dice.poisson(rate)):
            chosen = dice.choice(names, each, replace=False, p=weight)
            found.append((month, share, frozenset(map(str, chosen))))
    return found


def make_names(count: int, prefix: str = "p") -> list[str]:
    """Name some publishers."""
    return [f"{prefix}{n}" for n in range(count)]


def make_signals(dice: np.random.Generator, reports: Sequence[Report]) -> SignalSet:
    """Make the signals of acts."""
    signals, publishers = [], []
    for n, (month, share, of_act) in enumerate(reports):
        within = int(dice.integers(0, 28)) * ONE_DAY
        day = (FIRST + month * ONE_MONTH).astype("datetime64[D]") + within
        quad = int(dice.choice([1, 1, 2])) if dice.random() < share else int(dice.choice([3, 3, 4]))
        pair = ("A", "B") if dice.random() < 0.5 else ("B", "A")
        score = SCORES[quad]
        signals.append(
            CountedSignal(
                *pair, str(day), score, 1.0, quad, f"e{n}", n, 1, round(abs(score) * 100), 1000
            )
        )
        publishers.append(of_act)
    parts = [to_signal_part(ASKED, s) for s in signals]
    counted = [part for part in parts if part is not None]
    return SignalSet(ASKED, signals, counted, publishers, {n: n for p in publishers for n in p})


def decide_both(whole: SignalSet) -> tuple[bool, bool, bool]:
    """Decide whether p ≤ 0.05, and whether there is a verdict without and with the check."""
    days, fitted = whole.gather_days(), Calibration()
    found = complete_findings(detection.find_shifts(days, str(days.day[-1])), days)
    certain = without = with_check = False
    for one in found:
        if not needs_checks(one):
            continue
        certain = True
        failed, publisher, within = run_checks(whole, one, days, fitted, lambda _: {})
        checks = FindingChecks(failed, publisher, within, 0.0, None, None, (), None)
        rest = tuple(name for name in failed if name != "within_publishers")
        claims = ("strong", "shift")
        with_check |= decide_verdict(one, one.p, checks) in claims
        without |= decide_verdict(one, one.p, replace(checks, failed=rest)) in claims
    return certain, without, with_check


def build_cases(rate: float) -> dict[str, Callable[[np.random.Generator], list[Report]]]:
    """Build the kinds of series, by name."""
    few, many, new = make_names(3), make_names(30), make_names(5, "new")

    def steady(names: Sequence[str], share: float = 0.75) -> Callable[..., list[Report]]:
        return lambda dice: report_steadily(dice, rate, share, names)

    def entering(
        names: Sequence[str], share: float, newcomers: Sequence[str], each: int = 1
    ) -> Callable[..., list[Report]]:
        return lambda dice: (
            report_steadily(dice, rate, 0.75, names)
            + report_steadily(dice, rate, share, newcomers, TURN, each=each)
        )

    def taking_over(share: float) -> Callable[..., list[Report]]:
        return lambda dice: (
            report_steadily(dice, rate, 0.75, few, 0, TURN)
            + report_steadily(dice, rate, share, new, TURN)
        )

    def changing(names: Sequence[str], drop: float) -> Callable[..., list[Report]]:
        return lambda dice: (
            report_steadily(dice, rate, 0.8, names, 0, TURN)
            + report_steadily(dice, rate, 0.8 - drop, names, TURN)
        )

    def changing_with_turnover(drop: float) -> Callable[..., list[Report]]:
        return lambda dice: (
            report_steadily(dice, rate, 0.8, many[:20], 0, TURN)
            + report_steadily(dice, rate, 0.8 - drop, many[10:], TURN)
        )

    return {
        "steady, 3 publishers": steady(few),
        "steady, 30 publishers": steady(many),
        "conflict only enters beside 1": entering(few[:1], 0.0, new[:1]),
        "conflict only enters beside 3": entering(few, 0.0, new[:1]),
        "conflict only enters beside 30": entering(many, 0.0, new[:1]),
        "conflict only enters beside 3, as 5 publishers": entering(few, 0.0, new),
        "conflict only enters beside 3, each act twice": entering(few, 0.0, new[:2], 2),
        "mixed enters beside 1": entering(few[:1], 0.45, new[:1]),
        "mixed enters beside 3": entering(few, 0.45, new[:1]),
        "mixed enters beside 30": entering(many, 0.45, new[:1]),
        "mixed enters beside 3, as 5 publishers": entering(few, 0.45, new),
        "mixed enters beside 3, each act twice": entering(few, 0.45, new[:2], 2),
        "mixed takes over": taking_over(0.45),
        "change of 1.2, 1 publisher": changing(few[:1], 0.6),
        "change of 1.2, 3 publishers": changing(few, 0.6),
        "change of 1.2, 30 publishers": changing(many, 0.6),
        "change of 0.7, 3 publishers": changing(few, 0.35),
        "change of 0.7, 30 publishers": changing(many, 0.35),
        "change of 1.2, half of 30 come or go": changing_with_turnover(0.6),
        "change of 0.7, half of 30 come or go": changing_with_turnover(0.35),
    }


def main() -> None:
    """Print the share of series with p ≤ 0.05, and with a verdict without and with the check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=200, help="series of each kind and rate")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print(
        "| series | acts a month | p ≤ 0.05 | without the check | with it |\n|---|---|---|---|---|"
    )
    for rate in (3.0, 10.0):
        for name, make in build_cases(rate).items():
            dice = np.random.default_rng([chosen.seed, int(rate)])
            rows = [decide_both(make_signals(dice, make(dice))) for _ in range(chosen.series)]
            shares = np.array(rows).mean(0)
            print(f"| {name} | {rate:.0f} | {' | '.join(f'{s:.2f}' for s in shares)} |", flush=True)


if __name__ == "__main__":
    main()
