"""The p of a change point by permutation: the same rows in shuffled orders. Pure arithmetic."""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from math import comb

import numpy as np
from numpy.typing import NDArray

from app.shifts.statistics.changepoints import gain_of_splits, split_gains, split_gains_by_class
from app.shifts.statistics.sums import Floats

CACHE_CELLS = 20_000
"""Numbers of permuted rows in one array at a time, so that they stay in the processor's cache."""
SEED = 5_031_914
"""Seed of all permutations: the same data always give the same p."""
EARLY_STOP_HITS, EARLY_STOP_STEPS = 20, (24, 56, 112)
"""Permutations that must reach the LLR to stop early, and after how many this is checked."""
P_CACHE_SIZE = 4096
"""Values of p in the cache; it is emptied when full."""
_p_cache: dict[tuple[bytes, tuple[int, ...], int, int, int, int], float] = {}
_month_p_cache: dict[tuple[bytes, tuple[int, ...], int, int, float], float] = {}
BLOCK_MONTHS = 3
"""Months that are permuted together: a quarter of the calendar."""
FEW_ORDERS, MANY_ORDERS, MOST_ORDERS = 39, 399, 1999
"""Permutations of a first look, of a full test, and of one that fits a tail.

A tail fitted to 399 gave two of 400 uneven series without a change a p below 0.0001.
"""
EARLY_STOP_MONTHLY = 8
"""Permutations of the first look that must reach the LLR to skip the full test."""
MIN_COUNTED_HITS, TAIL_ORDERS = 10, 40
"""Hits from which on p is their plain count, and highest values that the tail is fitted to.

Below that count p follows an exponential tail, fitted to the highest values of the permutations.
"""
MIN_STRETCH, MOST_EDGES = 2, 32
"""Fewest quarters of a stretch and of the others, and most places at which stretches begin or end.

All places of 40 quarters take several times as long.
"""


def _accumulate_rows(rows: Floats) -> Floats:
    """Add up the rows until each, in place; rows are (classes, n, …).

    Faster than `cumsum` where the last axes are long.
    """
    for at in range(1, rows.shape[1]):
        rows[:, at] += rows[:, at - 1]
    return rows


@lru_cache(maxsize=256)
def _shuffled_orders(size: int, block: int, times: int) -> NDArray[np.unsignedinteger]:
    """Draw (size, times) row numbers: blocks in random order, the same at every call.

    They are of as few bytes as they need: a process keeps the orders of each size that it met.
    """
    draw = np.random.default_rng([SEED, size, block]).random((times, -(-size // block)))
    rank = np.repeat(draw, block, axis=1)[:, :size]
    orders = np.argsort(rank, axis=1, kind="stable").T
    return np.ascontiguousarray(orders, dtype=np.min_scalar_type(size))


def permutation_p(rows: Floats, least: int, block: int, few: int = 199, many: int = 1999) -> float:
    """Compute p of the best LLR among those of the same rows in shuffled blocks.

    Where `EARLY_STOP_HITS` of the first `few` orders reach it, p is that number divided by the
    orders drawn so far (Besag & Clifford 1991), which is above 0.1. Only the other series are
    tested with `many` orders.
    """
    return permutation_p_each([rows], least, block, few, many)[0]


def permutation_p_each(
    every: Sequence[Floats], least: int, block: int, few: int = 199, many: int = 1999
) -> list[float]:
    """Compute `permutation_p` of many series; those of one size are shuffled together.

    Results are cached by the rows, so a repeated question draws no permutation.
    """
    keys = [(_digest_rows(rows), rows.shape, least, block, few, many) for rows in every]
    found = [_p_cache.get(key) for key in keys]
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for n, p in enumerate(found):
        if p is None:
            alike[every[n].shape].append(n)
    for places in alike.values():
        stack = np.ascontiguousarray(np.stack([every[n].T for n in places], axis=2))
        for n, p in zip(
            places, _permutation_p_of_stack(stack, least, block, few, many), strict=True
        ):
            found[n] = p
            if len(_p_cache) >= P_CACHE_SIZE:
                _p_cache.clear()
            _p_cache[keys[n]] = p
    return [p for p in found if p is not None]


def _permutation_p_of_stack(
    rows: Floats, least: int, block: int, few: int, many: int
) -> list[float]:
    """Compute p of each of several series of one size; rows are (classes, n, series)."""
    size = rows.shape[1]
    observed = split_gains_by_class(np.moveaxis(rows, 1, 2), least).max(-1, initial=-np.inf)
    p, hits = np.ones(len(observed)), np.zeros(len(observed), np.int64)
    left, done = np.flatnonzero(np.isfinite(observed)), 0
    for until in [step for step in EARLY_STOP_STEPS if step < few] + [few]:
        orders = _shuffled_orders(size, block, few)[:, done:until]
        cut = max(1, CACHE_CELLS // (rows.shape[0] * orders.size))
        for at in range(0, len(left), cut):
            some = left[at : at + cut]
            hit = (
                _reaches_observed(rows[..., some], orders, least, observed[some]).cumsum(1)
                + hits[some, None]
            )
            hits[some] = hit[:, -1]
            p[some] = EARLY_STOP_HITS / (done + 1 + (hit < EARLY_STOP_HITS).sum(1))
        left, done = left[hits[left] < EARLY_STOP_HITS], until
    p[left] = (1 + hits[left]) / (1 + few)
    if many > few:
        for n in left:
            p[n] = (
                1
                + hits[n]
                + _count_orders_reaching(rows[..., [n]], least, block, observed[[n]], few, many)
            ) / (1 + many)
    found: list[float] = p.tolist()
    return found


def _reaches_observed(
    rows: Floats, orders: NDArray[np.unsignedinteger], least: int, observed: Floats
) -> NDArray[np.bool_]:
    """Return (series, orders): whether an order gains at least the observed LLR of a series.

    No gain is above the χ² of the two sides (the Kullback–Leibler divergence is at most that of
    Pearson), and χ² takes no logarithm. The exact gain is computed only where χ² reaches the
    observed LLR.
    """
    size, series = rows.shape[1], rows.shape[2]
    summed = _accumulate_rows(rows.take(orders, 1))
    before, total = summed[:, least - 1 : size - least], summed[:, -1]
    mass, whole = before.sum(0), total.sum(0)
    pooled = total / whole
    apart = before - mass * pooled[:, None]
    apart *= apart
    apart /= np.where(pooled > 0, pooled, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        most = apart.sum(0) * (whole / (mass * (whole - mass)))
    places = np.flatnonzero(most >= observed - 1e-6)
    kinds, of_order = len(rows), places % whole.size
    chosen = before.reshape(kinds, -1).take(places, 1)
    gain = gain_of_splits(chosen, total.reshape(kinds, -1), of_order)
    found = np.zeros(whole.size, np.bool_)
    found[of_order[gain >= observed[of_order % series] - 1e-9]] = True
    return found.reshape(whole.shape).T


def _count_orders_reaching(
    rows: Floats, least: int, block: int, observed: Floats, start: int, stop: int
) -> int:
    """Count the orders `start` to `stop` that gain at least the observed LLR of one series.

    Rows are (classes, n, 1).
    """
    orders, hits = _shuffled_orders(rows.shape[1], block, stop), 0
    part = max(1, CACHE_CELLS // rows.size)
    for at in range(start, stop, part):
        hits += int(
            _reaches_observed(rows, orders[:, at : min(at + part, stop)], least, observed).sum()
        )
    return hits


def monthly_permutation_p(rows: Floats, first: int, least: int, llr: float | None = None) -> float:
    """Compute p of an LLR among the best ones of the same quarters in other orders.

    The LLR is by default the best of the rows. `first` is the month of the first row, since
    1970-01. A first look of a few orders ends the test where p is clearly large.
    """
    observed = float(split_gains(rows, least).max(initial=-np.inf)) if llr is None else llr
    if not np.isfinite(observed):
        return 1.0
    # A cut is tested again where its finding is made, in the family of several datasets, and after
    # a write about one of several dyads of a group: without a cache that is half of a rebuild.
    key = (_digest_rows(rows), rows.shape, first, least, observed)
    p = _month_p_cache.get(key)
    if p is None:
        if len(_month_p_cache) >= P_CACHE_SIZE:
            _month_p_cache.clear()
        p = _month_p_cache[key] = _compute_month_p(rows, first, least, observed)
    return p


def _digest_rows(rows: Floats) -> bytes:
    """Return what stands for rows in a cache: months of many years have tens of kilobytes."""
    return blake2b(rows.tobytes(), digest_size=16).digest()


def _compute_month_p(rows: Floats, first: int, least: int, observed: float) -> float:
    """Do the work of `monthly_permutation_p`, without the cache."""
    quarters, enough = _split_into_quarters(rows, first), observed - 1e-9
    hits = 0
    for start, stop, most in ((0, FEW_ORDERS, EARLY_STOP_MONTHLY), (FEW_ORDERS, MANY_ORDERS, 0)):
        hits += int((_best_gain_per_order(quarters, least, start, stop, enough) >= enough).sum())
        if hits >= MIN_COUNTED_HITS:
            return (1 + hits) / (1 + stop)
        if most and hits >= most:
            break
    else:
        stop = MOST_ORDERS
    found = _best_gain_per_order(quarters, least, 0, stop, enough, tail=True)
    return _p_with_tail(found, observed, comb(quarters.shape[1], quarters.shape[1] // 2))


def stretch_permutation_p(rows: Floats, first: int) -> float:
    """Compute p of the stretch of quarters that differs most from all others.

    It tests whether months change at all, also where they change back. `first` is the month of the
    first row, since 1970-01.
    """
    quarters = _split_into_quarters(rows, first).sum(-1)
    size = quarters.shape[1]
    observed = float(_best_stretch_gains(quarters[:, None])[0])
    if not np.isfinite(observed):
        return 1.0
    orders = _shuffled_quarters(size)
    found = _best_stretch_gains(quarters.take(orders[:FEW_ORDERS], 1))
    if (found >= observed - 1e-9).sum() < EARLY_STOP_MONTHLY:
        rest = _best_stretch_gains(quarters.take(orders[FEW_ORDERS:MANY_ORDERS], 1))
        found = np.concatenate([found, rest])
    return _p_with_tail(found, observed, comb(size, size // 2))


def _best_stretch_gains(quarters: Floats) -> Floats:
    """Compute the best LLR of a stretch against all other quarters; (classes, orders, quarters)."""
    size = quarters.shape[-1]
    edges = np.unique(np.append(np.arange(0, size, -(-size // MOST_EDGES)), size))
    starts, ends = (edges[at] for at in np.triu_indices(len(edges), 1))
    length = ends - starts
    used = np.minimum(length, size - length) >= MIN_STRETCH
    starts, ends = starts[used], ends[used]
    if not len(starts):
        return np.full(quarters.shape[1], -np.inf)
    summed = np.concatenate([np.zeros((*quarters.shape[:2], 1)), quarters.cumsum(-1)], axis=-1)
    part = max(1, CACHE_CELLS // (len(quarters) * len(starts)))
    found = []
    for at in range(0, quarters.shape[1], part):
        some = summed[:, at : at + part]
        inside = some.take(ends, -1) - some.take(starts, -1)
        found.append(gain_of_splits(inside, some[..., -1:]).max(-1))
    return np.concatenate(found)


def _p_with_tail(found: Floats, observed: float, halves: int) -> float:
    """Compute p of an LLR among those of permutations.

    Where few reach it, p follows an exponential tail whose scale is the mean excess. No p is below
    1 / `halves`, the share of orders that divide the quarters in the same way.
    """
    hits, size = int((found >= observed - 1e-9).sum()), 1 + len(found)
    highest = np.sort(found)[::-1][:TAIL_ORDERS]
    if hits >= MIN_COUNTED_HITS or not np.isfinite(highest[-1]):
        return (1 + hits) / size
    scale = float((highest[:-1] - highest[-1]).mean())
    above = (observed - float(highest[MIN_COUNTED_HITS - 1])) / max(scale, 1e-9)
    return max(MIN_COUNTED_HITS / size * float(np.exp(-max(above, 0.0))), hits / size, 1 / halves)


def _split_into_quarters(rows: Floats, first: int) -> Floats:
    """Reshape months to (classes, quarters, months) of whole calendar quarters.

    Months beyond the rows are empty.
    """
    ahead = first % BLOCK_MONTHS
    padded = np.zeros((-(-(ahead + len(rows)) // BLOCK_MONTHS) * BLOCK_MONTHS, rows.shape[1]))
    padded[ahead : ahead + len(rows)] = rows
    return np.ascontiguousarray(padded.T).reshape(rows.shape[1], -1, BLOCK_MONTHS)


@lru_cache(maxsize=256)
def _shuffled_quarters(size: int) -> NDArray[np.unsignedinteger]:
    """Draw (orders, size) numbers of quarters in random order, the same at every call."""
    draw = np.random.default_rng([SEED, size]).random((MOST_ORDERS, size))
    return draw.argsort(1, kind="stable").astype(np.min_scalar_type(size))


def _best_gain_per_order(
    quarters: Floats, least: int, start: int, stop: int, enough: float, tail: bool = False
) -> Floats:
    """Compute the best LLR of the quarters in each of the orders `start` to `stop`.

    Those below `enough` may be −∞; with `tail` the `TAIL_ORDERS` highest are not.
    """
    orders = _shuffled_quarters(quarters.shape[1])[start:stop]
    months = quarters.shape[1] * BLOCK_MONTHS
    part = max(1, CACHE_CELLS // (months * len(quarters)))
    found = np.full(len(orders), -np.inf)
    bound = -np.inf if tail else enough
    for at in range(0, len(orders), part):
        shuffled = quarters.take(orders[at : at + part], 1).reshape(len(quarters), -1, months)
        found[at : at + part] = _best_gains_above(shuffled, least, bound)
        if tail and min(at + part, len(orders)) >= TAIL_ORDERS:
            highest = np.partition(found[: at + part], -TAIL_ORDERS)[-TAIL_ORDERS]
            bound = min(enough, float(highest))
    return found


def _best_gains_above(rows: Floats, least: int, bound: float) -> Floats:
    """Compute the best LLR of each order where it reaches a bound, else −∞.

    Rows are (classes, orders, months). As in `_reaches_observed`, χ² shows where logarithms need
    not be taken.
    """
    size = rows.shape[-1]
    if size < max(2 * least, 2):
        return np.full(rows.shape[1], -np.inf)
    summed = rows.cumsum(-1)
    before, total = summed[..., least - 1 : size - least], summed[..., -1:]
    if not np.isfinite(bound):
        found: Floats = gain_of_splits(before, total).max(-1)
        return found
    mass, whole = before.sum(0), total.sum(0)
    pooled = total / np.maximum(whole, 1e-12)
    scaled = before * np.sqrt(np.where(pooled > 0, 1 / np.where(pooled > 0, pooled, 1), 0))
    most = np.einsum("com,com->om", scaled, scaled)
    most -= mass * mass
    with np.errstate(divide="ignore", invalid="ignore"):
        most *= whole / (mass * (whole - mass))
    places = np.flatnonzero(most >= bound - 1e-6)
    found = np.full(rows.shape[1], -np.inf)
    of_order, column = np.divmod(places, most.shape[1])
    chosen = summed.reshape(len(rows), -1).take(of_order * size + column + least - 1, 1)
    gain = gain_of_splits(chosen, total[..., 0], of_order)
    kept = gain >= bound
    np.maximum.at(found, of_order[kept], gain[kept])
    return found
