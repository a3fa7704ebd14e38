"""The level of the index over a stretch, and the change between two levels. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.shifts.statistics.beta import beta_interval
from app.shifts.statistics.index import PRIOR
from app.shifts.statistics.sums import Floats

INTERVAL_PART = 0.65
"""Part of the observations that the interval of a level counts.

Moods outlast months, and a cut is chosen where its sides differ most: with all observations 90 %
intervals contained the true level in 0.85, beside a found change and without one, with this part in
0.92.
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
    low, high = beta_interval(1 + INTERVAL_PART * sums[:, 0], 1 + INTERVAL_PART * sums[:, 1])
    rows = zip(sums.tolist(), (2 * low - 1).tolist(), (2 * high - 1).tolist(), strict=True)
    return [
        IndexLevel(2 * (good + prior * share) / (good + bad + prior) - 1, a, b, good + bad)
        for (good, bad), a, b in rows
    ]


def certain_change(before: IndexLevel, after: IndexLevel, prior: float = PRIOR) -> float:
    """Return the lower bound of a change of the index, signed: 1.645 standard errors closer to
    0."""
    change = after.index - before.index
    spread = sum(s.share * (1 - s.share) / (s.mass + prior + 1) for s in (before, after))
    return float(np.sign(change) * max(0.0, abs(change) - 2 * 1.645 * np.sqrt(spread)))
