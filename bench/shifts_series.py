"""Generate series and corpora whose changes are known, to measure the detection of shifts with.

Months have clustered counts, and every quarter shares of its own around those of its month: the
series are dispersed and dependent as real ones are, and no constant is fitted to them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from app.shifts.statistics.sums import CLASS_UNIT, ONE_DAY, DaySeries, Floats

MASS = np.array([350, 700, 350, 800])
"""Thousandths of an act of each class."""
USUAL_SHARES = np.array([0.37, 0.17, 0.25, 0.21])
FIRST_MONTH = 480
"""January 2010, as months since 1970-01."""
ChangeKind = Literal["step", "drift", "ramp", "severity"]


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """The days of a dyad, and what is known of its change."""

    days: DaySeries
    month: int | None
    """The month of the change from the first on; the middle of one that takes longer."""
    before: float
    after: float
    """The index before and after; equal without a change."""


def draw_days(
    dice: np.random.Generator, rate: float, shares: Floats, mood: float = 8.0, clump: float = 0.7
) -> DaySeries:
    """Draw days with about `rate` acts a month; `shares` is (months, 4).

    The lower `mood`, the more quarters differ; the lower `clump`, the more their counts do.
    """
    months = len(shares)
    quarters = -(-months // 3)
    lively = dice.gamma(clump, 1 / clump, quarters).repeat(3)[:months]
    counts = dice.poisson(rate * lively)
    weight = np.maximum(mood * shares[::3], 0.02)
    moods = (dice.gamma(weight) / weight).repeat(3, axis=0)[:months]
    mixed = shares * moods
    bounds = (mixed / mixed.sum(1, keepdims=True)).cumsum(1)
    month = np.arange(months).repeat(counts)
    turn = dice.random(len(month))
    quad = np.minimum((turn[:, None] > bounds[month]).sum(1), 3)
    start = (FIRST_MONTH + month).astype("datetime64[M]").astype("datetime64[D]")
    day, where = np.unique(start + dice.integers(0, 28, len(month)) * ONE_DAY, return_inverse=True)
    classes = np.zeros((len(day), 4), np.int64)
    np.add.at(classes, (where, quad), 1)
    mass = classes * MASS
    sides = np.stack([mass[:, :2].sum(1), mass[:, 2:].sum(1)], axis=1)
    return DaySeries(day, classes.sum(1), sides, classes * CLASS_UNIT)


def index_of_shares(shares: Floats) -> float:
    """Return the index of acts with some shares of classes."""
    mass = shares * MASS
    return float(2 * mass[:2].sum() / mass.sum() - 1)


def draw_shares(dice: np.random.Generator) -> Floats:
    """Draw the shares of the classes of a dyad."""
    found: Floats = dice.dirichlet(USUAL_SHARES * 8)
    return found


def change_sign(shares: Floats, size: float, away: bool) -> Floats:
    """Move a part of the acts of one sign to the other."""
    lost, won = (slice(0, 2), slice(2, 4)) if away else (slice(2, 4), slice(0, 2))
    found = shares.copy()
    found[lost] -= size * shares[lost]
    found[won] += size * shares[lost]
    return found


def change_severity(shares: Floats, size: float) -> Floats:
    """Turn a part of the verbal acts into material ones of the same sign."""
    moved = size * shares[[0, 2]]
    found = shares.copy()
    found[[0, 2]] -= moved
    found[[1, 3]] += moved
    return found


def draw_quiet(dice: np.random.Generator, rate: float, months: int) -> KnownSeries:
    """Draw a series in which nothing changes."""
    shares = draw_shares(dice)
    level = index_of_shares(shares)
    return KnownSeries(draw_days(dice, rate, np.tile(shares, (months, 1))), None, level, level)


def draw_changed(
    dice: np.random.Generator, rate: float, months: int, kind: ChangeKind, size: float
) -> KnownSeries:
    """Draw a series with a step, a drift of six years, a ramp of one, or a step of severity."""
    shares, at = draw_shares(dice), int(dice.integers(months // 3, 2 * months // 3))
    if kind == "severity":
        later = change_severity(shares, size)
    else:
        later = change_sign(shares, size, bool(shares[:2].sum() > 0.5))
    length = {"step": 0, "severity": 0, "ramp": 12, "drift": 72}[kind]
    month = np.arange(months) - at
    done = (month >= 0) * 1.0 if not length else np.clip(month / length + 0.5, 0, 1)
    path = shares + (later - shares) * done[:, None]
    levels = index_of_shares(shares), index_of_shares(later)
    return KnownSeries(draw_days(dice, rate, path), at, *levels)


@dataclass(frozen=True, slots=True)
class NetDyad:
    """A dyad of a net: its series, and whether one of its actors moves."""

    pair: tuple[str, str]
    series: KnownSeries
    has_mover: bool


def draw_net(
    dice: np.random.Generator, actors: int, movers: int, months: int = 84
) -> Iterator[NetDyad]:
    """Draw the dyads of some actors; a third of the partners of a mover change with it.

    They change within a month of each other. One of ten other dyads drifts by a third of the way
    to another level.
    """
    names = [f"A{n:02d}" for n in range(actors)]
    moving = {
        names[n]: (int(dice.integers(14, months - 14)), bool(dice.random() < 0.7))
        for n in dice.choice(actors, movers, replace=False)
    }
    for pair in combinations(names, 2):
        if dice.random() > 0.7:
            continue
        rate, shares = float(np.exp(dice.normal(np.log(6), 1.0))), draw_shares(dice)
        path, at, later = np.tile(shares, (months, 1)), None, shares
        mover = next((name for name in pair if name in moving), None)
        if mover and dice.random() < 1 / 3:
            at = int(np.clip(moving[mover][0] + dice.integers(-1, 2), 8, months - 8))
            later = change_sign(shares, dice.uniform(0.25, 0.8), moving[mover][1])
            path = np.where((np.arange(months) >= at)[:, None], later, shares)
        elif dice.random() < 0.1:
            done = np.linspace(0, 0.35, months)[:, None]
            path = shares * (1 - done) + draw_shares(dice) * done
        days = draw_days(dice, rate, path, mood=40.0)
        levels = index_of_shares(shares), index_of_shares(later)
        yield NetDyad(pair, KnownSeries(days, at, *levels), mover is not None)
