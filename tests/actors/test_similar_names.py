"""Names are scored all at once, as one by one."""

import pytest
from rapidfuzz import fuzz

from app.actors.name_table import iterate_table_names
from app.actors.queries import LEAST_SIMILARITY, _score_names

NAMES = sorted({row.value for row in iterate_table_names()})


def score_name(asked: str, name: str) -> float:
    """The score of one name, as the documentation of searching says it."""
    if name.startswith(asked):
        return 90 + 9 * len(asked) / len(name)
    return min(90, max(fuzz.ratio(asked, name), 0.9 * fuzz.token_set_ratio(asked, name)))


@pytest.mark.parametrize(
    "asked",
    ["armenai", "a", "united", "states united", "republic of the congo", "9" * 30, "x" * 200],
)
def test_each_name_has_the_score_that_it_has_alone(asked: str) -> None:
    alone = {at: score_name(asked, name) for at, name in enumerate(NAMES)}
    similar = {at: score for at, score in alone.items() if score >= LEAST_SIMILARITY}
    assert _score_names(asked, NAMES) == pytest.approx(similar)
    assert len(similar) < len(NAMES)
