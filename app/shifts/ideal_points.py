"""Ideal points of states in the votes of the UN General Assembly, over HTTP.

A loaded series: context for the events, never mixed into the index. It has no versions of its own;
`as_of` leaves out the datasets that did not exist at that version. For every two states the answer
says which of them moved.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, field_validator, model_validator
from sqlalchemy import Connection, Select, exists, func, select

from app.actors.path import in_query
from app.db.tables import datasets, ideal_points
from app.db.worlds import across
from app.edtf import bounds
from app.events.filter import Words
from app.examples import shown
from app.http.answer import encode
from app.http.asked import Date, Past, seen
from app.http.caching import cached
from app.http.database import Held
from app.http.page import Reason, links
from app.http.problems import RESPONSES, InvalidError, crossed
from app.shifts.likeness import who_moved
from app.shifts.schemas import Approach, IdealPoint, IdealPoints, IdealPointsMeta, Stance

router = APIRouter(prefix="/v1", tags=["shifts"], responses=RESPONSES)
MOST = 20
"""States in one answer."""


class IdealPointsQuery(Past):
    """The states, the years and the datasets asked for."""

    actors: Words = Field(
        description="States, separated by commas; every two of them are compared.",
        examples=[["ARM,RUS"]],
    )
    since: Date | None = Field(None, description="First year; by default that of the series.")
    until: Date | None = Field(None, description="Last year; by default that of the series.")
    dataset: Words = Field([], description="Only these loaded series; by default all.")

    @field_validator("actors")
    @classmethod
    def _split(cls, values: list[str]) -> list[str]:
        parts = [part.strip() for value in values for part in value.split(",")]
        if not all(parts):
            raise ValueError("must be names separated by commas, such as ARM,RUS")
        if len(parts) > MOST:
            raise ValueError(f"has more than {MOST} names")
        return parts

    @model_validator(mode="after")
    def _forward(self) -> "IdealPointsQuery":
        first, last = self.years
        if first > last:
            raise crossed("since", f"the years run from {first} to {last}", "Exchange the two.")
        return self

    @property
    def years(self) -> tuple[int, int]:
        """First and last year, both inclusive."""
        first = bounds(self.since)[0].year if self.since else 1
        return first, bounds(self.until)[1].year if self.until else 9999


Found = Mapping[tuple[str, str], Sequence[IdealPoint]]
"""Points by dataset and state, in order of sessions."""


def known_sets(db: Connection, asked: Sequence[str], as_of: int | None) -> list[str]:
    """Read the datasets that have ideal points, or those of them that are asked for."""
    has = ideal_points.c.dataset

    def build(d: Any) -> Select[Any]:
        return select(d.code).where(exists().where(has == d.code))

    found = sorted(row.code for row in db.execute(across(as_of, datasets, build)))
    return [code for code in found if code in asked] if asked else found


def points(db: Connection, codes: Sequence[str], sets: Sequence[str], asked: IdealPointsQuery) -> (
    Found
):  # fmt: skip
    """Read the points of some states."""
    p = ideal_points.c
    rows = select(ideal_points).where(p.actor.in_(codes), p.dataset.in_(sets))
    rows = rows.where(p.year.between(*asked.years)).order_by(p.dataset, p.actor, p.session)
    found: dict[tuple[str, str], list[IdealPoint]] = defaultdict(list)
    for row in db.execute(rows).mappings():
        found[row["dataset"], row["actor"]].append(IdealPoint.model_validate(dict(row)))
    return found


def approaches(found: Found, codes: Sequence[str], sets: Sequence[str]) -> list[Approach]:
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
            shares = who_moved(values[0], values[1])
            made.append(
                Approach(
                    dataset=dataset,
                    actors=(one, other),
                    first=ends[0][0].year,
                    last=ends[0][1].year,
                    before=round(before, 6),
                    after=round(after, 6),
                    change=round(after - before, 6),
                    moved=[
                        Stance(
                            actor=code,
                            first=round(value[0], 6),
                            last=round(value[1], 6),
                            share=round(share, 6),
                        )
                        for code, value, share in zip((one, other), values, shares, strict=True)
                    ],
                )
            )
    return made


def why_empty(db: Connection, sets: Sequence[str], asked: IdealPointsQuery) -> Reason:
    """Explain why an answer has no point."""
    p = ideal_points.c
    ends = select(func.min(p.year), func.max(p.year)).where(p.dataset.in_(sets))
    first, last = db.execute(ends).one()
    if first is None or asked.years[1] < first:
        return "outside_coverage"
    return "not_yet_covered" if asked.years[0] > last else "no_match"


@router.get(
    "/ideal-points",
    response_model=IdealPoints,
    operation_id="getIdealPoints",
    responses=shown("getIdealPoints"),
)
def get_ideal_points(
    asked: Annotated[IdealPointsQuery, Query()], request: Request, database: Held
) -> Response:
    """Ideal points of states in the votes of the General Assembly, and which of two states moved.

    The points come from loaded series (`entente load … --format unga-ideal-points`); without one
    the answer is empty.
    """
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            codes = list(dict.fromkeys(in_query(db, "actors", n, then) for n in asked.actors))
            sets = known_sets(db, asked.dataset, then)
            if unknown := sorted({*asked.dataset} - {*sets}):
                hint = f"There are: {', '.join(known_sets(db, [], then)) or 'none'}."
                raise InvalidError("dataset", f"{unknown[0]} has no ideal points", hint)
            found = points(db, codes, sets, asked)
            data = [point for code in codes for s in sets for point in found.get((s, code), ())]
            meta = IdealPointsMeta(
                version=version,
                reason=None if data else why_empty(db, sets, asked),
                datasets=sets,
            )
            answer = IdealPoints(
                data=data,
                moved=approaches(found, codes, sets),
                meta=meta,
                links=links(request, None, version),
            )
            return Response(encode(answer), media_type="application/json")

        return cached(request, version, make)
