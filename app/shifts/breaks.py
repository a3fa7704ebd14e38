"""Where a series of effective observations breaks, and how surely. Pure.

Every month (or event-day) is a row of effective observations by class; a break is a row from which
on the classes have other shares. docs/shifts.md gives each formula with its source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.shifts.measure import Floats, Ints

PSEUDO = 1.0
"""Weight (a) that the pooled shares have in those of a segment."""
LEAST_MASS = 2.0
"""Effective observations that either side of a break must have."""
CONFIRMED, PROVISIONAL = 6, 4
"""Months on either side of a break: of one that is confirmed, and of one that may pass."""
PENALTY = {CONFIRMED: 5.0, PROVISIONAL: 4.5}
CELLS = 400_000
"""Numbers that are worked on at once, so that memory stays small."""
SEED = 5_031_914
"""Permutations are drawn with this seed: the same data give the same p."""


@dataclass(frozen=True, slots=True)
class Null:
    """ln p of the best LLR where nothing changed, as a function of length and mass."""

    constant: float = 0.638
    llr: float = -0.871
    length: float = -0.042
    light: float = 0.643
    heavy: float = 0.281


KEDS = Null()
"""Fitted on block-permuted months of the KEDS Gulf data."""


def gains(rows: Floats, least: int) -> Floats:
    """LLR of a break before each row; −∞ where a side has too little. Rows are (…, n, classes).

    Of a break Σ x ln((x + a p) / ((m + a) p)) over both sides: how much better their own shares fit
    than the pooled ones.
    """
    return _gains(np.ascontiguousarray(np.moveaxis(rows, -1, 0)), least)


def _gains(rows: Floats, least: int) -> Floats:
    """As `gains`, of (classes, …, n): sums over classes then run over whole arrays."""
    size = rows.shape[-1]
    found = np.full(rows.shape[1:], -np.inf)
    if size < 2 * least or size < 2:
        return found
    summed = rows.cumsum(-1)
    total = summed[..., -1:]
    before = summed[..., least - 1 : size - least]
    after = total - before
    mass = before.sum(0), after.sum(0)
    pooled = total / np.maximum(total.sum(0), 1e-12)
    weighed = np.where(pooled > 0, PSEUDO * pooled, 1)
    gain = (before * np.log(before + weighed) + after * np.log(after + weighed)).sum(0)
    gain -= mass[0] * np.log(mass[0] + PSEUDO) + mass[1] * np.log(mass[1] + PSEUDO)
    gain -= (total * np.log(np.where(pooled > 0, pooled, 1))).sum(0)
    gain[np.minimum(*mass) < LEAST_MASS - 1e-9] = -np.inf
    found[..., least : size - least + 1] = gain
    return found


@lru_cache(maxsize=64)
def _spans(first: int, last: int, least: int) -> tuple[Ints, Ints]:
    """Starts and ends of all stretches of `least` rows or more, by end from `first` to `last`."""
    ends = np.repeat(np.arange(first, last + 1), np.arange(first, last + 1) - least + 1)
    starts = np.concatenate([np.arange(end - least + 1) for end in range(first, last + 1)])
    return starts, ends


def partition(rows: Floats, least: int, penalty: float) -> list[int]:
    """Rows before which the series breaks: the exact optimum of cost plus penalty, in O(n²)."""
    size = len(rows)
    if size < 2 * least or rows.sum() == 0:
        return []
    summed = np.concatenate([np.zeros((rows.shape[1], 1)), rows.T.cumsum(1)], axis=1)
    summed = summed[summed[:, -1] > 0]
    weighed = PSEUDO * summed[:, -1:] / summed[:, -1].sum()
    mass = summed.sum(0)
    best, came = np.full(size + 1, np.inf), np.zeros(size + 1, np.int64)
    best[0] = 0.0
    part = max(1, CELLS // max(size * len(summed), 1))
    for begin in range(least, size + 1, part):
        last = min(begin + part - 1, size)
        starts, ends = _spans(begin, last, least)
        x = summed.take(ends, 1) - summed.take(starts, 1)
        m = mass.take(ends) - mass.take(starts)
        costs = penalty - (x * np.log(x + weighed)).sum(0) + m * np.log(m + PSEUDO)
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


def p_closed(llr: float, length: int, mass: float, null: Null = KEDS) -> float:
    """p of the best LLR over `length` months with `mass` effective observations in all."""
    if not np.isfinite(llr):
        return 1.0
    size = np.log(max(mass, 1e-9) / 60)
    told = null.constant + null.llr * llr + null.length * np.log(length / 120)
    told += null.light * min(0.0, size) + null.heavy * max(0.0, size)
    return float(min(1.0, np.exp(min(told, 0.0))))


@lru_cache(maxsize=256)
def _orders(size: int, block: int, times: int) -> Ints:
    """(times, size) row numbers: blocks of neighbours in random order, the same at every call."""
    draw = np.random.default_rng([SEED, size, block]).random((times, -(-size // block)))
    rank = np.repeat(draw, block, axis=1)[:, :size]
    order: Ints = np.argsort(rank, axis=1, kind="stable")
    return order


def p_permuted(rows: Floats, least: int, block: int, few: int = 199, many: int = 1999) -> float:
    """p of the best LLR among those of the same rows in shuffled blocks.

    `few` orders decide where there is nothing; only what passes them is tried with `many`.
    """
    return _p_of(np.ascontiguousarray(rows).tobytes(), rows.shape[1], least, block, few, many)


@lru_cache(maxsize=4096)
def _p_of(body: bytes, classes: int, least: int, block: int, few: int, many: int) -> float:
    """The same rows have the same p: it is not worked out again at every question."""
    rows = np.frombuffer(body, np.float64).reshape(-1, classes)
    seen = float(gains(rows, least).max(initial=-np.inf))
    if not np.isfinite(seen):
        return 1.0
    p = _beaten(rows, least, block, seen, few)
    return p if p > 0.1 or many <= few else _beaten(rows, least, block, seen, many)


def _beaten(rows: Floats, least: int, block: int, seen: float, times: int) -> float:
    orders, hits = _orders(len(rows), block, times), 0
    by_class = np.ascontiguousarray(rows.T)
    part = max(1, CELLS // max(rows.size, 1))
    for at in range(0, times, part):
        best = _gains(by_class.take(orders[at : at + part], 1), least).max(-1)
        hits += int((best >= seen - 1e-9).sum())
    return (1 + hits) / (1 + times)


def likely(llr: Floats, share: float = 0.8) -> Ints:
    """The smallest set of rows that holds a share of softmax(LLR), in order."""
    weight = np.exp(llr - llr.max())
    order = np.argsort(-weight, kind="stable")
    held = weight[order].cumsum() / weight.sum()
    count = int(np.searchsorted(held, share - 1e-12)) + 1
    return np.sort(order[:count])


def adjusted(p: Sequence[float]) -> list[float]:
    """Benjamini–Hochberg: the least false discovery rate at which each of the tests counts."""
    given = np.asarray(p, np.float64)
    if not given.size:
        return []
    order = np.argsort(given, kind="stable")
    raised = given[order] * len(given) / np.arange(1, len(given) + 1)
    falling = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    found = np.empty_like(given)
    found[order] = falling
    return [float(q) for q in found]


def most_telling(rows: Floats, least: int, groups: Ints, count: int = 2) -> list[int]:
    """The groups of rows without which the best LLR is lowest, most telling first."""
    names = np.unique(groups[rows.sum(1) > 0])
    left = np.where(groups[None, :, None] == names[:, None, None], 0, rows[None])
    best = np.concatenate([gains(part, least).max(-1) for part in _parts(left)])
    return [int(names[n]) for n in np.argsort(best, kind="stable")[:count]]


def _parts(rows: Floats) -> list[Floats]:
    return np.array_split(rows, max(1, rows.size // CELLS + 1)) if len(rows) else []
