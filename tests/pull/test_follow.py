"""The loop of a follower: it goes on after failures that may pass, and ends when asked to."""

import logging
from typing import Any

import pytest

from app.pull import follow
from app.pull.follow import Follower
from app.pull.items import PullError
from app.pull.round import RoundReport

pytestmark = pytest.mark.slow


class Ended:
    """An end that is reached after some waits, whose lengths it keeps."""

    def __init__(self, waits: int) -> None:
        self.left, self.waited = waits, list[float]()

    def is_set(self) -> bool:
        """Return whether the end is reached."""
        return not self.left

    def wait(self, seconds: float) -> None:
        """Note a wait instead of waiting."""
        self.waited.append(seconds)
        self.left -= 1


class OneRound:
    """A round that reports or fails."""

    def __init__(self, failure: PullError | None) -> None:
        self.failure, self.closed = failure, 0
        self.source = self.wire = self
        self.name = "gdelt"

    def run(self) -> RoundReport:
        """Fail, or report that nothing came."""
        if self.failure is not None:
            raise self.failure
        return RoundReport("gdelt")

    def close(self) -> None:
        """Note that the connection was closed."""
        self.closed += 1


def make_follower(rounds: list[OneRound], waits: int) -> tuple[Follower, Ended, list[RoundReport]]:
    ended, reports, left = Ended(waits), list[RoundReport](), iter(rounds)
    made: Any = Follower(lambda: [next(left)], 900, reports.append, ended)  # type: ignore[arg-type, list-item]
    return made, ended, reports


def test_a_failure_that_may_pass_ends_no_follower(caplog: pytest.LogCaptureFixture) -> None:
    rounds = [OneRound(None), OneRound(PullError("it is down")), OneRound(None)]
    follower, ended, reports = make_follower(rounds, 3)
    with caplog.at_level(logging.WARNING):
        follower.follow()
    assert (len(reports), [one.closed for one in rounds]) == (2, [1, 1, 1])
    assert "it is down" in caplog.text
    assert all(890 < seconds < 900 + follow.JITTER_SECONDS for seconds in ended.waited)
    assert len(set(ended.waited)) == 3  # not all at the same second


def test_what_a_person_has_to_mend_ends_it() -> None:
    for failure, once in ((PullError("no token", 2), False), (PullError("down"), True)):
        follower, _, reports = make_follower([OneRound(failure)], 3)
        with pytest.raises(PullError):
            follower.follow(once=once)
        assert reports == []
    follower, ended, reports = make_follower([OneRound(None)], 3)
    follower.follow(once=True)
    assert (len(reports), ended.waited) == (1, [])
