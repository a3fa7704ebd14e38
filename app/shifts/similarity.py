"""Likeness of alliance portfolios over HTTP: formal ties beside the events, never mixed in."""

from collections import defaultdict
from itertools import combinations
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, field_validator, model_validator
from sqlalchemy import Connection, Select, select

from app.actors.ladder import period
from app.actors.path import in_query
from app.alliances.read import described, held
from app.db.tables import actors
from app.db.worlds import across
from app.edtf import bounds
from app.events.filter import Words
from app.examples import shown
from app.http.answer import encode
from app.http.asked import Date, Past, seen, today
from app.http.caching import cached
from app.http.database import Held
from app.http.page import links
from app.http.problems import RESPONSES, InvalidError, crossed
from app.shifts.likeness import MEASURES, RANK, Measure, portfolios
from app.shifts.schemas import Likeness, LikenessMeta, Similarity

router = APIRouter(prefix="/v1", tags=["shifts"], responses=RESPONSES)
YEARS = 300
"""Years in one answer."""


class SimilarityQuery(Past):
    """Whose portfolios, and when."""

    actors: Words = Field(
        description="States, separated by commas; every two of them are compared.",
        examples=[["ARM,RUS"]],
    )
    since: Date | None = Field(None, description="First year; ten years before the last, if none.")
    until: Date | None = Field(None, description="Last year; this year, if none is given.")
    measure: Measure = Field(
        "kappa", description="Cohen's κ, Scott's π (both with squared distances), S, or τ-b."
    )

    @field_validator("actors")
    @classmethod
    def _split(cls, given: list[str]) -> list[str]:
        parts = [part.strip() for one in given for part in one.split(",")]
        if not all(parts):
            raise ValueError("must be names separated by commas, such as ARM,RUS")
        if len(parts) > 20:
            raise ValueError("holds more than 20 names")
        return parts

    @model_validator(mode="after")
    def _forward(self) -> "SimilarityQuery":
        first, last = self.years
        if first > last:
            field = "since" if self.since is not None else "until"
            raise crossed(field, f"the years run from {first} to {last}", "Exchange the two.")
        if last - first >= YEARS:
            field = "since" if self.since is not None else "until"
            raise crossed(field, f"asks for more than {YEARS} years", "Ask for fewer.")
        return self

    @property
    def years(self) -> tuple[int, int]:
        """First and last year."""
        last = bounds(self.until)[1].year if self.until else int(today()[:4])
        first = bounds(self.since)[0].year if self.since else max(last - 10, 1)
        return first, last


def _alive(db: Connection, as_of: int | None) -> list[tuple[str, str, str]]:
    """(code, since, until) of every state."""

    def build(a: Any) -> Select[Any]:
        rows = select(a.code, a.since, a.until)
        return rows.where(a.kind == "state", a.merged_into.is_(None))

    rows = db.execute(across(as_of, actors, build))
    return sorted((r.code, r.since or "", r.until or "~") for r in rows)


def ties_of(db: Connection, years: tuple[int, int], as_of: int | None) -> dict[int, Any]:
    """By year the strongest tie of every two states that were bound on some day of it."""
    ranks = {
        group.code: max(RANK[obligation] for obligation in group.obligations)
        for group in described(db, None, as_of)
        if group.obligations
    }
    spells = defaultdict(list)
    if ranks:
        for spell in held(db, as_of, groups=sorted(ranks)):
            since, until = period(spell.steps)
            if spell.role == "member" and since is not None:
                spells[spell.group].append((spell.actor, since, until))
    found: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    for group, members in spells.items():
        for (one, since, until), (other, begun, ended) in combinations(sorted(members), 2):
            first, last = max(since, begun), min(until, ended)
            if one == other or first >= last:
                continue
            for year in range(max(int(first[:4]), years[0]), min(int(last[:4]), years[1]) + 1):
                if last > f"{year:04}-01-01":
                    pair = found[year]
                    pair[one, other] = max(pair.get((one, other), 0), ranks[group])
    return found


def likenesses(
    db: Connection, codes: list[str], asked: SimilarityQuery, as_of: int | None
) -> list[Likeness]:
    """Every two of some states, year by year, while both were there."""
    states, ties = _alive(db, as_of), ties_of(db, asked.years, as_of)
    found = []
    for year in range(asked.years[0], asked.years[1] + 1):
        first, last = f"{year:04}-01-01", f"{year:04}-12-31"
        there = [code for code, since, until in states if since <= last and until > first]
        at = [there.index(code) for code in codes if code in there]
        if len(at) < 2:
            continue
        rows = portfolios(there, ties.get(year, {}))
        values = MEASURES[asked.measure](rows[at])
        bound = (rows[at] > 0).sum(1) - 1
        for i, j in combinations(range(len(at)), 2):
            value = float(values[i, j])
            found.append(
                Likeness(
                    year=year,
                    actors=(there[at[i]], there[at[j]]),
                    value=None if np.isnan(value) else round(value, 6),
                    states=len(there),
                    tied=[int(bound[i]), int(bound[j])],
                    covered=bool(ties.get(year)),
                )
            )
    return found


@router.get(
    "/similarity",
    response_model=Similarity,
    operation_id="getSimilarity",
    responses=shown("getSimilarity"),
)
def get_similarity(
    asked: Annotated[SimilarityQuery, Query()], request: Request, database: Held
) -> Response:
    """How alike the alliance portfolios of states were, year by year.

    Of ties with obligations that the record knows: what is not loaded is not there.
    """
    with database.connect() as db:
        version, then = seen(db, asked.as_of)

        def make() -> Response:
            codes = list(dict.fromkeys(in_query(db, "actors", n, then) for n in asked.actors))
            if len(codes) < 2:
                hint = "Name at least two states, such as ARM,RUS."
                raise InvalidError("actors", "names only one actor", hint)
            kinds = {code for code, _, _ in _alive(db, then)}
            if other := next((code for code in codes if code not in kinds), None):
                raise InvalidError("actors", f"{other} is no state", "Name states.")
            data = likenesses(db, codes, asked, then)
            meta = LikenessMeta(
                version=version, reason=None if data else "no_match", measure=asked.measure
            )
            where = links(request, None, version)
            if asked.until is None:  # this year will not be this year for ever
                where.permalink = f"{where.permalink}&until={asked.years[1]:04}"
            found = Similarity(data=data, meta=meta, links=where)
            return Response(encode(found), media_type="application/json")

        return cached(request, version, make, today())
