"""Similarity of alliance portfolios: the question, and its answer from the ties of a year.

Formal ties are context: they are never mixed into the index of events.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator
from sqlalchemy import Connection

from app.actors.parameters import resolve_query_actor
from app.errors import make_crossed_error
from app.events.filter import Words
from app.query_models import AsOfQuery, BoundedDate, split_names, today
from app.rounding import round_number
from app.similarity.alliance_ties import (
    LOADED_CODE,
    TiesByYear,
    merge_ties,
    read_code_bearers,
    read_loaded_ties,
    read_recorded_ties,
    read_state_periods,
)
from app.similarity.portfolio_similarity import MEASURES, SimilarityMeasure, build_portfolios
from app.similarity.schemas import (
    PortfolioSimilarity,
)

MAX_YEARS = 300
"""Years in one answer."""


class SimilarityQuery(AsOfQuery):
    """The states, the years and the measure asked for."""

    actors: Words = Field(
        description="States, separated by commas; every two of them are compared.",
        examples=[["ARM,RUS"]],
    )
    since: BoundedDate | None = Field(
        None, description="First year; by default ten years before the last."
    )
    until: BoundedDate | None = Field(None, description="Last year; by default this year.")
    measure: SimilarityMeasure = Field(
        "kappa", description="Cohen's κ, Scott's π (both with squared distances), S, or τ-b."
    )

    system: Words = Field(
        (),
        description="The states over which portfolios are compared, separated by commas; by default"
        " those of the year in the record and the loaded alliances.",
    )
    dataset: Words = Field(
        (),
        description="Only these loaded alliances; by default all of them and the memberships of"
        " the record.",
    )

    @field_validator("actors", "system")
    @classmethod
    def _split_names(cls, values: tuple[str, ...], about: ValidationInfo) -> tuple[str, ...]:
        parts = split_names(values, "ARM,RUS")
        most = 20 if about.field_name == "actors" else 300
        if len(parts) > most:
            raise ValueError(f"has more than {most} names")
        return parts

    @model_validator(mode="after")
    def _check_years(self) -> "SimilarityQuery":
        first, last = self.years
        if first > last:
            field = "since" if self.since is not None else "until"
            raise make_crossed_error(
                field, f"the years run from {first} to {last}", "Exchange the two."
            )
        if last - first >= MAX_YEARS:
            field = "since" if self.since is not None else "until"
            raise make_crossed_error(
                field, f"asks for more than {MAX_YEARS} years", "Ask for fewer."
            )
        return self

    @property
    def years(self) -> tuple[int, int]:
        """First and last year, both inclusive."""
        last = int((self.until.last if self.until else today())[:4])
        first = int(self.since.first[:4]) if self.since else max(last - 10, 1)
        return first, last


def read_ties_for_query(
    db: Connection, asked: SimilarityQuery, sets: Sequence[str], as_of: int | None
) -> TiesByYear:
    """Read the ties that count for a query.

    Those of loaded alliances always count, those of the record only where no dataset is named.
    """
    loaded = read_loaded_ties(db, asked.years, sets, as_of)
    return (
        loaded if asked.dataset else merge_ties(read_recorded_ties(db, asked.years, as_of), loaded)
    )


def measure_similarities(
    db: Connection, codes: list[str], system: list[str], asked: SimilarityQuery, ties: TiesByYear,
    as_of: int | None,
) -> list[PortfolioSimilarity]:  # fmt: skip
    """Measure every two of some states, year by year, while both existed."""
    bearers = read_code_bearers(db, as_of)
    states = [state for state in read_state_periods(db, as_of) if state[0] not in bearers]
    codes = list(dict.fromkeys(bearers.get(code, code) for code in codes))
    found = []
    for year in range(asked.years[0], asked.years[1] + 1):
        first, last = f"{year:04}-01-01", f"{year:04}-12-31"
        bound_then = {code for pair in ties.get(year, ()) for code in pair}
        there = sorted(
            {code for code, since, until in states if since <= last and until > first} | bound_then
        )
        there = system or there
        at = [there.index(code) for code in codes if code in there]
        if len(at) < 2:
            continue
        rows = build_portfolios(there, ties.get(year, {}))
        values = MEASURES[asked.measure](rows[at])
        bound = (rows[at] > 0).sum(1) - 1
        for i, j in combinations(range(len(at)), 2):
            value = float(values[i, j])
            found.append(
                PortfolioSimilarity(
                    year=year,
                    actors=(there[at[i]], there[at[j]]),
                    value=None if np.isnan(value) else round_number(value, 6),
                    states=len(there),
                    tied=[int(bound[i]), int(bound[j])],
                    covered=bool(ties.get(year)),
                )
            )
    return found


def resolve_system(db: Connection, asked: SimilarityQuery, as_of: int | None) -> list[str]:
    """Resolve the states of the system, where the query names them.

    A code that no actor bears is kept as it is, since loaded alliances use it.
    """
    if not asked.system:
        return []
    bearers, found = read_code_bearers(db, as_of), []
    for name in asked.system:
        unborne = LOADED_CODE.fullmatch(name) and name not in bearers
        found.append(
            name if unborne else bearers.get(name) or resolve_query_actor(db, "system", name, as_of)
        )
    return list(dict.fromkeys(found))
