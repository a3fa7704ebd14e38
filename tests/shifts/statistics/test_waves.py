"""Waves: what the other partners of an actor say about the month of a change."""

import numpy as np
import pytest

from app.shifts.statistics import detection, waves
from app.shifts.statistics.sums import ONE_DAY, ONE_MONTH, DaySeries, gather_days
from app.shifts.statistics.waves import AWAY, CorpusVotes, DyadVotes, PairVotes, cast_votes

START = np.datetime64("2015-01")
PARTNERS = [f"P{n:02d}" for n in range(18)]


def make_dyad(seed: int, months: int, turns: int | None, before: float = 0.9) -> DaySeries:
    """Make a dyad with six acts a month, which turns away in a month, if at all."""
    dice, rows = np.random.default_rng(seed), []
    for month in range(months):
        share = before if turns is None or month < turns else 0.45
        for day in range(2, 26, 4):
            good = bool(dice.random() < share)
            when = (START + month * ONE_MONTH).astype("datetime64[D]") + day * ONE_DAY
            mass = (400, 0) if good else (0, 400)
            rows.append((str(when), 1, *mass, 1000 * good, 0, 1000 * (not good), 0))
    return gather_days(rows)  # type: ignore[arg-type]


def cast_corpus(moving: int) -> CorpusVotes:
    """Cast the votes of an actor's dyads, of which some turn away in the fortieth month."""
    found: dict[tuple[str, str], DyadVotes] = {}
    for n, partner in enumerate(PARTNERS):
        votes = cast_votes(make_dyad(100 + n, 84, 40 if n < moving else None))
        assert votes is not None
        found["ACT", partner] = votes
    return CorpusVotes(found)


def test_a_dyad_votes_around_the_month_in_which_it_turns() -> None:
    votes = cast_votes(make_dyad(1, 84, 40))
    assert votes is not None
    away = np.flatnonzero(votes.flags & AWAY)
    assert {40} <= set(away.tolist())
    assert len(away) <= 2 * (2 * waves.SLACK + 1)


def test_a_dyad_of_few_event_days_has_no_vote() -> None:
    assert cast_votes(make_dyad(1, 4, None)) is None


def test_a_change_within_a_wave_is_dated_by_it_and_keeps_its_p() -> None:
    days = make_dyad(7, 84, 40, before=0.8)
    [alone] = detection.find_shifts(days, "2022-12-31")
    seen = PairVotes(cast_corpus(6), ("ACT", "NEW"))
    [found] = detection.find_shifts(days, "2022-12-31", votes=seen)
    assert found.p == alone.p
    assert alone.wave is None
    assert found.wave is not None
    assert found.wave.actor == "ACT"
    assert set(found.wave.partners) >= set(PARTNERS[:4])
    assert found.wave.of == len(PARTNERS)
    assert found.weight > 1
    months = [abs(int((np.datetime64(f.onset) - START).astype(int)) - 40) for f in (found, alone)]
    assert months[0] <= min(2, months[1])


def test_the_votes_of_a_dyad_are_no_part_of_its_own_prior() -> None:
    corpus = cast_corpus(1)
    mine = PairVotes(corpus, ("ACT", PARTNERS[0]))
    assert mine.find_wave(int(START.astype(int)) + 40, AWAY).partners == ()  # type: ignore[union-attr]
    others = PairVotes(corpus, ("ACT", PARTNERS[1]))
    wave = others.find_wave(int(START.astype(int)) + 40, AWAY)
    assert wave is not None
    assert wave.partners == (PARTNERS[0],)


@pytest.mark.parametrize("kept", [0, waves.MIN_PARTNERS - 1])
def test_too_few_partners_say_nothing(kept: int) -> None:
    corpus = cast_corpus(6)
    few = {("ACT", p): corpus.of_actor["ACT"][p] for p in PARTNERS[:kept]}
    [found] = detection.find_shifts(
        make_dyad(7, 84, 40), "2022-12-31", votes=PairVotes(CorpusVotes(few), ("ACT", "NEW"))
    )
    assert found.wave is None
    assert found.weight == 1
