"""The arithmetic of the index, against the formulas written out, and its laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from app.shifts.statistics import index
from app.shifts.statistics.levels import (
    certain_change,
    estimate_block_dispersion,
    measure_level,
)
from app.shifts.statistics.scan_rows import rows_of_level
from app.shifts.statistics.sums import (
    ONE_DAY,
    ONE_MONTH,
    DaySeries,
    cap_days,
    gather_days,
    gather_dyad_sides,
    sum_by_month,
)
from bench.shifts_series import draw_quiet

Row = tuple[str, int, int, int, int, int, int, int]


def make_days(*rows: Row) -> DaySeries:
    return gather_days(rows)


def draw_days(seed: int, count: int = 80, span: int = 1500) -> list[Row]:
    """Days with one to four events each, of any sign."""
    dice = np.random.default_rng(seed)
    found = []
    for day in np.sort(dice.choice(span, count, replace=False)):
        quads = dice.multinomial(dice.integers(1, 5), [0.3, 0.2, 0.3, 0.2])
        good, bad = int(quads[:2].sum()), int(quads[2:].sum())
        when = str(np.datetime64("2015-01-01") + int(day) * ONE_DAY)
        masses = (int(good * dice.integers(100, 1000)), int(bad * dice.integers(100, 1000)))
        found.append((when, good + bad, *masses, *(int(q) * 1000 for q in quads)))
    return found  # type: ignore[return-value]


def test_a_day_of_a_crisis_counts_no_more_than_its_bounds() -> None:
    daily = make_days(("2020-01-05", 9, 4000, 2000, 3000, 3000, 2000, 1000))
    mass, classes = cap_days(daily)
    assert mass.tolist() == [[1000, 500]]
    assert classes.tolist() == [[1000, 1000, 666, 333]]


def test_a_quiet_day_counts_in_full() -> None:
    daily = make_days(("2020-01-05", 2, 900, 600, 1000, 0, 1000, 0))
    mass, classes = cap_days(daily)
    assert mass.tolist() == [[900, 600]]
    assert classes.tolist() == [[1000, 0, 1000, 0]]


def test_months_without_events_are_included() -> None:
    daily = sum_by_month(make_days(("2020-01-05", 1, 500, 0, 1, 0, 0, 0),
                                 ("2020-04-30", 1, 0, 300, 0, 0, 1, 0)))  # fmt: skip
    assert daily.first == 50 * 12
    assert daily.n.tolist() == [1, 0, 0, 1]
    assert daily.mass.tolist() == [[0.5, 0], [0, 0], [0, 0], [0, 0.3]]


@pytest.mark.slow
@given(st.integers(0, 200), st.randoms())
@settings(deadline=None)
def test_no_order_and_no_splitting_changes_the_days(seed: int, dice: object) -> None:
    rows = draw_days(seed)
    halves = [
        (d, n - n // 2, p - p // 2, q - q // 2, *(k - k // 2 for k in quads))
        for d, n, p, q, *quads in rows
    ]
    halves += [(d, n // 2, p // 2, q // 2, *(k // 2 for k in quads)) for d, n, p, q, *quads in rows]
    dice.shuffle(halves)  # type: ignore[attr-defined]
    one, other = make_days(*rows), make_days(*halves)  # type: ignore[arg-type]
    for field in ("day", "n", "mass", "classes"):
        assert np.array_equal(getattr(one, field), getattr(other, field))


def index_by_hand(rows: list[Row], month: str, phi: float, half_life: float) -> tuple[float, ...]:
    """The formulas of SHIFTS, one month after the other."""
    daily = sum_by_month(make_days(*rows))
    last = int(np.datetime64(month, "M").astype(int)) - daily.first
    keep = 0.5 ** (1 / half_life)
    good = bad = mass = squares = 0.0
    for t in range(last + 1):
        p, n = daily.mass[t] if t < len(daily) else (0.0, 0.0)
        w = 1 / (phi * (1 + (p + n) / (phi * 6)))
        good, bad = good * keep + p * w, bad * keep + n * w
        mass, squares = mass * keep + (p + n) * w, squares * keep**2 + (p + n) * w
    theta = (2 * 0.5 + good) / (2 + good + bad)
    gain = mass / squares
    low, high = special.betaincinv(0.5 + gain * good, 0.5 + gain * bad, [0.05, 0.95])
    return 2 * theta - 1, 2 * low - 1, 2 * high - 1


@pytest.mark.parametrize("month", ["2015-06", "2017-02", "2019-12", "2022-03"])
def test_the_index_at_the_end_of_a_month(month: str) -> None:
    rows = draw_days(5)
    end = (np.datetime64(month, "M") + ONE_MONTH).astype("datetime64[D]") - ONE_DAY
    found = index.index_at_days(make_days(*rows), np.array([end]), 0.5, 0.8, 9.0)
    wanted = index_by_hand(rows, month, 0.8, 9.0)
    assert np.allclose([found.value[0], found.low[0], found.high[0]], wanted, atol=2e-4)
    assert found.value[0] == pytest.approx(wanted[0], abs=1e-12)


def test_after_the_last_month_the_index_fades_and_its_interval_stays() -> None:
    daily = make_days(*draw_days(5))
    last = daily.day[-1].astype("datetime64[M]")
    ends = (last + np.array([1, 2, 14, 600]) * ONE_MONTH).astype("datetime64[D]") - ONE_DAY
    found = index.index_at_days(daily, ends, 0.9, 0.8)
    assert len({*zip(found.low.tolist(), found.high.tolist(), strict=True)}) == 1
    assert np.all(np.diff(found.effective) < 0)
    assert np.all(np.diff(np.abs(found.value - 0.8)) < 0)
    assert found.value[-1] == pytest.approx(0.8)


def test_the_value_alone_is_that_of_the_index() -> None:
    daily = make_days(*draw_days(7))
    months = sum_by_month(daily)
    ends = np.arange("2014-11-05", "2023-01-01", 17, dtype="datetime64[D]")
    begun = index.open_month_mass(daily, ends) / 1000
    one = index.value_with_open_months(months, begun, ends, 0.4, 0.8)
    other = index.index_with_open_months(months, begun, ends, 0.4, 0.8)
    assert one.tolist() == other.value.tolist()


def test_within_a_month_only_what_has_happened_counts() -> None:
    rows = [*draw_days(5), ("2020-05-10", 1, 0, 900, 0, 0, 0, 1)]
    ends = np.array(["2020-05-09", "2020-05-10", "2020-05-31"], "datetime64[D]")
    found = index.index_at_days(make_days(*rows), ends, 0.5, 0.8)
    before = index.index_at_days(make_days(*rows[:-1]), ends, 0.5, 0.8)
    assert found.value[0] == pytest.approx(before.value[0], abs=1e-12)
    assert found.value[1] < before.value[1]
    assert found.value[2] == pytest.approx(found.value[1], abs=1e-12)


def test_smoothing_by_months_is_the_index_at_their_ends() -> None:
    daily = make_days(*draw_days(9))
    months = sum_by_month(daily)
    ends = np.arange(months.first + 1, months.first + len(months) + 1)
    last = ends.astype("datetime64[M]").astype("datetime64[D]") - ONE_DAY
    one = index.smooth_index(index.saturate_counts(months.mass, 0.7), 0.5)
    other = index.index_at_days(daily, last, 0.5, 0.7)
    assert np.allclose(one.value, other.value, atol=1e-12)


def test_dispersion_of_independent_events_is_about_one_and_shrinks_to_what_is_usual() -> None:
    dice = np.random.default_rng(1)
    counts = dice.multinomial(10, [0.4, 0.3, 0.2, 0.1], 400).astype(float)
    assert index.estimate_dispersion(counts, 1.0) == pytest.approx(1, abs=0.15)
    assert index.estimate_dispersion(np.zeros((5, 2)), 0.6) == 0.6
    few = index.estimate_dispersion(counts[:2], 1.6)
    assert few == pytest.approx(1.6, abs=0.5)


@given(st.integers(0, 100), st.floats(0.2, 3))
@settings(deadline=None)
def test_no_month_says_more_than_its_bound(seed: int, phi: float) -> None:
    dice = np.random.default_rng(seed)
    rows = index.saturate_counts(dice.gamma(1, 20, (30, 2)), phi)
    assert rows.sum(1).max() < index.SATURATION


@given(st.integers(0, 100), st.floats(1, 40))
@settings(deadline=None)
def test_scaling_coverage_does_not_move_the_index(seed: int, scale: float) -> None:
    dice = np.random.default_rng(seed)
    share = dice.uniform(0.05, 0.95, 40)
    months = np.stack([share, 1 - share], axis=1)
    one = index.smooth_index(index.saturate_counts(months, 0.6), 0.5, prior=1e-12)
    other = index.smooth_index(index.saturate_counts(months * scale, 0.6), 0.5, prior=1e-12)
    assert np.allclose(one.value, other.value, atol=1e-9)


@given(st.integers(0, 100))
@settings(deadline=None)
def test_swapping_cooperation_and_conflict_negates_the_index(seed: int) -> None:
    rows = draw_days(seed)
    turned = [(d, n, q, p, q3, q4, q1, q2) for d, n, p, q, q1, q2, q3, q4 in rows]
    ends = np.array(["2017-06-30", "2019-12-31"], "datetime64[D]")
    one = index.index_at_days(make_days(*rows), ends, 0.5, 0.7)
    other = index.index_at_days(make_days(*turned), ends, 0.5, 0.7)
    assert np.allclose(one.value, -other.value, atol=1e-12)
    assert np.allclose(one.low, -other.high, atol=1e-12)


def test_the_interval_of_a_level_is_wider_where_quarters_have_moods() -> None:
    good = np.repeat([5.0, 1.0, 4.0, 0.5] * 5, 3)
    moody = np.stack([good, 5.5 - good], axis=1)
    steady = np.full((60, 2), moody.mean(0))
    one, other = measure_level(moody), measure_level(steady)
    assert one.index == pytest.approx(other.index)
    assert estimate_block_dispersion(steady) == 1
    assert one.high - one.low > 1.3 * (other.high - other.low)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [3.0, 30.0])
def test_the_interval_of_a_level_contains_the_true_one_in_nine_of_ten(rate: float) -> None:
    """Without the dispersion of blocks it did in 0.87 of dense series."""
    dice = np.random.default_rng(12)
    hits = []
    for _ in range(400):
        series = draw_quiet(dice, rate, 84)
        level = measure_level(rows_of_level(series.days).mass)
        hits.append(level.low <= series.before <= level.high)
    assert 0.90 <= np.mean(hits) <= 0.96


def test_what_is_certain_lies_between_nothing_and_the_change() -> None:
    before = measure_level(np.array([[9.0, 1.0]]))
    after = measure_level(np.array([[1.0, 12.0]]))
    change = after.index - before.index
    assert change < certain_change(before, after) < 0
    little = measure_level(np.array([[0.5, 0.4]]))
    assert certain_change(little, before) == 0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 5), st.integers(1, 9)),
        max_size=40,
        unique_by=lambda row: row[:3],
    )
)
def test_the_sides_of_many_dyads_are_those_of_each(rows: list[tuple[int, int, int, int]]) -> None:
    day = np.datetime64("2020-01-30") + np.array([r[2] for r in rows], np.int64) * ONE_DAY
    sums = np.array([[n, 2 * n, 3 * n, n, 0, 0, n] for *_, n in rows], np.int64).reshape(-1, 7)
    number, own = (np.array([r[at] for r in rows], np.int64) for at in (0, 1))
    every = gather_dyad_sides(4, number, own, day, sums)
    one_by_one = [(str(d), *line) for d, line in zip(day, sums.tolist(), strict=True)]
    for at, sides in enumerate(every):
        mine = [line for line, row in zip(one_by_one, rows, strict=True) if row[0] == at]
        assert_same(sides.both, gather_days(mine))
        for side in (0, 1):
            acted = [t for t, r in zip(one_by_one, rows, strict=True) if r[:2] == (at, side)]
            assert_same(sides.days_of_side(side), gather_days(acted))


def assert_same(one: DaySeries, other: DaySeries) -> None:
    for name in ("day", "n", "mass", "classes"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
