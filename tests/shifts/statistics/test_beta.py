"""The Beta distribution, against SciPy."""

import numpy as np
from scipy import special

from app.shifts.statistics import beta

DICE = np.random.default_rng(7)
A, B = (np.exp(DICE.uniform(np.log(0.5), np.log(3000), 2000)) for _ in range(2))


def test_log_gamma() -> None:
    assert np.allclose(beta.log_gamma(A), special.gammaln(A), rtol=1e-12, atol=1e-12)


def test_the_incomplete_beta_function() -> None:
    x = DICE.random(2000)
    assert np.abs(beta.beta_cdf(x, A, B) - special.betainc(A, B, x)).max() < 1e-10


def test_the_incomplete_beta_function_at_its_ends() -> None:
    ends = beta.beta_cdf(np.array([0.0, 1.0]), np.array([2.0, 2.0]), np.array([3.0, 3.0]))
    assert ends.tolist() == [0.0, 1.0]


def test_exact_quantiles() -> None:
    found = beta.beta_quantile(0.05, A, B)
    assert np.abs(found - special.betaincinv(A, B, 0.05)).max() < 1e-10


def test_intervals_from_the_table() -> None:
    low, high = beta.beta_interval(A, B)
    assert np.abs(low - special.betaincinv(A, B, 0.05)).max() < 2e-4
    assert np.abs(high - special.betaincinv(A, B, 0.95)).max() < 2e-4


def test_beyond_the_table_quantiles_are_exact() -> None:
    a, b = np.array([9000.0]), np.array([3.0])
    low, high = beta.beta_interval(a, b)
    assert np.allclose(
        [low, high], [special.betaincinv(a, b, [0.05]), special.betaincinv(a, b, [0.95])]
    )
