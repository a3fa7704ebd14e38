"""The level of the index over a stretch, and the change between two levels. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.shifts.statistics.beta import beta_interval
from app.shifts.statistics.index import MIN_EXPECTED_SHARE, PRIOR
from app.shifts.statistics.sums import Floats

INTERVAL_PART = 0.65
"""Part of the observations that the interval of a level counts, where blocks agree as months do.

A cut is chosen where its sides differ most: with all observations 90 % intervals contained the true
level in 0.85, beside a found change and without one.
"""
BLOCK_ROWS, USUAL_BLOCKS = 3, 12
"""Rows of a block, and the blocks that the usual dispersion of blocks, 1, weighs as.

Moods outlast months: blocks of dense series vary more than independent months would. Without this
term the intervals of levels of 30 acts a month contained the true one in 0.87.
"""


@dataclass(frozen=True, slots=True)
class IndexLevel:
    """The index over a whole stretch, with its 90 % interval.

    Levels are stored as JSON within findings: renaming a field needs a migration.
    """

    index: float
    low: float
    high: float
    mass: float
    """Effective observations."""

    @property
    def share(self) -> float:
        """θ: of all mass, what is cooperative."""
        return (self.index + 1) / 2


def measure_level(effective: Floats, share: float = 0.5, prior: float = PRIOR) -> IndexLevel:
    """Measure the level of a stretch of effective observations, (n, 2)."""
    return measure_levels([effective], share, prior)[0]


def measure_levels(
    parts: Sequence[Floats], share: float = 0.5, prior: float = PRIOR
) -> list[IndexLevel]:
    """Measure the level of each of some stretches of effective observations, (n, 2)."""
    sums = np.array([part.sum(0) for part in parts])
    counted = INTERVAL_PART / np.array([[estimate_block_dispersion(part)] for part in parts])
    low, high = beta_interval(*(1 + counted * sums).T)
    rows = zip(sums.tolist(), (2 * low - 1).tolist(), (2 * high - 1).tolist(), strict=True)
    return [
        IndexLevel(2 * (good + prior * share) / (good + bad + prior) - 1, a, b, good + bad)
        for (good, bad), a, b in rows
    ]


def estimate_block_dispersion(effective: Floats) -> float:
    """Estimate how much more blocks of rows vary than independent observations would; at least 1.

    `effective` is (n, 2). It is the design effect of clusters, by the squared distances of blocks
    from the common share, shrunk to 1 (Kish 1965).
    """
    blocks = np.add.reduceat(effective, np.arange(0, len(effective), BLOCK_ROWS), axis=0)
    mass = blocks.sum(1)
    count = int(np.count_nonzero(mass))
    if count < 2:
        return 1.0
    theta = float(blocks[:, 0].sum() / mass.sum())
    least = max(theta, MIN_EXPECTED_SHARE) * max(1 - theta, MIN_EXPECTED_SHARE)
    gaps = float(((blocks[:, 0] - theta * mass) ** 2).sum())
    found = gaps / (least * float(mass.sum())) * count / (count - 1)
    return max(1.0, (count * found + USUAL_BLOCKS) / (count + USUAL_BLOCKS))


def certain_change(before: IndexLevel, after: IndexLevel, prior: float = PRIOR) -> float:
    """Return the lower bound of a change of the index, signed: 1.645 standard errors closer to
    0."""
    change = after.index - before.index
    spread = sum(s.share * (1 - s.share) / (s.mass + prior + 1) for s in (before, after))
    return float(np.sign(change) * max(0.0, abs(change) - 2 * 1.645 * np.sqrt(spread)))
