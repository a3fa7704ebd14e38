"""Breaks in a series, against brute force, ruptures and SciPy."""

from importlib import import_module
from itertools import combinations, pairwise
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.shifts.statistics import changepoints, null_model, permutation

Rows = NDArray[np.float64]


def compute_cost(rows: Rows, whole: Rows) -> float:
    """What a segment costs, straight from the formula."""
    pooled = whole.sum(0) / whole.sum()
    x = rows.sum(0)
    return -sum(
        x[k] * np.log((x[k] + pooled[k]) / (x.sum() + 1)) for k in range(len(x)) if pooled[k] > 0
    )


def best_by_brute_force(rows: Rows, least: int, penalty: float) -> tuple[float, list[int]]:
    found: list[tuple[float, list[int]]] = []
    costs = {
        (a, b): compute_cost(rows[a:b], rows) for a, b in combinations(range(len(rows) + 1), 2)
    }
    for count in range(len(rows) // least):
        for cuts in combinations(range(1, len(rows)), count):
            ends = [0, *cuts, len(rows)]
            if min(b - a for a, b in pairwise(ends)) < least:
                continue
            total = sum(costs[segment] + penalty for segment in pairwise(ends))
            found.append((total, list(cuts)))
    return min(found)


def draw_rows(seed: int, size: int, classes: int = 4) -> Rows:
    dice = np.random.default_rng(seed)
    rows: Rows = dice.gamma(0.8, 1.2, (size, classes))
    rows[dice.random(size) < 0.2] = 0
    rows[size // 2 :, 0] *= dice.uniform(0.1, 4)
    return rows


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("least", [1, 2, 3])
def test_the_partition_is_the_best_of_all(seed: int, least: int) -> None:
    rows = draw_rows(seed, 12)
    total, cuts = best_by_brute_force(rows, least, 1.5)
    found = changepoints.partition_series(rows, least, 1.5)
    ends = [0, *found, len(rows)]
    mine = sum(compute_cost(rows[a:b], rows) + 1.5 for a, b in pairwise(ends))
    assert mine == pytest.approx(total, abs=1e-9)
    assert found == cuts


def test_no_stretch_has_fewer_than_fifteen_event_days() -> None:
    rows = np.array([[3.0, 0.5]] * 30 + [[0.5, 3.0]] * 10)
    assert changepoints.partition_series(rows, 6, 4.5) == [30]
    few = np.where(np.arange(40) < 30, 2, 1)
    assert changepoints.partition_series(rows, 6, 4.5, few) == [27]


@pytest.fixture(scope="module")
def ruptures() -> Any:
    """The package, with our cost: its import takes a second, also of those who run other tests."""
    package: Any = import_module("ruptures")

    class Multinomial(package.base.BaseCost):  # type: ignore[misc]
        model = "multinomial"
        min_size = 3

        def fit(self, signal: Rows) -> "Multinomial":
            self.signal = signal
            return self

        def error(self, start: int, end: int) -> float:
            return float(compute_cost(self.signal[start:end], self.signal))

    package.Multinomial = Multinomial
    return package


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_ruptures_finds_the_same_partition(ruptures: Any, seed: int) -> None:
    rows = draw_rows(100 + seed, 40)
    cost = ruptures.Multinomial()
    asked: Any = ruptures.Dynp(custom_cost=cost, min_size=3, jump=1).fit(rows)
    found = changepoints.partition_series(rows, 3, 2.0)
    assert found == asked.predict(len(found))[:-1] if found else True


@pytest.mark.parametrize("seed", range(6))
def test_the_gain_of_a_break_is_what_its_segments_cost_less(seed: int) -> None:
    rows = draw_rows(seed, 20)
    gains = changepoints.split_gains(rows, 2)
    pooled = rows.sum(0) / rows.sum()
    for at in range(2, 19):
        if min(rows[:at].sum(), rows[at:].sum()) < 2:
            continue
        parts = compute_cost(rows[:at], rows) + compute_cost(rows[at:], rows)
        whole = -float((rows.sum(0) * np.log(np.where(pooled > 0, pooled, 1))).sum())
        assert gains[at] == pytest.approx(whole - parts, abs=1e-9)


def test_nothing_is_gained_where_a_side_has_too_little() -> None:
    rows = np.full((8, 2), 0.1)
    assert not np.isfinite(changepoints.split_gains(rows, 2)).any()
    assert null_model.closed_form_p(float("-inf"), 8, 1.6) == 1
    assert permutation.permutation_p(rows, 2, 1) == 1


@settings(deadline=None)
@given(st.permutations(range(4)), st.integers(0, 50))
def test_the_order_of_classes_does_not_matter(order: list[int], seed: int) -> None:
    rows = draw_rows(seed, 24)
    assert np.allclose(
        changepoints.split_gains(rows, 3), changepoints.split_gains(rows[:, order], 3), atol=1e-9
    )
    assert changepoints.partition_series(rows, 3, 2.0) == changepoints.partition_series(
        rows[:, order], 3, 2.0
    )


@settings(deadline=None)
@given(st.integers(0, 50))
def test_time_backwards_breaks_at_the_same_places(seed: int) -> None:
    rows = draw_rows(seed, 24)
    forward = changepoints.split_gains(rows, 3)
    backward = changepoints.split_gains(rows[::-1], 3)
    assert np.allclose(forward[3:22], backward[3:22][::-1], atol=1e-9)


def test_permutations_are_the_same_at_every_call_and_keep_blocks_together() -> None:
    orders = permutation._shuffled_orders(10, 3, 50)
    assert np.array_equal(orders, permutation._shuffled_orders(10, 3, 50))
    for order in orders.T:
        assert sorted(order) == list(range(10))
        places = {int(month): place for place, month in enumerate(order)}
        for month in (0, 1, 3, 4, 6, 7):
            assert places[month + 1] == places[month] + 1


def test_the_permuted_p_of_a_clear_break_is_as_small_as_it_can_be() -> None:
    rows = np.array([[3.0, 0.0]] * 15 + [[0.0, 3.0]] * 15)
    assert permutation.permutation_p(rows, 1, 1) == pytest.approx(1 / 2000)


def find_reached(rows: Rows, times: int) -> list[bool]:
    """Of each order in turn, whether it gains as much as was seen; one by one."""
    gain = changepoints.split_gains(rows, 1).max()
    orders = permutation._shuffled_orders(len(rows), 1, times)
    return [
        bool(changepoints.split_gains(rows[order], 1).max() >= gain - 1e-9) for order in orders.T
    ]


@pytest.mark.parametrize("seed", range(12))
def test_permutations_stop_early_after_twenty_that_reach_the_gain(seed: int) -> None:
    rows = draw_rows(seed, 6 + seed, 2)
    few = np.cumsum(find_reached(rows, 199))
    if few[-1] >= 20:
        wanted = 20 / (1 + int(few.searchsorted(20)))
        assert wanted > 0.1
    else:
        wanted = (1 + sum(find_reached(rows, 1999))) / 2000
    permutation._p_cache.clear()
    assert permutation.permutation_p(rows, 1, 1) == wanted


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(16)))
def test_permuted_p_does_not_depend_on_the_batch(order: list[int]) -> None:
    every = [draw_rows(seed, 5 + seed % 3, 2) for seed in order]
    permutation._p_cache.clear()
    alone = [permutation.permutation_p(rows, 1, 1, 39, 99) for rows in every]
    permutation._p_cache.clear()
    assert permutation.permutation_p_each(every, 1, 1, 39, 99) == alone


def test_cached_p_of_months_is_that_of_its_rows_and_the_cache_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = [(draw_rows(seed, 60, 2), first, 6) for seed in range(4) for first in (0, 1)]
    alone = []
    for asked in every:
        permutation._month_p_cache.clear()
        alone.append(permutation.monthly_permutation_p(*asked))
    assert len(set(alone)) > 2
    for size in (permutation.P_CACHE_SIZE, 3):
        monkeypatch.setattr(permutation, "P_CACHE_SIZE", size)
        permutation._month_p_cache.clear()
        for _ in range(2):
            assert [permutation.monthly_permutation_p(*asked) for asked in every] == alone
        assert 0 < len(permutation._month_p_cache) <= size


@pytest.mark.parametrize("seed", range(20))
def test_the_first_look_in_single_precision_hides_no_break(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = draw_rows(seed, 90)
    for penalty in (1.0, 3.0, 5.0, 8.0):
        monkeypatch.setattr(changepoints, "SCREENED_ROWS", 400)
        looked = changepoints.partition_series(rows, 6, penalty)
        monkeypatch.setattr(changepoints, "SCREENED_ROWS", 0)
        assert looked == changepoints.partition_series(rows, 6, penalty)


def make_quiet_months(dice: np.random.Generator, quarters: int) -> Rows:
    """Months of independent quarters, each of which has shares and an amount of its own."""
    shares = dice.dirichlet([1.1, 0.5, 0.8, 0.6], quarters).repeat(3, axis=0)
    rows: Rows = shares * dice.gamma(0.8, 2.0, quarters).repeat(3)[:, None]
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 2])
def test_a_p_of_months_is_even_where_nothing_changes(first: int) -> None:
    """The closed p falls under 0.05 in 0.77 of these series. Months are cut off in front."""
    dice = np.random.default_rng(17)
    p = np.array(
        [
            permutation.monthly_permutation_p(
                make_quiet_months(dice, 30)[first:], 3 * 99 + first, 6
            )
            for _ in range(700)
        ]
    )
    for level in (0.02, 0.05, 0.1, 0.2):
        # up to three standard errors away, and rounded to what 39 orders tell above 0.1
        error = 3 * (level * (1 - level) / 700) ** 0.5
        assert level - error - (0.04 if level > 0.1 else 0) <= (p <= level).mean() <= level + error


@pytest.mark.slow
def test_p_of_any_change_is_even_where_nothing_changes() -> None:
    dice = np.random.default_rng(18)
    p = np.array(
        [permutation.stretch_permutation_p(make_quiet_months(dice, 24), 0) for _ in range(300)]
    )
    for level in (0.05, 0.1, 0.2):
        assert abs((p <= level).mean() - level) <= 3 * (level * (1 - level) / 300) ** 0.5 + 0.01


def test_a_change_and_its_reversal_are_a_change() -> None:
    """A single split hardly gains where the last third is as the first one."""
    dice = np.random.default_rng(5)
    good = dice.uniform(0.3, 0.7, 120) + np.where(abs(np.arange(120) - 60) < 20, -0.2, 0.2)
    rows = 2 * np.stack([good, 1 - good], axis=1)
    assert permutation.stretch_permutation_p(rows, 0) < 1e-4
    assert permutation.monthly_permutation_p(rows, 0, 6) > 1e-3
    assert permutation.stretch_permutation_p(rows[:6], 0) == 1


def test_quarters_of_the_calendar_stay_together() -> None:
    rows = np.arange(1.0, 9.0)[:, None]
    quarters = permutation._split_into_quarters(rows, 12 * 40 + 1)
    assert quarters[0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert permutation._split_into_quarters(rows[:3], 12 * 40)[0].tolist() == [[1, 2, 3]]


def make_turned_months(change: float) -> Rows:
    dice = np.random.default_rng(3)
    good = dice.uniform(0.3, 0.7, 120) + np.where(np.arange(120) < 60, -change, change)
    rows: Rows = 2 * np.stack([good, 1 - good], axis=1)
    return rows


def test_a_p_of_months_falls_far_below_what_orders_can_count() -> None:
    none, some, much = (
        permutation.monthly_permutation_p(make_turned_months(change), 0, 6)
        for change in (0.0, 0.1, 0.3)
    )
    assert none > 0.1
    assert 0 < some < 1e-3
    assert 0 < much < 1e-6


@pytest.mark.slow
def test_a_p_of_months_falls_without_a_leap_as_the_gain_grows() -> None:
    rows = make_turned_months(0.05)
    gain = np.linspace(0.5, 12, 200)
    p = np.array([permutation.monthly_permutation_p(rows, 0, 6, float(g)) for g in gain])
    assert (np.diff(p) <= 0.01).all()  # where more orders are drawn, p may rise a little
    known = (p[:-1] < 0.1) & (p[:-1] > 1e-6)
    assert (np.diff(np.log(p))[known] > -1.4).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_p_of_months_is_that_of_the_gains_of_all_orders(seed: int) -> None:
    """Logarithms are left out where no gain can matter; here every gain is computed."""
    rows = draw_rows(seed, 60 + 9 * seed)
    rows[len(rows) // 2 :, 0] *= seed + 0.5
    observed = changepoints.split_gains(rows, 6).max()
    padded = np.zeros((-(-len(rows) // 3) * 3, 4))
    padded[: len(rows)] = rows
    orders = permutation._shuffled_quarters(len(padded) // 3)
    months = 3 * orders[:, :, None] + np.arange(3)
    every = padded[months.reshape(len(orders), -1)]
    found = changepoints.split_gains(every, 6).max(1)
    hits = [(found[:most] >= observed - 1e-9).sum() for most in (39, 399, 1999)]
    most = 39 if hits[0] >= 8 else 399 if hits[1] >= 10 else 1999
    quarters = len(padded) // 3
    expected = permutation._p_with_tail(found[:most], observed, comb(quarters, quarters // 2))
    assert permutation.monthly_permutation_p(rows, 0, 6) == expected


def test_a_p_of_months_is_the_same_at_every_call() -> None:
    rows = draw_rows(5, 90)
    first = permutation.monthly_permutation_p(rows, 7, 6)
    permutation._shuffled_quarters.cache_clear()
    assert permutation.monthly_permutation_p(rows, 7, 6) == first


def test_p_of_few_quarters_has_a_lower_bound() -> None:
    """Of eight quarters seventy orders part four from four."""
    rows = np.array([[3.0, 0.1]] * 12 + [[0.1, 3.0]] * 12)
    assert permutation.monthly_permutation_p(rows, 0, 6) >= 1 / 70
    assert (
        null_model.closed_form_p(float(changepoints.split_gains(rows, 6).max()), 24, rows.sum())
        < 1e-9
    )


def test_p_is_one_where_no_break_is_possible() -> None:
    rows = np.ones((60, 4))
    assert permutation.monthly_permutation_p(rows, 0, 6) == 1
    assert permutation.monthly_permutation_p(rows[:6], 0, 6) == 1


def test_a_p_grows_with_length_and_falls_with_the_gain() -> None:
    at = [null_model.closed_form_p(llr, 120, 60) for llr in (3.0, 5.0, 8.0)]
    assert at == sorted(at, reverse=True)
    assert (
        null_model.closed_form_p(5, 240, 60)
        > null_model.closed_form_p(5, 120, 60)
        > null_model.closed_form_p(5, 120, 20)
    )


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=40))
def test_false_discovery_rates_are_those_of_scipy(p: list[float]) -> None:
    found = changepoints.benjamini_hochberg(p)
    if p:
        # Imported by the process that runs this test alone: it takes a second.
        stats = pytest.importorskip("scipy.stats")
        assert np.allclose(found, stats.false_discovery_control(p), atol=1e-12)


def test_the_onset_set_is_the_smallest_with_its_share() -> None:
    llr = np.array([-np.inf, 0.0, 5.0, 4.9, 1.0])
    assert changepoints.credible_rows(llr).tolist() == [2, 3]
    assert changepoints.credible_rows(llr, 0.999).tolist() == [1, 2, 3, 4]


def test_the_decisive_months_are_those_without_which_least_is_gained() -> None:
    rows = np.array([[1.0, 0.2]] * 10 + [[0.2, 1.0]] * 8 + [[0.0, 6.0], [0.0, 5.0]])
    assert changepoints.most_influential_groups(rows, 2, np.arange(20)) == [18, 19]
