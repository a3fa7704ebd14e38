"""The signals between two actors, joined to the events that they are derived from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, func

from app.db.tables import signals
from app.db.versioning import list_row_states

Ends = tuple[ColumnElement[str], ColumnElement[str]]
"""Two actors, as columns or parameters."""


@dataclass(frozen=True, slots=True)
class PairScores:
    """Events joined to the signals between two actors."""

    rows: FromClause
    onward: ColumnElement[Any]
    """The score of the first actor's signal toward the second; null where there is none."""
    back: ColumnElement[Any]

    @property
    def total(self) -> ColumnElement[Any]:
        """The sum of both."""
        both = func.coalesce(self.onward, 0.0) + func.coalesce(self.back, 0.0)
        # Rounded: the sum of both ways is 0 where they cancel out, not a last bit.
        return func.round(both * 10_000) / 10_000 + 0.0  # no negative zero

    @property
    def count(self) -> ColumnElement[int]:
        """How many there are: 0, 1 or 2."""
        return sum_cases(self.onward.is_not(None), self.back.is_not(None))

    @property
    def weight(self) -> ColumnElement[float]:
        """The greater of their absolute scores; 0 without one."""
        one, other = (func.abs(func.coalesce(score, 0.0)) for score in (self.onward, self.back))
        return case((one > other, one), else_=other)


def sum_cases(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """Count how many of some conditions hold."""
    cases = [case((condition, 1), else_=0) for condition in conditions]
    return sum(cases[1:], cases[0])


def join_pair_scores(
    rows: FromClause, event: Mapping[str, ColumnElement[Any]], ends: Ends, as_of: bool
) -> PairScores:
    """Join events to the signals between two actors; `event` has its `start`, `event` and `seq`.

    With `as_of` the signals of superseded revisions are joined too.
    """
    scores: list[list[ColumnElement[Any]]] = [[], []]
    for row_state in list_row_states(as_of):
        for found, (from_, toward) in zip(scores, (ends, ends[::-1]), strict=True):
            # Sought by the whole key: by `toward` alone, all signals would have to be read.
            s = row_state.table_for(signals).alias()
            same = (s.c[name] == column for name, column in event.items())
            rows = rows.outerjoin(s, and_(s.c["from"] == from_, s.c.toward == toward, *same))
            found.append(s.c.score)
    onward, back = (found[0] if len(found) == 1 else func.coalesce(*found) for found in scores)
    return PairScores(rows, onward, back)
