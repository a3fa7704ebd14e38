"""Waves: several dyads of one actor that change at the same time. Pure arithmetic.

Realignments come in waves, false change points do not. A month in which other partners of either
side seem to move in the same direction is therefore a likelier change point. Votes rest on the days
of their own dyad alone, so no vote depends on another.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.shifts.statistics import changepoints
from app.shifts.statistics.scan_rows import (
    MIN_DAYS_FOR_MONTHS,
    ScanRows,
    count_event_days,
    first_month,
    monthly_rows,
)
from app.shifts.statistics.sums import DaySeries, Floats

Pair = tuple[str, str]
Flags = NDArray[np.uint8]
REACH, PEAK_REACH = 18, 6
"""Months on either side that a vote compares, and in which none has a greater LLR."""
VOTE_LLR, SLACK = 2.5, 2
"""Least LLR of a vote, and the months on either side for which it counts too."""
TOWARD, AWAY, ABLE = 1, 2, 4
"""Flags of a month: votes for a change in either direction, and whether a vote was possible."""
USUAL_RATE, RATE_WEIGHT = 0.033, 500.0
"""Share of partners that vote in a usual month, and the months that it weighs as.

An actor's own share replaces it: noisy dyads vote more often.
"""
USUAL_PARTNERS, MIN_PARTNERS = 8.0, 8
"""Partners that vote as usual are added to those of a month; with fewer the month says nothing."""
STRENGTH, LEAST, MOST = 4.0, -1.0, 3.0
"""Penalty per unit of ln(votes / usual votes), and the bounds of that logarithm."""
ONSET_STRENGTH = 2.0
"""What one unit of it weighs against the LLR where the month of an onset is chosen."""
LEAST_PENALTY = 1.0
"""Penalty of a change point in the greatest wave."""
USUAL_WAVE = 0.7
"""That logarithm at the best month of a dyad that does not move: above it a wave weighs p."""


@dataclass(frozen=True, slots=True)
class DyadVotes:
    """The votes of a dyad: flags of each month from `first` on, as months since 1970-01."""

    first: int
    flags: Flags


def cast_votes(days: DaySeries) -> DyadVotes | None:
    """Find the months around which a dyad differs before and after; None if it has few days."""
    if count_event_days(days) < MIN_DAYS_FOR_MONTHS:
        return None
    rows = monthly_rows(days)
    before, after = _sum_around(rows.tested)
    gain = changepoints.gain_of_splits(before, before + after)
    voting, toward = (gain >= VOTE_LLR) & _is_peak(gain), _differs_toward(rows)
    flags = np.where(np.isfinite(gain), ABLE, 0)
    flags |= TOWARD * _widen(voting & toward) | AWAY * _widen(voting & ~toward)
    return DyadVotes(first_month(rows), flags.astype(np.uint8))


def _sum_around(rows: Floats) -> tuple[Floats, Floats]:
    """Add up the months before each month and those from it on, within reach: (classes, months)."""
    summed = np.concatenate([np.zeros((rows.shape[1], 1)), rows.T.cumsum(1)], axis=1)
    at = np.arange(len(rows))
    middle = summed[:, :-1]
    return (
        middle - summed[:, np.maximum(at - REACH, 0)],
        summed[:, np.minimum(at + REACH, len(rows))] - middle,
    )


def _is_peak(gain: Floats) -> NDArray[np.bool_]:
    """Whether no month within `PEAK_REACH` has a greater LLR."""
    around = gain.copy()
    for shift in range(1, PEAK_REACH + 1):
        np.maximum(around[shift:], gain[:-shift], out=around[shift:])
        np.maximum(around[:-shift], gain[shift:], out=around[:-shift])
    return np.asarray(gain >= around)


def _differs_toward(rows: ScanRows) -> NDArray[np.bool_]:
    """Whether the months from each on are more cooperative than those before it."""
    before, after = (side[0] / np.maximum(side.sum(0), 1e-12) for side in _sum_around(rows.mass))
    return np.asarray(after > before)


def _widen(voting: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Extend votes to the months within `SLACK`."""
    around = voting.copy()
    for shift in range(1, SLACK + 1):
        around[shift:] |= voting[:-shift]
        around[:-shift] |= voting[shift:]
    return around


@dataclass(frozen=True, slots=True)
class Wave:
    """The wave that a change belongs to: which partners of an actor moved with it.

    Stored as JSON within findings: renaming a field needs a migration.
    """

    actor: str
    partners: tuple[str, ...]
    of: int
    """Partners of the actor that could have moved."""
    log_ratio: float
    """ln(votes / usual votes), within its bounds."""

    @property
    def weight(self) -> float:
        """What the wave weighs where tests are corrected for their number; at least 1."""
        return float(np.exp(max(0.0, self.log_ratio - USUAL_WAVE)))


@dataclass(frozen=True, slots=True)
class WavePrior:
    """What the other partners of both sides say about a change before each month of a dyad."""

    votes: "PairVotes"
    first: int
    log_ratio: Floats
    """Of the direction in which the dyad itself differs there, the greater one of both sides."""

    def slice_months(self, start: int, stop: int) -> "WavePrior":
        """Return the prior of a stretch of months."""
        return WavePrior(self.votes, self.first + start, self.log_ratio[start:stop])

    def find_wave(self, at: int, change: float) -> Wave | None:
        """Name the partners that moved with a change of the index before the month `at`."""
        return self.votes.find_wave(self.first + at, TOWARD if change > 0 else AWAY)


class ActorVotes:
    """The votes of the dyads of one actor."""

    def __init__(self, partners: Mapping[str, DyadVotes]) -> None:
        self.partners = list(partners)
        self.first = min(v.first for v in partners.values())
        last = max(v.first + len(v.flags) for v in partners.values())
        self.flags = np.zeros((len(partners), last - self.first), np.uint8)
        for row, votes in zip(self.flags, partners.values(), strict=True):
            row[votes.first - self.first :][: len(votes.flags)] = votes.flags
        self.counts = np.stack([(self.flags & f > 0).sum(0) for f in (TOWARD, AWAY, ABLE)])
        voting, able = int(self.counts[:2].sum()) / 2, int(self.counts[2].sum())
        self.rate = (voting + USUAL_RATE * RATE_WEIGHT) / (able + RATE_WEIGHT)

    def log_ratios(self, without: str, first: int, size: int) -> Floats:
        """Compute ln(votes / usual votes) of `size` months: (2, months), toward and away."""
        counts = np.zeros((3, size))
        lo, hi = max(first, self.first), min(first + size, self.first + self.flags.shape[1])
        if lo < hi:
            at = slice(lo - self.first, hi - self.first)
            counts[:, lo - first : hi - first] = self.counts[:, at]
            if without in self.partners:
                own = self.flags[self.partners.index(without), at]
                for n, flag in enumerate((TOWARD, AWAY, ABLE)):
                    counts[n, lo - first : hi - first] -= own & flag > 0
        ratio = (counts[:2] + self.rate * USUAL_PARTNERS) / (
            (counts[2] + USUAL_PARTNERS) * self.rate
        )
        found = np.clip(np.log(ratio), LEAST, MOST)
        return np.asarray(np.where(counts[2] >= MIN_PARTNERS, found, 0.0), np.float64)

    def partners_with(self, flag: int, month: int) -> list[str]:
        """List the partners with a flag in a month."""
        if not 0 <= month - self.first < self.flags.shape[1]:
            return []
        hit = np.flatnonzero(self.flags[:, month - self.first] & flag)
        return [self.partners[n] for n in hit]


class CorpusVotes:
    """The votes of many dyads, by their actors."""

    def __init__(self, votes: Mapping[Pair, DyadVotes]) -> None:
        self.of_actor: dict[str, dict[str, DyadVotes]] = defaultdict(dict)
        for (one, other), some in votes.items():
            self.of_actor[one][other] = some
            self.of_actor[other][one] = some

    @cached_property
    def actors(self) -> dict[str, ActorVotes]:
        """The votes of each actor with enough partners."""
        return {
            actor: ActorVotes(partners)
            for actor, partners in self.of_actor.items()
            if len(partners) >= MIN_PARTNERS
        }


@dataclass(frozen=True, slots=True)
class PairVotes:
    """The votes of a corpus, seen from one dyad, without its own."""

    corpus: CorpusVotes
    pair: Pair

    def _sides(self) -> list[tuple[str, ActorVotes]]:
        """Return each side that has enough partners as (the other side, its votes)."""
        known = self.corpus.actors
        return [(b, known[a]) for a, b in (self.pair, self.pair[::-1]) if a in known]

    def prior_of(self, rows: ScanRows) -> WavePrior | None:
        """Build the prior of the months of the dyad; None where too few partners can say."""
        first, size, sides = first_month(rows), len(rows.when), self._sides()
        if not sides:
            return None
        ratios = [votes.log_ratios(other, first, size) for other, votes in sides]
        greater = ratios[0] if len(ratios) == 1 else np.maximum(*ratios)
        chosen = np.where(_differs_toward(rows), greater[0], greater[1])
        return WavePrior(self, first, chosen)

    def find_wave(self, month: int, flag: int) -> Wave | None:
        """Name the partners of the side with the greater wave that voted around a month."""
        best: Wave | None = None
        for other, votes in self._sides():
            able = len(set(votes.partners_with(ABLE, month)) - {other})
            ratio = float(votes.log_ratios(other, month, 1)[0 if flag == TOWARD else 1, 0])
            if able >= MIN_PARTNERS and (best is None or ratio > best.log_ratio):
                moved = sorted(set(votes.partners_with(flag, month)) - {other})
                actor = self.pair[0] if other == self.pair[1] else self.pair[1]
                best = Wave(actor, tuple(moved), able, ratio)
        return best
