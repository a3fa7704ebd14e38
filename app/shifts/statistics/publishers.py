"""What of a change holds within the publishers that report on both sides of it. Pure arithmetic.

A source that begins in the middle of a series changes what is reported, not what is done. Within
each publisher that reports before and after the onset, the shares are compared with each other.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from app.rounding import round_number
from app.shifts.statistics.attribution import SignalPart
from app.shifts.statistics.detection import ShiftFinding
from app.shifts.statistics.scan_rows import factors_by_day
from app.shifts.statistics.sums import DaySeries

MIN_KNOWN_SHARE = 0.5
"""Least share of the effective observations whose publishers must be known."""
MIN_WITHIN_SHARE, MIN_SCORE = 0.6, 1.645
"""Least share of a change that holds within publishers, and its least score: one-sided p 0.05."""
MIN_COVERAGE, MIN_SCORE_OF_FEW = 0.2, 2.576
"""Least part of the comparison of all evidence that publishers on both sides allow.

Below it the score must be higher, one-sided p 0.005: where one source takes over from another, the
few days on which both report may have chosen the onset.
"""


@dataclass(frozen=True, slots=True)
class WithinPublishers:
    """How much of a change holds within publishers."""

    share: float
    """Of the change, from 0 to 1; 0 where no publisher reports on both sides."""
    score: float
    """Its size in standard errors, in the direction of the change."""
    coverage: float
    """How much of a comparison of all evidence, before and after, the publishers allow."""

    @property
    def persists(self) -> bool:
        """Whether the change is one within publishers."""
        least = MIN_SCORE if self.coverage >= MIN_COVERAGE else MIN_SCORE_OF_FEW
        return self.share >= MIN_WITHIN_SHARE and self.score >= least


def compare_within_publishers(
    finding: ShiftFinding,
    days: DaySeries,
    parts: Sequence[SignalPart],
    publishers: Sequence[Collection[str]],
) -> WithinPublishers | None:
    """Compare the shares before and after within each publisher; None if too few are known.

    The difference is that of Mantel and Haenszel (1959), its score that of Cochran (1954). A part
    with several publishers is divided among them.
    """
    assert finding.span is not None
    first, turn, last = finding.span
    factor = factors_by_day(finding.method, days)
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    whole = known = 0.0
    for part, names in zip(parts, publishers, strict=True):
        if not first <= part.day <= last or part.day not in factor:
            continue
        weight = part.mass * factor[part.day][0 if part.good else 1]
        whole += weight
        known += weight if names else 0.0
        for name in names:
            at = (0 if part.good else 1) + (2 if part.day >= turn else 0)
            sums[name][at] += weight / len(names)
    if not whole or known < MIN_KNOWN_SHARE * whole:
        return None
    good, bad, good_after, bad_after = np.array(list(sums.values())).T
    before, after = good + bad, good_after + bad_after
    total = before + after
    weight_of = before * after / total
    if weight_of.sum() <= 0:
        return WithinPublishers(0.0, 0.0, 0.0)
    gained = ((good_after * before - good * after) / total).sum()
    pooled = (good + good_after) / total
    spread = np.sqrt((weight_of * np.maximum(pooled * (1 - pooled), 1e-9)).sum())
    share = 2 * gained / weight_of.sum() / finding.change
    return WithinPublishers(
        round_number(float(min(max(share, 0.0), 1.0)), 6),
        float(gained / spread * np.sign(finding.change)),
        float(weight_of.sum() * total.sum() / (before.sum() * after.sum())),
    )
