"""Ideal points of states in the votes of the UN General Assembly.

A loaded series: context for the events, never mixed into the index. It has no versions of its own;
`as_of` leaves out the datasets that did not exist at that version. For every two states the answer
says which of them moved.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from pydantic import Field, field_validator, model_validator
from sqlalchemy import Connection, func, select

from app.db.tables import ideal_points
from app.errors import make_crossed_error
from app.events.filter import Words
from app.page_models import EmptyReason
from app.query_models import AsOfQuery, BoundedDate, split_names
from app.rounding import round_number
from app.similarity.loaded_datasets import require_loaded_datasets
from app.similarity.portfolio_similarity import attribute_movement
from app.similarity.schemas import (
    IdealPointApproach,
    IdealPointDocument,
    IdealPointMove,
)

MAX_STATES = 20
"""States in one answer."""


class IdealPointsQuery(AsOfQuery):
    """The states, the years and the datasets asked for."""

    actors: Words = Field(
        description="States, separated by commas; every two of them are compared.",
        examples=[["ARM,RUS"]],
    )
    since: BoundedDate | None = Field(
        None, description="First year; by default that of the series."
    )
    until: BoundedDate | None = Field(None, description="Last year; by default that of the series.")
    dataset: Words = Field((), description="Only these loaded series; by default all.")

    @field_validator("actors")
    @classmethod
    def _split_names(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        parts = split_names(values, "ARM,RUS")
        if len(parts) > MAX_STATES:
            raise ValueError(f"has more than {MAX_STATES} names")
        return parts

    @model_validator(mode="after")
    def _check_year_order(self) -> "IdealPointsQuery":
        first, last = self.years
        if first > last:
            raise make_crossed_error(
                "since", f"the years run from {first} to {last}", "Exchange the two."
            )
        return self

    @property
    def years(self) -> tuple[int, int]:
        """First and last year, both inclusive."""
        first = int(self.since.first[:4]) if self.since else 1
        return first, int(self.until.last[:4]) if self.until else 9999


PointsByState = Mapping[tuple[str, str], Sequence[IdealPointDocument]]
"""Points by dataset and state, in order of sessions."""


def require_ideal_point_datasets(
    db: Connection, asked: Sequence[str], as_of: int | None
) -> list[str]:
    """Find the datasets with ideal points, or those asked for; raises `InvalidParameterError`."""
    return require_loaded_datasets(db, ideal_points.c.dataset, asked, as_of, "ideal points")


def read_state_points(
    db: Connection, codes: Sequence[str], sets: Sequence[str], asked: IdealPointsQuery
) -> PointsByState:
    """Read the points of some states."""
    p = ideal_points.c
    rows = select(ideal_points).where(p.actor.in_(codes), p.dataset.in_(sets))
    rows = rows.where(p.year.between(*asked.years)).order_by(p.dataset, p.actor, p.session)
    found: dict[tuple[str, str], list[IdealPointDocument]] = defaultdict(list)
    for row in db.execute(rows).mappings():
        found[row["dataset"], row["actor"]].append(IdealPointDocument.model_validate(dict(row)))
    return found


def measure_approaches(
    found: PointsByState, codes: Sequence[str], sets: Sequence[str]
) -> list[IdealPointApproach]:
    """Measure, for every two states, how their distance changed and how much each contributed.

    The first and the last session in which both voted are compared.
    """
    made = []
    for dataset in sets:
        for one, other in combinations(codes, 2):
            sides = [{p.session: p for p in found.get((dataset, c), ())} for c in (one, other)]
            common = sorted(sides[0].keys() & sides[1].keys())
            if len(common) < 2:
                continue
            ends = [(side[common[0]], side[common[-1]]) for side in sides]
            values = [(first.value, last.value) for first, last in ends]
            before, after = (abs(values[0][n] - values[1][n]) for n in (0, 1))
            shares = attribute_movement(values[0], values[1])
            made.append(
                IdealPointApproach(
                    dataset=dataset,
                    actors=(one, other),
                    first=ends[0][0].year,
                    last=ends[0][1].year,
                    before=round_number(before, 6),
                    after=round_number(after, 6),
                    change=round_number(after - before, 6),
                    moved=[
                        IdealPointMove(
                            actor=code,
                            first=round_number(value[0], 6),
                            last=round_number(value[1], 6),
                            share=round_number(share, 6),
                        )
                        for code, value, share in zip((one, other), values, shares, strict=True)
                    ],
                )
            )
    return made


def explain_missing_points(
    db: Connection, sets: Sequence[str], asked: IdealPointsQuery
) -> EmptyReason:
    """Explain why an answer has no point."""
    p = ideal_points.c
    ends = select(func.min(p.year), func.max(p.year)).where(p.dataset.in_(sets))
    first, last = db.execute(ends).one()
    if first is None or asked.years[1] < first:
        return "outside_coverage"
    return "not_yet_covered" if asked.years[0] > last else "no_match"
