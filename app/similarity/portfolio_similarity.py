"""Similarity of the alliance portfolios of states, for all pairs of a year at once.

Pure arithmetic. A portfolio is a row: for each state of the system the strongest tie to it, 0
(none), 1 (entente or consultation), 2 (neutrality or nonaggression), 3 (defense); every state is
bound to itself by 3. Each measure takes the rows of a year, (states, states of the system), and
returns (states, states). Where no portfolio differs from another the chance-corrected measures are
undefined: NaN.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SimilarityMeasure = Literal["kappa", "pi", "s", "tau_b"]
STRONGEST_TIE = 3
TIE_STRENGTH: Mapping[str, int] = {
    "defense": 3, "offense": 3, "neutrality": 2, "nonaggression": 2, "consultation": 1,
}  # fmt: skip
"""Strength of a tie by obligation; an entente of COW is a consultation."""


def s_score(rows: Ints) -> Floats:
    """Compute S of Signorino and Ritter (1999), unweighted: 1 − 2 Σ|a − b| / (3 N)."""
    apart = np.zeros((len(rows), len(rows)))
    for level in range(STRONGEST_TIE):
        above = (rows > level).astype(np.float64)
        both = above @ above.T
        alone = above.sum(1)
        apart += alone[:, None] + alone[None, :] - 2 * both
    return np.asarray(1 - 2 * apart / (STRONGEST_TIE * rows.shape[1]), np.float64)


def _mean_squared_distance(rows: Floats) -> Floats:
    """Compute the mean squared distance of each two portfolios."""
    squares = (rows**2).mean(1)
    found: Floats = squares[:, None] + squares[None, :] - 2 * rows @ rows.T / rows.shape[1]
    return np.maximum(found, 0)


def kappa(rows: Ints) -> Floats:
    """Compute Cohen's κ with squared distances (Häge 2011): each state has its own base rates."""
    x = rows.astype(np.float64)
    mean, spread = x.mean(1), x.var(1)
    chance = spread[:, None] + spread[None, :] + (mean[:, None] - mean[None, :]) ** 2
    return _chance_corrected(_mean_squared_distance(x), chance)


def pi(rows: Ints) -> Floats:
    """Compute Scott's π with squared distances (Häge 2011): both states share base rates."""
    x = rows.astype(np.float64)
    mean, spread = x.mean(1), x.var(1)
    chance = spread[:, None] + spread[None, :] + (mean[:, None] - mean[None, :]) ** 2 / 2
    return _chance_corrected(_mean_squared_distance(x), chance)


def _chance_corrected(observed: Floats, chance: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(chance > 1e-12, 1 - observed / chance, np.nan), np.float64)


def tau_b(rows: Ints) -> Floats:
    """Compute Kendall's τ-b (Bueno de Mesquita 1975).

    It comes from the 4 × 4 table of each two portfolios.
    """
    size = rows.shape[1]
    has = np.stack([(rows == level).astype(np.float64) for level in range(STRONGEST_TIE + 1)])
    table = np.einsum("aix,bjx->abij", has, has)
    agree, clash = np.zeros((len(rows),) * 2), np.zeros((len(rows),) * 2)
    for a in range(STRONGEST_TIE + 1):
        for b in range(STRONGEST_TIE + 1):
            agree += table[a, b] * table[a + 1 :, b + 1 :].sum((0, 1))
            clash += table[a, b] * table[a + 1 :, :b].sum((0, 1))
    counts = has.sum(2)
    untied = size * (size - 1) / 2 - (counts * (counts - 1) / 2).sum(0)
    scale = np.sqrt(untied[:, None] * untied[None, :])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > 0, (agree - clash) / scale, np.nan), np.float64)


MEASURES: Mapping[SimilarityMeasure, Callable[[Ints], Floats]] = {
    "kappa": kappa, "pi": pi, "s": s_score, "tau_b": tau_b,
}  # fmt: skip


def build_portfolios(states: list[str], ties: Mapping[tuple[str, str], int]) -> Ints:
    """Build the portfolios of a year; `ties` give the strongest tie of pairs, in either order."""
    at = {code: n for n, code in enumerate(states)}
    rows = np.zeros((len(states), len(states)), np.int64)
    np.fill_diagonal(rows, STRONGEST_TIE)
    for (one, other), rank in ties.items():
        if one in at and other in at:
            i, j = at[one], at[other]
            rows[i, j] = rows[j, i] = max(rows[i, j], rank)
    return rows


def attribute_movement(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Divide the change of distance between two points on a scale among the two.

    Each point is a pair (before, after). A step counts as the mean of what it does to the distance
    before and after the other's step, so that the two add up to the change.
    """

    def distance_at(a: int, b: int) -> float:
        """Return the distance of the two points at their moments a and b."""
        return abs(one[a] - other[b])

    first = (distance_at(1, 0) - distance_at(0, 0) + distance_at(1, 1) - distance_at(0, 1)) / 2
    second = (distance_at(0, 1) - distance_at(0, 0) + distance_at(1, 1) - distance_at(1, 0)) / 2
    return first, second
