"""Change points of a series. Pure arithmetic.

A row is a month (or an event-day) with its effective observations by class. A change point is a row
from which on the classes have other shares. docs/shifts.md gives each formula with its source.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import fsum

import numpy as np

from app.shifts.statistics.sums import Floats, Ints

PSEUDO_WEIGHT = 1.0
"""Weight (a) of the pooled shares within the shares of a segment."""
MIN_SIDE_MASS = 2.0
"""Effective observations needed on either side of a change point."""
MIN_SIDE_DAYS = 15
"""Event-days needed in every stretch that a series of months is split into."""
CONFIRMED, PROVISIONAL = 6, 4
"""Months needed on either side of a confirmed and of a provisional change point."""
PENALTY = {CONFIRMED: 5.0, PROVISIONAL: 4.5}
MAX_CELLS = 400_000
"""Numbers in one array at a time, so that memory use stays small."""
SCREENED_ROWS, SCREENING_ERROR = 400, 0.05
"""Longest series that is screened in single precision first, and the error allowed for that."""


def split_gains(rows: Floats, least: int) -> Floats:
    """Compute the LLR of a split before each row; −∞ where a side has too little.

    Rows are (…, n, classes). The LLR is Σ x ln((x + a p) / ((m + a) p)) over both sides: how much
    better their own shares fit than the pooled ones.
    """
    by_class = rows.T if rows.ndim == 2 else np.moveaxis(rows, -1, 0)
    return split_gains_by_class(np.ascontiguousarray(by_class), least)


def split_gains_by_class(rows: Floats, least: int) -> Floats:
    """Do the work of `split_gains` on rows of (classes, …, n).

    With the classes first, sums over them run over whole arrays.
    """
    size = rows.shape[-1]
    found = np.full(rows.shape[1:], -np.inf)
    if size >= max(2 * least, 2):
        summed = rows.cumsum(-1)
        before = summed[..., least - 1 : size - least]
        found[..., least : size - least + 1] = gain_of_splits(before, summed[..., -1:])
    return found


def gain_of_splits(before: Floats, total: Floats, of: Ints | None = None) -> Floats:
    """Compute the LLR of splits from the sums before each and in all, (classes, …).

    `of` gives the column of `total` that each split has, where they are fewer than the splits.
    """
    pooled = total / np.maximum(total.sum(0), 1e-12)
    weighed = np.where(pooled > 0, PSEUDO_WEIGHT * pooled, 1)
    least = (total * np.log(np.where(pooled > 0, pooled, 1))).sum(0)
    if of is not None:
        total, weighed, least = total.take(of, 1), weighed.take(of, 1), least.take(of)
    after = total - before
    mass = before.sum(0), after.sum(0)
    gain: Floats = (before * np.log(before + weighed) + after * np.log(after + weighed)).sum(0)
    gain -= mass[0] * np.log(mass[0] + PSEUDO_WEIGHT) + mass[1] * np.log(mass[1] + PSEUDO_WEIGHT)
    gain -= least
    gain[np.minimum(*mass) < MIN_SIDE_MASS - 1e-9] = -np.inf
    return gain


@lru_cache(maxsize=64)
def _list_spans(first: int, last: int, least: int) -> tuple[Ints, Ints]:
    """List the starts and ends of all stretches of `least` rows or more, by end.

    Ends run from `first` to `last`.
    """
    ends = np.repeat(np.arange(first, last + 1), np.arange(first, last + 1) - least + 1)
    starts = np.concatenate([np.arange(end - least + 1) for end in range(first, last + 1)])
    return starts, ends


def partition_series(
    rows: Floats, least: int, penalty: float | Floats, begun: Ints | None = None
) -> list[int]:
    """Find the rows that split the series best: the exact optimum of cost plus penalty, in O(n²).

    Optimal partitioning (Jackson et al. 2005); the result is in order and leaves out row 0. The
    penalty is that of a stretch that begins at a row, or one for all. No
    stretch has fewer than `least` rows or, where `begun` has the event-days of each, fewer than
    `MIN_SIDE_DAYS`.
    """
    size = len(rows)
    if size < 2 * least or rows.sum() == 0:
        return []
    summed = np.concatenate([np.zeros((rows.shape[1], 1)), rows.T.cumsum(1)], axis=1)
    summed = summed[summed[:, -1] > 0]
    weighed = PSEUDO_WEIGHT * summed[:, -1:] / summed[:, -1].sum()
    mass = summed.sum(0)
    each = np.broadcast_to(np.asarray(penalty, np.float64), size)
    if size <= SCREENED_ROWS and _has_no_break(summed, weighed, least, each - SCREENING_ERROR):
        return []
    best, came = np.full(size + 1, np.inf), np.zeros(size + 1, np.int64)
    best[0] = 0.0
    counted = None if begun is None else np.concatenate([[0], begun.cumsum()])
    part = max(1, MAX_CELLS // max(size * len(summed), 1))
    for begin in range(least, size + 1, part):
        last = min(begin + part - 1, size)
        starts, ends = _list_spans(begin, last, least)
        x = summed.take(ends, 1) - summed.take(starts, 1)
        m = mass.take(ends) - mass.take(starts)
        costs = each.take(starts) - (x * np.log(x + weighed)).sum(0) + m * np.log(m + PSEUDO_WEIGHT)
        if counted is not None:
            costs[counted.take(ends) - counted.take(starts) < MIN_SIDE_DAYS] = np.inf
        at = 0
        for end in range(begin, last + 1):
            count = end - least + 1
            total = costs[at : at + count] + best[:count]
            at += count
            came[end] = chosen = int(total.argmin())
            best[end] = total[chosen]
    found, at = [], int(came[size])
    while at > 0:
        found.append(at)
        at = int(came[at])
    return found[::-1]


def _has_no_break(summed: Floats, weighed: Floats, least: int, penalty: Floats) -> bool:
    """Check quickly whether no set of splits can gain its penalties.

    The gain of several splits is the sum of what each gains over the rest of the series that it
    splits. If none of these reaches the penalty, no set of splits does.
    """
    size = summed.shape[1] - 1
    starts, ends = _list_spans(least, size, least)
    single = summed.astype(np.float32)
    x = single.take(ends, 1) - single.take(starts, 1)
    m = x.sum(0)
    costs = m * np.log(m + np.float32(PSEUDO_WEIGHT))
    costs -= (x * np.log(x + weighed.astype(np.float32))).sum(0)
    rest, count = costs[-(size - least + 1) :], int(ends.searchsorted(size - least, "right"))
    gain = rest.take(starts[:count]) - costs[:count] - rest.take(ends[:count])
    gain = gain - penalty.take(ends[:count])
    return bool(gain.max(initial=-np.inf) < 0)


def credible_rows(llr: Floats, share: float = 0.8) -> Ints:
    """Return, in order, the smallest set of rows with the wanted share of softmax(LLR)."""
    weight = np.exp(llr - llr.max())
    order = np.argsort(-weight, kind="stable")
    reached = weight[order].cumsum() / weight.sum()
    count = int(np.searchsorted(reached, share - 1e-12)) + 1
    return np.sort(order[:count])


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Compute q of each test: the least false discovery rate at which it counts.

    The procedure of Benjamini and Hochberg (1995).
    """
    values = np.asarray(p, np.float64)
    if not values.size:
        return []
    order = np.argsort(values, kind="stable")
    raised = values[order] * len(values) / np.arange(1, len(values) + 1)
    falling = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    found = np.empty_like(values)
    found[order] = falling
    return [float(q) for q in found]


def rate_weighed_tests(tests: Sequence[tuple[float, float]]) -> list[float]:
    """Compute q of each test from its p and its weight, whose mean over all tests counts as 1.

    Weights must not depend on the p of their own test (Genovese, Roeder & Wasserman 2006).
    """
    # Exact, so that the order in which a database gives the tests does not matter.
    mean = fsum(weight for _, weight in tests) / max(len(tests), 1)
    return benjamini_hochberg([min(1.0, p * mean / weight) for p, weight in tests])


def most_influential_groups(rows: Floats, least: int, groups: Ints, count: int = 2) -> list[int]:
    """Return the groups of rows whose removal lowers the best LLR most, most influential first."""
    names = np.unique(groups[rows.sum(1) > 0])
    left = np.where(groups[None, :, None] == names[:, None, None], 0, rows[None])
    best = np.concatenate([split_gains(part, least).max(-1) for part in _chunk_rows(left)])
    return [int(names[n]) for n in np.argsort(best, kind="stable")[:count]]


def _chunk_rows(rows: Floats) -> list[Floats]:
    """Divide an array so that no part has many more than `MAX_CELLS` numbers."""
    return np.array_split(rows, max(1, rows.size // MAX_CELLS + 1)) if len(rows) else []
