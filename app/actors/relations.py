"""Relations: the partners of an actor, by the signals between the two, counted by year."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Literal

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import Connection, select

from app.actors.pair_sums import PairSums, Stretch
from app.actors.relation_queries import PartnerYear, compile_partner_years
from app.dataset_access import Purpose
from app.db.reader import get_hidden, leave_out_hidden, require_open
from app.db.tables import datasets as datasets_table
from app.errors import InvalidParameterError, make_crossed_error
from app.query_models import AsOfPagingQuery, BoundedDate, ChartQuery
from app.text import ShortText


class RelationQuery(AsOfPagingQuery, ChartQuery):
    """Parameters of the relations of an actor: the window in which events began."""

    since: BoundedDate | None = Field(None, description="First day; EDTF.")
    until: BoundedDate | None = Field(None, description="Last day, inclusive; EDTF.")

    dataset: list[ShortText] = Field([], description="From any of these datasets.")

    @property
    def day_range(self) -> tuple[str, str]:
        """The first and the last day of the window; by default all days."""
        since = "0001-01-01" if self.since is None else self.since.first
        return since, "9999-12-31" if self.until is None else self.until.last

    @model_validator(mode="after")
    def _check_relation_days(self) -> "RelationQuery":
        if self.day_range[0] > self.day_range[1]:
            raise make_crossed_error(
                "since", f"{self.since} lies after until ({self.until})", "Exchange the two."
            )
        return self


ReadPartnerSums = Callable[
    [Connection, str, Sequence[str], int | None, Mapping[str, Sequence[Stretch]]],
    dict[str, list[PairSums]],
]
"""Reads what passed between an actor and each of some partners in some stretches of days."""

Mass = Field(None, description="As in alignment; null for persons and bodies.")


class RelationYear(BaseModel):
    """The events that two actors took part in together in a year."""

    year: int
    count: int
    cooperation: int = Field(
        description="Events whose signals between the two are positive in sum; see `basis`."
    )
    conflict: int = Field(
        description="Events whose signals between the two are negative in sum; see `basis`."
    )
    neutral: int = Field(description="The other events.")
    positive: float | None = Mass
    negative: float | None = Mass
    index: float | None = Field(
        None, description="The index at the end, as in alignment; null before its first signal."
    )


class Relation(BaseModel):
    """A partner of an actor, with the number of events that both took part in."""

    actor: str
    name: str
    basis: Literal["signals", "events"] = Field(
        description="What is counted: the signals between the two; where one is a person or body,"
        " which has none, the events by quad."
    )
    count: int
    cooperation: int
    conflict: int
    neutral: int
    positive: float | None = Mass
    negative: float | None = Mass
    index: float | None = Field(
        None, description="The index at the end, as in alignment; null before its first signal."
    )
    first: str
    last: str
    series: list[RelationYear] = Field(description="Years with events, oldest first.")


@dataclass(frozen=True, slots=True)
class PartnerCounts:
    """The events of an actor and a partner by year, before they are shown."""

    actor: str
    name: str
    basis: Literal["signals", "events"]
    count: int
    years: list[PartnerYear]

    @property
    def sort_key(self) -> tuple[int, str]:
        """What partners are sorted by: the most frequent first."""
        return -self.count, self.actor


def count_by_partner(
    db: Connection,
    code: str,
    since: str,
    until: str,
    as_of: int | None = None,
    datasets: Sequence[str] = (),
) -> list[PartnerCounts]:
    """Count the events with every partner that began in the window, most frequent first."""
    if not datasets and get_hidden(db).sums:
        every = db.scalars(select(datasets_table.c.code).order_by(datasets_table.c.code))
        datasets = leave_out_hidden(db, every, "sums") or ("",)
    run = compile_partner_years(db.dialect.name, as_of is not None, len(datasets))
    values: dict[str, object] = {"actor": code, "since": since, "until": until}
    values |= {f"dataset_{n}": name for n, name in enumerate(datasets)}
    values |= {} if as_of is None else {"as_of": as_of}
    found = []
    for (actor, name, of_signals), rows in groupby(run.fetch_rows(db, values), itemgetter(0, 1, 2)):
        years = [PartnerYear(*row[3:]) for row in rows]
        count = sum([year.events for year in years])
        found.append(
            PartnerCounts(actor, name, "signals" if of_signals else "events", count, years)
        )
    return sorted(found, key=attrgetter("sort_key"))


def build_relation(partner: PartnerCounts) -> Relation:
    """Build a relation without what passed between the two: see `add_partner_sums`."""
    years = partner.years
    cooperation = sum([y.cooperation for y in years])
    conflict = sum([y.conflict for y in years])
    return Relation(
        actor=partner.actor,
        name=partner.name,
        basis=partner.basis,
        count=partner.count,
        cooperation=cooperation,
        conflict=conflict,
        neutral=partner.count - cooperation - conflict,
        first=years[0].first,
        last=years[-1].last,
        series=[
            RelationYear(
                year=int(y.year),
                count=y.events,
                cooperation=y.cooperation,
                conflict=y.conflict,
                neutral=y.events - y.cooperation - y.conflict,
            )
            for y in years
        ],
    )


def add_partner_sums(
    db: Connection,
    code: str,
    window: Stretch,
    relations: Sequence[Relation],
    read_partner_sums: ReadPartnerSums,
    as_of: int | None,
    datasets: Sequence[str],
) -> None:
    """Add to relations, and to each of their years, what passed between the two."""
    since, until = window
    stretches = {
        r.actor: [
            *((max(since, f"{y.year}-01-01"), min(until, f"{y.year}-12-31")) for y in r.series),
            window,
        ]
        for r in relations
        if r.basis == "signals"
    }
    found = read_partner_sums(db, code, datasets, as_of, stretches) if stretches else {}
    for relation in relations:
        rows: list[Relation | RelationYear] = [*relation.series, relation]
        for row, sums in zip(rows, found.get(relation.actor, ()), strict=False):
            row.positive, row.negative, row.index = sums.positive, sums.negative, sums.index


def require_datasets(db: Connection, wanted: Sequence[str], purpose: Purpose = "rows") -> None:
    """Raise an error where a dataset is unknown, or closed to the reader for that purpose."""
    require_open(db, wanted, purpose)
    known = sorted(db.scalars(select(datasets_table.c.code))) if wanted else []
    if unknown := next((name for name in wanted if name not in known), None):
        hint = f"Known: {', '.join(known[:5]) or 'none'}."
        raise InvalidParameterError("dataset", f"unknown dataset {unknown[:100]!r}", hint)
