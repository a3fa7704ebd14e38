"""The contribution of each event to a change of the index. Pure arithmetic.

The contributions of all events and of the prior add up exactly to the change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.shifts.statistics import index
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.levels import IndexLevel
from app.shifts.statistics.scan_rows import factors_by_day
from app.shifts.statistics.sums import DaySeries, Floats


@dataclass(frozen=True, slots=True)
class SignalPart:
    """A signal in the days after the onset."""

    day: str
    mass: int
    """Thousandths."""
    good: bool
    """Whether it counts for: cooperation toward the side, or conflict with one in `against`."""


def attribute_change(
    finding: ShiftFinding, days: DaySeries, parts: Sequence[SignalPart], share: float = 0.5
) -> tuple[list[float], float]:
    """Compute the points of the index that each part and the prior contribute to the change.

    A part of effective mass m and sign s contributes 2 (s − θ_before) m / (M_after + κ), the prior
    2 κ (θ₀ − θ_before) / (M_after + κ): together after − before.
    """
    assert finding.after is not None
    factor = factors_by_day(finding.method, days)
    first, last = finding.span[1:] if finding.span else (str(days.day[0]), str(days.day[-1]))
    scale = 2 / (finding.after.mass + index.PRIOR)
    was = finding.before.share if finding.before else share
    found = []
    for part in parts:
        counts = first <= part.day <= last and part.day in factor
        weight = part.mass * factor[part.day][0 if part.good else 1] if counts else 0.0
        found.append((float(part.good) - was) * weight * scale)
    return found, index.PRIOR * (share - was) * scale


def probability_below(after: IndexLevel, prior: tuple[float, float]) -> float:
    """Compute the probability that a level lies below a prior Beta(a, b) on the share."""
    grid = (np.arange(4000) + 0.5) / 4000
    good = after.share * (after.mass + index.PRIOR) - index.PRIOR / 2
    bad = after.mass - good
    ours = _beta_density(grid, 0.5 + max(good, 0.0), 0.5 + max(bad, 0.0))
    theirs = _beta_density(grid, *prior)
    lying_below = ours.cumsum() - ours / 2
    return float((theirs * lying_below).sum())


def _beta_density(x: Floats, a: float, b: float) -> Floats:
    log = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum(), np.float64)
