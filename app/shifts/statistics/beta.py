"""The Beta distribution in NumPy alone: cumulative probability, quantiles and 90 % intervals.

Pure arithmetic: no database, no HTTP.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TAIL_PROBABILITY = 0.05
"""Probability of each tail outside a 90 % interval."""
CONVERGED = 1e-12
"""Change of a logit below which a step of Newton's method is the last one."""
_LEAST, _MOST, _COARSE, _POINTS = 0.3, 4000.0, 64, 600
_LANCZOS = (
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
    -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
    1.5056327351493116e-7,
)  # fmt: skip


def log_gamma(x: Floats) -> Floats:
    """Compute ln Γ(x) for x > 0 by the approximation of Lanczos (g = 7)."""
    z = x - 1
    total = np.full_like(z, _LANCZOS[0])
    for n, c in enumerate(_LANCZOS[1:], 1):
        total += c / (z + n)
    t = z + 7.5
    found: Floats = 0.5 * np.log(2 * np.pi) + (z + 0.5) * np.log(t) - t + np.log(total)
    return found


def beta_cdf(x: Floats, a: Floats, b: Floats) -> Floats:
    """Compute the regularised incomplete beta function I_x(a, b) by its continued fraction."""
    x, a, b = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (x, a, b)))
    flip = x > (a + 1) / (a + b + 2)
    y, p, q = np.where(flip, 1 - x, x), np.where(flip, b, a), np.where(flip, a, b)
    inner = np.clip(y, 1e-300, 1 - 1e-16)
    front = log_gamma(p + q) - log_gamma(p) - log_gamma(q) + p * np.log(inner)
    front = np.exp(front + q * np.log1p(-inner)) / p
    found = np.where(y <= 0, 0.0, front * _continued_fraction(inner, p, q))
    return np.asarray(np.where(flip, 1 - found, found), np.float64)


def _continued_fraction(x: Floats, a: Floats, b: Floats) -> Floats:
    """Evaluate the continued fraction of I_x(a, b) by the method of Lentz."""
    c, d = np.ones_like(x), 1 - (a + b) * x / (a + 1)
    d = 1 / np.where(np.abs(d) < 1e-300, 1e-300, d)
    value = d.copy()
    for m in range(1, 400):
        even_term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd_term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even_term, odd_term):
            d = 1 / _keep_from_zero(1 + term * d)
            c = _keep_from_zero(1 + term / c)
            step = c * d
            value *= step
        if np.all(np.abs(step - 1) < 1e-14):
            break
    return value


def _keep_from_zero(x: Floats) -> Floats:
    """Replace values that are almost 0, since the caller divides by them."""
    return np.asarray(np.where(np.abs(x) < 1e-300, 1e-300, x), np.float64)


def _logistic(logit: Floats) -> Floats:
    """Turn a logit into a share between 0 and 1."""
    share: Floats = 1 / (1 + np.exp(-logit))
    return share


def beta_quantile(level: float, a: Floats, b: Floats) -> Floats:
    """Find the x with I_x(a, b) = level by bisection of its logit."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    low, high = np.full(a.shape, -700.0), np.full(a.shape, 40.0)
    for _ in range(60):
        middle = (low + high) / 2
        below = beta_cdf(_logistic(middle), a, b) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return _logistic((low + high) / 2)


@cache
def _quantile_table() -> Floats:
    """Tabulate logits of the lower quantile over a grid of ln a and ln b, once per process."""
    grid = np.exp(np.linspace(np.log(_LEAST), np.log(_MOST), _COARSE))
    a, b = np.meshgrid(grid, grid, indexing="ij")
    q = _quantile_by_newton(a.ravel(), b.ravel())
    coarse = (np.log(q) - np.log1p(-q)).reshape(_COARSE, _COARSE)
    finer = _cubic_weights(np.linspace(0, _COARSE - 1, _POINTS), _COARSE)
    table: Floats = (finer @ coarse @ finer.T).ravel()
    return table


def _cubic_weights(at: Floats, points: int) -> Floats:
    """Return the weights of a cubic interpolation between the points 0, 1 … `points` − 1.

    The result is (places, points): a row for each place of `at`.
    """
    cell = np.clip(at.astype(np.int64), 1, points - 3)
    t = at - cell
    u, v, w = t + 1, t - 1, t - 2
    four = (-t * v * w / 6, u * v * w / 2, -u * t * w / 2, u * t * v / 6)
    weights = np.zeros((at.size, points))
    for shift, part in zip(range(-1, 3), four, strict=True):
        weights[np.arange(at.size), cell + shift] = part
    return weights


def _quantile_by_newton(a: Floats, b: Floats) -> Floats:
    """Find the lower quantile of many Beta distributions.

    A few bisections are followed by Newton steps on the logit.
    """
    low, high = np.full(a.shape, -40.0), np.full(a.shape, 20.0)
    norm = log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    y, left = np.zeros_like(a), np.arange(a.size)
    for turn in range(40):
        x, p, q = _logistic(y[left]), a[left], b[left]
        gap = beta_cdf(x, p, q) - TAIL_PROBABILITY
        low[left] = np.where(gap < 0, y[left], low[left])
        high[left] = np.where(gap < 0, high[left], y[left])
        slope = np.exp(norm[left] + p * np.log(x) + q * np.log1p(-x))
        step = y[left] - gap / np.maximum(slope, 1e-300)
        inside = (turn >= 6) & (step > low[left]) & (step < high[left])
        found = np.where(inside, step, (low[left] + high[left]) / 2)
        moved = np.abs(found - y[left]) > CONVERGED
        y[left] = found
        left = left[moved]
    return _logistic(y)


def beta_interval(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the central 90 % of Beta(a, b), for one-dimensional a and b of at least 0.4.

    The values are interpolated in a table, within 0.0002 of the exact ones and about a hundred
    times faster: ten years of monthly intervals take a fraction of a millisecond.
    """
    both = np.array([a, b])
    if both.size and both.max() >= _MOST:
        turned = both[::-1]
        below, above = beta_quantile(TAIL_PROBABILITY, both, turned)
        return below, 1 - above
    scale = (_POINTS - 1) / (np.log(_MOST) - np.log(_LEAST))
    place = (np.log(both) - np.log(_LEAST)) * scale
    cell = place.astype(np.int64)
    s = place - cell
    t, at, table = s[::-1], cell * _POINTS + cell[::-1], _quantile_table()
    near = table.take(at)
    near += (table.take(at + 1) - near) * t
    far = table.take(at + _POINTS)
    far += (table.take(at + (_POINTS + 1)) - far) * t
    below, above = _logistic(near + (far - near) * s)
    return below, 1 - above
