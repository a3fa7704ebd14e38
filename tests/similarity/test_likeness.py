"""Likeness of portfolios, against SciPy and published tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import read_shared_rows
from soak import choose_size

from app.similarity import portfolio_similarity

GERMANY = {"GMY": 3, "AUH": 3, "ITA": 3, "RUM": 3}
RUSSIA = {"RUS": 3, "FRN": 3, "UKG": 1, "ITA": 1}
REST = "BEL SPN TUR NTH SWD POR SWZ GRC DEN YUG BUL NOR ALB"
EUROPE = [*dict.fromkeys((*GERMANY, *RUSSIA, *REST.split()))]


def test_germany_and_russia_in_1914() -> None:
    """Signorino and Ritter (1999), table 6."""
    ties = np.array([[side.get(state, 0) for state in EUROPE] for side in (GERMANY, RUSSIA)])
    assert portfolio_similarity.tau_b(ties)[0, 1] == pytest.approx(0.0303, abs=5e-5)


def read_system(year: int) -> tuple[list[str], np.ndarray]:
    """The portfolios of a year by the COW data on alliances."""
    states = {
        str(int(float(r["ccode"])))
        for r in read_shared_rows("ref/cow_states.csv")
        if float(r["styear"]) <= year <= float(r["endyear"])
    }
    ties = {}
    for r in read_shared_rows("alliances/cow_alliance_v4_1_dyad_year.csv.gz"):
        if float(r["year"]) == year:
            pacts = [float(r[f"cow_{kind}"]) for kind in ("defense", "neutral", "nonagg")]
            rank = 3 if pacts[0] else 2 if pacts[1] or pacts[2] else 1
            ties[str(int(float(r["ccode1"]))), str(int(float(r["ccode2"])))] = rank
    return sorted(states), portfolio_similarity.build_portfolios(sorted(states), ties)


def test_the_united_states_in_1816() -> None:
    states, ties = read_system(1816)
    values = portfolio_similarity.tau_b(ties)[states.index("2")]
    found = [values[states.index(code)] for code in ("200", "210", "220")]
    assert np.allclose(found, [-0.124, -0.0658, -0.0455], atol=5e-4)


def make_portfolios(seed: int, states: int = 9) -> np.ndarray:
    dice = np.random.default_rng(seed)
    names = [f"S{n}" for n in range(states)]
    ties = {(names[a], names[b]): int(dice.integers(0, 4)) for a in range(states) for b in range(a)}
    return portfolio_similarity.build_portfolios(names, ties)


@pytest.mark.slow
@pytest.mark.soak
@settings(deadline=None, max_examples=choose_size(15, 500))
@given(st.integers(0, 500))
def test_tau_b_is_that_of_scipy(seed: int) -> None:
    ties = make_portfolios(seed)
    found = portfolio_similarity.tau_b(ties)
    # Imported by the process that runs this test alone: it takes a second.
    stats = pytest.importorskip("scipy.stats")
    for i in range(len(ties)):
        for j in range(len(ties)):
            wanted = stats.kendalltau(ties[i], ties[j]).statistic
            assert found[i, j] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


@settings(deadline=None)
@given(st.integers(0, 500))
def test_s_pi_and_kappa_are_what_their_formulas_say(seed: int) -> None:
    ties = make_portfolios(seed).astype(float)
    x, y = ties[0], ties[1]
    observed = ((x - y) ** 2).mean()
    chance = ((x[:, None] - y[None, :]) ** 2).mean()
    pooled = np.concatenate([x, y])
    shared = ((pooled[:, None] - pooled[None, :]) ** 2).mean()
    whole = ties.astype(int)
    assert portfolio_similarity.kappa(whole)[0, 1] == pytest.approx(1 - observed / chance)
    assert portfolio_similarity.pi(whole)[0, 1] == pytest.approx(1 - observed / shared)
    assert portfolio_similarity.s_score(whole)[0, 1] == pytest.approx(
        1 - 2 * abs(x - y).sum() / (3 * len(x))
    )


@pytest.mark.parametrize("measure", portfolio_similarity.MEASURES)
def test_a_portfolio_is_like_itself_and_likeness_goes_both_ways(
    measure: portfolio_similarity.SimilarityMeasure,
) -> None:
    found = portfolio_similarity.MEASURES[measure](make_portfolios(3))
    assert np.allclose(np.diag(found), 1)
    assert np.allclose(found, found.T)


def test_chance_corrected_scores_are_nan_without_variation() -> None:
    alike = np.full((2, 5), 3)
    assert np.isnan(portfolio_similarity.kappa(alike)).all()
    assert np.isnan(portfolio_similarity.tau_b(alike)).all()
    assert (portfolio_similarity.s_score(alike) == 1).all()


@given(*[st.tuples(st.floats(-3, 3), st.floats(-3, 3))] * 2)
def test_what_two_moved_adds_up_to_the_change(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    first, second = portfolio_similarity.attribute_movement(one, other)
    change = abs(one[1] - other[1]) - abs(one[0] - other[0])
    assert first + second == pytest.approx(change, abs=1e-9)
    assert portfolio_similarity.attribute_movement(other, one) == pytest.approx(
        (second, first), abs=1e-9
    )


def test_russia_made_the_move_away_from_armenia_at_the_united_nations() -> None:
    fields = {
        (r["iso3c"], r["session"]): float(r["IdealPointAll"])
        for r in read_shared_rows("unga/IdealpointestimatesAll_Jun2024.csv.gz")
    }
    points = [(fields[code, "74"], fields[code, "78"]) for code in ("ARM", "RUS")]
    armenia, russia = portfolio_similarity.attribute_movement(points[0], points[1])
    assert armenia + russia > 0.5
    assert russia > 0.9 * (armenia + russia)
    assert armenia < 0.05
