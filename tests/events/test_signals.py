"""Signals follow from the act and the roles, by the table in docs/scoring.md."""

from datetime import date, timedelta
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.events.durations import (
    MAX_DAILY_DAYS,
    list_span_pieces,
    resolve_signal_span,
    spread_signal,
)
from app.events.signals import RULES_BY_NAME, Act, ActorInRole, derive_signals, weigh_act
from app.shifts.statistics.sums import DAY_MASS


def roles(**by_role: str) -> list[ActorInRole]:
    """Actors by role; the lower-case code of a group is given in capitals after a star."""
    return [
        ActorInRole(code.strip("*!"), role, "*" in code, "!" in code)
        for role, codes in by_role.items()
        for code in codes.split()
    ]


def derive_scores(act: Act, **by_role: str) -> dict[str, float]:
    found = derive_signals(roles(**by_role), act)
    assert all(s.rule in RULES_BY_NAME for s in found)
    return {f"{s.from_}>{s.toward}": round(s.score, 4) for s in found}


CEASEFIRE = Act(9.0, "RETREAT", "ceasefire", "0871", 2)
WAR = Act(-10.0, "ASSAULT", None, "190", 4, lasts=True)


@pytest.mark.parametrize(
    ("act", "by_role", "expected"),
    [
        (CEASEFIRE, {"participant": "A B", "host": "C"}, {}),
        (CEASEFIRE, {"initiator": "A", "target": "B", "mediator": "C"}, {}),
        (Act(7.0, "RETREAT", "release", "0841", 2), {"participant": "A B"}, {}),
        (Act(9.0, "RETREAT", "withdraw"), {"initiator": "A", "target": "B"}, {}),
        (Act(7.0, "RETREAT", "release", "0842"), {"initiator": "A", "target": "B"}, {"A>B": 7.0}),
        (Act(8.0, "SUPPORT", None, "057", 1), {"participant": "A B"}, {"A>B": 8.0, "B>A": 8.0}),
        (WAR, {"initiator": "A", "target": "B"}, {"A>B": -10.0, "B>A": -10.0}),
        (WAR, {"initiator": "A", "target": "B C"},
         {"A>B": -5.0, "A>C": -5.0, "B>A": -10.0, "C>A": -10.0}),
        (WAR, {"participant": "A B", "mediator": "C"}, {"A>B": -10.0, "B>A": -10.0}),
        (Act(-10.0, "ASSAULT", "aerial"), {"initiator": "A", "target": "B"},
         {"A>B": -10.0, "B>A": -10.0}),
        (Act(-9.0, "ASSAULT", "beat", "182", 4), {"initiator": "A", "target": "B"}, {"A>B": -9.0}),
        (Act(-7.0, "COERCE", None, "170", 4), {"initiator": "A", "target": "B"}, {"A>B": -7.0}),
        (Act(-7.0, "COERCE", None, "170", 4, lasts=True), {"initiator": "A", "target": "B"},
         {"A>B": -7.0, "B>A": -7.0}),
        (Act(1.9, "CONSULT", "visit", "042", 1), {"initiator": "A", "target": "B"},
         {"A>B": 1.9, "B>A": 2.8}),
        (Act(2.8, "CONSULT", "visit", "043", 1), {"initiator": "A", "target": "B"},
         {"A>B": 2.8, "B>A": 1.9}),
        (Act(None, "CONSULT", "visit"), {"participant": "A", "host": "B"},
         {"A>B": 1.9, "B>A": 2.8}),
        (Act(4.0, "CONSULT", "multilateral", "040", 1),
         {"initiator": "G*", "participant": "A B", "host": "C"},
         {"A>C": 1.0, "A>G": 1.0, "B>C": 1.0, "B>G": 1.0}),
        (Act(4.0, "CONSULT", "phone", "041", 1), {"initiator": "A", "target": "B"}, {"A>B": 1.0}),
        (Act(4.0, "CONSULT", None, "040", 1), {"participant": "A B"}, {"A>B": 1.0, "B>A": 1.0}),
        (Act(7.4, "COOPERATE", None, "062", 2), {"initiator": "G*", "absent": "A", "host": "B"},
         {"A>B": -4.0, "A>G": -4.0}),
        (Act(1.0, "CONSULT", None, "040", 1), {"initiator": "G*", "absent": "A!", "host": "B"}, {}),
        (Act(8.0, "SUPPORT", None, "057", 1, is_stage=True), {"participant": "A B"}, {}),
    ],
)  # fmt: skip
def test_a_rule_gives_other_signals(
    act: Act, by_role: dict[str, str], expected: dict[str, float]
) -> None:
    assert derive_scores(act, **by_role) == expected


def test_plain_goldstein_scores_are_not_kept() -> None:
    found = derive_signals(roles(participant="A B"), CEASEFIRE, "goldstein")
    assert [(s.from_, s.toward, s.score, s.rule) for s in found] == [
        ("A", "B", 9.0, "pairwise"),
        ("B", "A", 9.0, "pairwise"),
    ]


@pytest.mark.parametrize(("cameo", "score"), [("042", 1.9), ("043", 2.8)])
def test_a_visit_that_its_source_records_twice_counts_twice(cameo: str, score: float) -> None:
    act = Act(score, "CONSULT", "visit", cameo, 1)
    found = derive_signals(roles(initiator="A", target="B"), act, "mirrored")
    assert [(s.from_, s.toward, s.score) for s in found] == [("A", "B", score)]


@pytest.mark.parametrize(
    ("text", "weight", "start", "end"),
    [
        ("2023-10-03", 1, "2023-10-03", "2023-10-03"),
        ("2023-10-03~", 1, "2023-10-03", "2023-10-03"),
        ("2020-09-27/2020-11-09", round(1 + log2(44), 4), "2020-09-27", "2020-11-09"),
        ("2023-11", 1, "2023-11-01", "2023-11-30"),
        ("2016-07-18/2016-07-24", 1, "2016-07-18", "2016-07-24"),
        ("2016-07-19/2016-07-25", round(1 + log2(7), 4), "2016-07-19", "2016-07-25"),
        ("2023", 1, "2023-01-01", "2023-12-31"),
        ("2022-09/2022-11", round(1 + log2(33), 4), "2022-09-01", "2022-11-30"),
        ("2020-11-10/..", 1, "2020-11-10", "2020-11-10"),
        ("0001/9999", 1, "0001-01-01", "0001-01-01"),
    ],
)
def test_an_act_has_another_weight_or_span(text: str, weight: float, start: str, end: str) -> None:
    assert resolve_signal_span(text)[:3] == (start, end, weight)


@pytest.mark.parametrize(
    ("quad", "weight"), [(4, round(1 + log2(5), 4)), (3, 1), (2, 1), (1, 1), (None, 1)]
)
def test_an_exercise_weighs_by_its_days_as_fighting_does(quad: int | None, weight: float) -> None:
    assert weigh_act(quad, resolve_signal_span("2023-10-09/2023-10-13")) == weight


DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@given(DAYS, st.one_of(st.integers(0, 400), st.integers(0, 30_000)), st.integers(0, 1000))
def test_spreading_changes_a_total_or_passes_the_bound_of_a_day(
    first: date, more: int, mass: int
) -> None:
    start, last = first.isoformat(), first + timedelta(more)
    end = last.isoformat()
    weight = 1 + log2(more + 1)
    mass, classed = round(mass * weight), round(1000 * weight)
    pieces = spread_signal(start, end, mass, classed)
    assert [sum(column) for column in list(zip(*pieces, strict=True))[1:]] == [1, mass, classed]
    assert all(start <= day <= end for day, *_ in pieces)
    assert [day for day, *_ in pieces] == sorted({day for day, *_ in pieces})
    assert all(part <= DAY_MASS for _, _, part, _ in pieces)
    assert len(pieces) <= 122
    if more < MAX_DAILY_DAYS:
        assert len(list_span_pieces(start, end)) == more + 1
