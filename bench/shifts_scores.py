"""Score the detection of shifts on series whose changes are known: `/v1/shifts/calibration`."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from app.shifts.families import UNDATED_TEST
from app.shifts.scores import SCORES_FILE
from app.shifts.statistics import changepoints, detection
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.levels import measure_level
from app.shifts.statistics.scan_rows import rows_of_level
from app.shifts.statistics.waves import CorpusVotes, PairVotes, cast_votes
from bench.shifts_series import (
    FIRST_MONTH,
    ChangeKind,
    KnownSeries,
    NetDyad,
    draw_changed,
    draw_net,
    draw_quiet,
)

RATES, LENGTHS = (0.4, 1.0, 3.0, 10.0, 30.0), (60, 120, 240)
"""Acts a month, and months, of the series."""
KINDS: tuple[tuple[ChangeKind, float], ...] = (
    ("step", 0.35), ("step", 0.7), ("drift", 0.7), ("ramp", 0.7), ("severity", 0.7),
)  # fmt: skip
"""Kinds of change, and the part of the acts that it concerns."""
FALSE_CHANGES = 0.1
"""False changes per dyad-decade at which powers are compared."""
LEAST_SIZE = 0.3
DISCOVERY_PART = 25
"""Times as many series of 120 months: false discoveries rest on few of them.

Of 800 series a cell the share of false ones among discoveries had a standard error of 0.03, of
2,000 one of 0.014.
"""
CHANGED_PART = 3
"""Times as many changed series among which false discoveries are counted."""
SEED = 20_261_201
"""Seed of the published run."""
PAGE = Path(__file__).resolve().parents[1] / "docs" / "shifts.md"
BEGIN, END = "<!-- scores: begin -->", "<!-- scores: end -->"
Found = list[ShiftFinding]
Scores = dict[str, Any]


def find(series: KnownSeries, votes: PairVotes | None = None) -> Found:
    """Find the dated changes of a series that have enough data."""
    found = detection.find_shifts(series.days, "2040-12-31", votes=votes)
    return [one for one in found if one.span is not None and one.enough]


def month_of_onset(finding: ShiftFinding) -> int:
    """Return the month of an onset from the first of the series on."""
    assert finding.onset is not None
    return int(np.datetime64(finding.onset[:7], "M").astype(int)) - FIRST_MONTH


def covers_change(finding: ShiftFinding, series: KnownSeries) -> bool:
    """Whether the days of a finding contain the true change, with a month on either side."""
    assert finding.span is not None
    if series.month is None:
        return False
    first, last = (
        int(np.datetime64(day[:7], "M").astype(int)) - FIRST_MONTH
        for day in (finding.span[0], finding.span[2])
    )
    return first + 1 < series.month < last - 1


def is_right(finding: ShiftFinding, series: KnownSeries, within: int) -> bool:
    """Whether a finding has the month and, where the sign changes, the direction of a change."""
    assert series.month is not None
    turned = (finding.change > 0) == (series.after > series.before)
    return abs(month_of_onset(finding) - series.month) <= within and turned


def share(values: Sequence[bool]) -> float:
    """Return a share, rounded for print."""
    return round(float(np.mean(values)), 3) if len(values) else float("nan")


def match_threshold(quiet: Sequence[Found], decades: float) -> float:
    """Find the p at which series without a change have `FALSE_CHANGES` a decade."""
    every = np.sort([one.p for found in quiet for one in found])
    allowed = int(FALSE_CHANGES * decades)
    return float(every[allowed - 1]) if 0 < allowed <= len(every) else 1.0


def measure_sizes(
    dice: np.random.Generator, draws: int, part: int = DISCOVERY_PART
) -> tuple[list[Scores], dict[float, list[Found]]]:
    """Measure how often p <= 0.05 comes without a change; also returns findings by rate."""
    table, quiet = [], {}
    for rate in RATES:
        for months in LENGTHS:
            count = part * draws if months == 120 else draws
            found = [find(draw_quiet(dice, rate, months)) for _ in range(count)]
            if months == 120:
                quiet[rate] = found
            size = share([any(one.p <= 0.05 for one in some) for some in found])
            tests = [one.p <= 0.05 for some in found for one in some]
            table.append(
                {"rate": rate, "months": months, "series": count, "any": size, "test": share(tests)}
            )
    return table, quiet


def list_tests(found: Found, series: KnownSeries | None = None) -> list[tuple[float, bool]]:
    """List p of the tests of a series, and whether each would be a false finding.

    As in the service, one whose best date leaves too little on a side is a test with p of 1.
    """
    tests = [(f.p, series is None or not covers_change(f, series)) for f in found]
    return tests or [(UNDATED_TEST[0], True)]


def measure_discoveries(
    dice: np.random.Generator, quiet: dict[float, list[Found]], draws: int
) -> list[Scores]:
    """Measure the share of false ones among findings with q <= 0.10, sparse and dense."""
    table = []
    for density, rates in (("sparse", RATES[:3]), ("dense", RATES[3:])):
        nulls = [list_tests(some) for rate in rates for some in quiet[rate]]
        changed = []
        for rate in rates:
            for _ in range(CHANGED_PART * draws):
                series = draw_changed(dice, rate, 120, "step", 0.8)
                changed.append(list_tests(find(series), series))
        for part in (0.10, 0.03):
            shares = []
            count = round(len(nulls) * part / (1 - part))
            for _ in range(300):
                drawn = [nulls[n] for n in dice.integers(len(nulls), size=len(nulls))]
                drawn += [changed[n] for n in dice.integers(len(changed), size=count)]
                tests = [test for some in drawn for test in some]
                q = changepoints.benjamini_hochberg([p for p, _ in tests])
                false = [wrong for (_, wrong), rate in zip(tests, q, strict=True) if rate <= 0.10]
                shares.append(sum(false) / max(len(false), 1))
            table.append(
                {"density": density, "changed": part, "false": round(float(np.mean(shares)), 3)}
            )
    return table


def measure_powers(
    dice: np.random.Generator, quiet: dict[float, list[Found]], draws: int
) -> tuple[list[Scores], list[Scores], list[Scores], float]:
    """Measure power by kind and rate; also coverage, onset sets, and the matched threshold."""
    limit = match_threshold(
        [f for some in quiet.values() for f in some], sum(map(len, quiet.values()))
    )
    powers, onsets, levels = [], [], []
    for rate in RATES:
        dated: list[tuple[ShiftFinding, KnownSeries]] = []
        for kind, size in KINDS:
            within = 12 if kind in ("step", "severity") else 24
            hits = []
            for _ in range(draws):
                series = draw_changed(dice, rate, 120, kind, size)
                found = find(series)
                signed = kind != "severity"
                hits.append(
                    any(
                        one.p <= limit
                        and (
                            is_right(one, series, within)
                            or (
                                not signed
                                and abs(month_of_onset(one) - (series.month or 0)) <= within
                            )
                        )
                        for one in found
                    )
                )
                if kind == "step":
                    dated += [
                        (one, series)
                        for one in found
                        if one.p <= 0.05
                        and covers_change(one, series)
                        and is_right(one, series, 99)
                    ]
            powers.append(
                {"kind": kind, "size": size, "rate": rate, "months": 120, "power": share(hits)}
            )
        onsets.append(
            {
                "rate": rate,
                "contains": share([contains_onset(f, s) for f, s in dated]),
                "found": len(dated),
            }
        )
        levels.append({"rate": rate} | measure_levels_of(dated))
    return powers, onsets, levels, limit


def contains_onset(finding: ShiftFinding, series: KnownSeries) -> bool:
    """Whether the onset set contains the month of the change, or a gap of acts around it."""
    assert series.month is not None
    begins = (np.datetime64(FIRST_MONTH + series.month, "M")).astype("datetime64[D]")
    at = int(series.days.day.searchsorted(begins))
    last, next_ = series.days.day[max(at - 1, 0)], series.days.day[min(at, len(series.days) - 1)]
    return any(
        np.datetime64(first) <= next_ and np.datetime64(until) > last
        for first, until in finding.onset_set
    )


def measure_levels_of(dated: Sequence[tuple[ShiftFinding, KnownSeries]]) -> Scores:
    """Measure how often the intervals before and after a found change contain the true level."""
    before, after = [], []
    for one, series in dated:
        assert one.before is not None
        assert one.after is not None
        before.append(one.before.low <= series.before <= one.before.high)
        after.append(one.after.low <= series.after <= one.after.high)
    return {"before": share(before), "after": share(after)}


def measure_steady_levels(dice: np.random.Generator, draws: int) -> list[Scores]:
    """Measure how often the interval of a level without a date contains the true one."""
    table = []
    for rate in RATES:
        hits = []
        for _ in range(draws):
            series = draw_quiet(dice, rate, 84)
            level = measure_level(rows_of_level(series.days).mass)
            hits.append(level.low <= series.before <= level.high)
        table.append({"rate": rate, "contains": share(hits)})
    return table


def measure_waves(dice: np.random.Generator, actors: int, nets: int) -> list[Scores]:
    """Measure hits within six and two months in nets where actors move, without and with waves.

    False changes are counted on stable dyads and on steady dyads of movers together.
    """
    drawn = [list(draw_net(dice, actors, actors // 4)) for _ in range(nets)]
    table = []
    for name, build in (("without waves", None), ("with waves", build_votes)):
        rows: list[tuple[NetDyad, Found]] = []
        for net in drawn:
            votes = build(net) if build else None
            for dyad in net:
                seen = PairVotes(votes, dyad.pair) if votes else None
                rows.append((dyad, find(dyad.series, seen)))
        still = [(d, f) for d, f in rows if d.series.month is None]
        moved = [
            (d, f)
            for d, f in rows
            if d.series.month is not None and abs(d.series.after - d.series.before) >= LEAST_SIZE
        ]
        large = [[one for one in f if abs(one.change) >= LEAST_SIZE] for _, f in still]
        decades = len(still) * 84 / 120
        limit = match_threshold(large, decades)

        def rate_hits(within: int, allowed: Callable[[ShiftFinding], bool]) -> float:
            return share(
                [
                    any(
                        allowed(one)
                        and abs(one.change) >= LEAST_SIZE
                        and is_right(one, d.series, within)
                        for one in f
                    )
                    for d, f in moved  # noqa: B023
                ]
            )

        def is_matched(one: ShiftFinding) -> bool:
            return one.p <= limit  # noqa: B023

        def is_served(one: ShiftFinding) -> bool:
            return one.p / one.weight <= 0.05

        served = sum(is_served(one) for some in large for one in some)
        table.append(
            {
                "detector": name, "moved": len(moved), "still": len(still),
                "within_6": rate_hits(6, is_matched), "within_2": rate_hits(2, is_matched),
                "served_within_6": rate_hits(6, is_served),
                "served_within_2": rate_hits(2, is_served),
                "served_false": round(served / decades, 3),
            }
        )  # fmt: skip
    return table


def build_votes(net: Sequence[NetDyad]) -> CorpusVotes:
    """Cast the votes of the dyads of a net."""
    cast = {dyad.pair: cast_votes(dyad.series.days) for dyad in net}
    return CorpusVotes({pair: votes for pair, votes in cast.items() if votes is not None})


def score_detection(
    draws: int, actors: int, nets: int, seed: int = SEED, part: int = DISCOVERY_PART
) -> Scores:
    """Score everything; `draws` series a cell, and some nets of some actors.

    False discoveries rest on `part` times as many series.
    """
    dice = np.random.default_rng(seed)
    sizes, quiet = measure_sizes(dice, draws, part)
    powers, onsets, levels, limit = measure_powers(dice, quiet, max(draws // 2, 2))
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "program": version("entente"),
        "command": "python -m bench.shifts",
        "draws": draws,
        "size": sizes,
        "discoveries": measure_discoveries(dice, quiet, max(draws // 5, 2)),
        "threshold": round(limit, 4),
        "power": powers,
        "onset_set": onsets,
        "levels": levels,
        "steady_levels": measure_steady_levels(dice, draws),
        "waves": measure_waves(dice, actors, nets),
    }


def render_scores(scores: Scores) -> str:
    """Render the scores as the tables of docs/shifts.md."""
    rates = [f"{rate:g}" for rate in RATES]
    lines = [f"Measured on {scores['measured']} with version {scores['program']}"]
    lines[0] += f" by `{scores['command']}`, {scores['draws']} series a cell."
    lines += ["", "| acts a month | " + " | ".join(rates) + " |", "|---" * (len(rates) + 1) + "|"]

    def add_row(name: str, rows: Sequence[Scores], field: str) -> None:
        by_rate = {row["rate"]: row[field] for row in rows}
        lines.append(f"| {name} | " + " | ".join(f"{by_rate[rate]:.2f}" for rate in RATES) + " |")

    for months in LENGTHS:
        rows = [row for row in scores["size"] if row["months"] == months]
        add_row(f"p ≤ 0.05 without a change, {months} months", rows, "any")
    for kind, size in KINDS:
        rows = [r for r in scores["power"] if (r["kind"], r["size"]) == (kind, size)]
        add_row(f"power: {kind} of {size:g}", rows, "power")
    add_row("the onset set contains the onset", scores["onset_set"], "contains")
    add_row("the interval before a found change contains the level", scores["levels"], "before")
    add_row("the interval after it", scores["levels"], "after")
    add_row("the interval of a level without a date", scores["steady_levels"], "contains")
    every = [row["any"] for row in scores["size"]]
    lines += [
        "",
        f"Over all cells p ≤ 0.05 comes in {np.mean(every):.3f} of the series. Powers are",
    ]
    lines[-1] += (
        f" those at {FALSE_CHANGES} false changes per dyad-decade (p ≤ {scores['threshold']:g})."
    )
    lines[-1] += " False ones among findings with q ≤ 0.10:"
    lines[-1] += (
        ", ".join(
            f" {row['false']:.2f} where {row['changed']:.0%} of {row['density']} series change"
            for row in scores["discoveries"]
        )
        + "."
    )
    lines += [
        "",
        "| nets in which a third of an actor's partners move | within 6 months | within 2"
        " | served, within 6 | served, within 2 | false ones served a decade |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['detector']} | {row['within_6']:.2f} | {row['within_2']:.2f}"
        f" | {row['served_within_6']:.2f} | {row['served_within_2']:.2f}"
        f" | {row['served_false']:.2f} |"
        for row in scores["waves"]
    ]
    return "\n".join(lines)


def write_scores(scores: Scores) -> None:
    """Write the scores where the service and the documentation have them."""
    SCORES_FILE.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    text = f"{page[:begin]}\n{render_scores(scores)}\n{page[end:]}"
    PAGE.write_text(text, encoding="utf-8")
