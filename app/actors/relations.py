"""Relations: the partners of an actor in events, counted by year."""

from collections import defaultdict
from typing import Any

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import CompoundSelect, Connection, func, select, union

from app.db.tables import actors, participations
from app.db.worlds import across, worlds
from app.edtf import bounds, last_day
from app.http.asked import Date, PastPaging
from app.http.drawing import Drawn
from app.http.problems import crossed


class RelationQuery(PastPaging, Drawn):
    """Parameters of the relations of an actor: the window in which events began."""

    since: Date | None = Field(None, description="First day; EDTF.")
    until: Date | None = Field(None, description="Last day, inclusive; EDTF.")

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day of the window; by default all days."""
        since = "0001-01-01" if self.since is None else bounds(self.since)[0].isoformat()
        return since, last_day(self.until) or "9999-12-31"

    @model_validator(mode="after")
    def _forward(self) -> "RelationQuery":
        if self.days[0] > self.days[1]:
            raise crossed(
                "since", f"{self.since} lies after until ({self.until})", "Exchange the two."
            )
        return self


class Year(BaseModel):
    """The events that two actors took part in together in a year."""

    year: int
    count: int
    cooperation: int = Field(description="Events of quad 1 and 2.")
    conflict: int = Field(description="Events of quad 3 and 4.")


class Relation(BaseModel):
    """A partner of an actor, with the number of events that both took part in."""

    actor: str
    name: str
    count: int
    cooperation: int
    conflict: int
    first: str
    last: str
    series: list[Year] = Field(description="Years with events, oldest first.")


def relations(
    db: Connection, code: str, since: str, until: str, as_of: int | None = None
) -> list[Relation]:
    """Read every partner of an actor in events that began in the window, most frequent first."""
    pairs = _pairs(code, since, until, as_of).subquery().c
    named = across(as_of, actors, lambda a: select(a.code, a.name)).subquery()
    n, year = func.count(), func.substr(pairs.start, 1, 4)
    rows = db.execute(
        select(
            pairs.actor,
            named.c.name,
            year.label("year"),
            n.label("count"),
            n.filter(pairs.quad <= 2).label("cooperation"),
            n.filter(pairs.quad >= 3).label("conflict"),
            func.min(pairs.start).label("first"),
            func.max(pairs.start).label("last"),
        )
        .join(named, named.c.code == pairs.actor)
        .group_by(pairs.actor, named.c.name, year)
        .order_by(pairs.actor, year)
    )
    rows_by_partner = defaultdict(list)
    for row in rows:
        rows_by_partner[row.actor, row.name].append(row)
    found = [
        Relation(
            actor=actor,
            name=name,
            count=sum(y.count for y in years),
            cooperation=sum(y.cooperation for y in years),
            conflict=sum(y.conflict for y in years),
            first=min(y.first for y in years),
            last=max(y.last for y in years),
            series=[Year.model_validate(dict(y._mapping)) for y in years],
        )
        for (actor, name), years in rows_by_partner.items()
    ]
    return sorted(found, key=lambda r: (-r.count, r.actor))


def _pairs(code: str, since: str, until: str, as_of: int | None) -> CompoundSelect[Any]:
    """Select (actor, event, start, quad) of the partners in an actor's events, once each."""
    found = []
    for row_state in worlds(as_of is not None):
        p, q = (row_state.of(participations).alias().c for _ in "pq")
        rows = select(
            q.actor, q.event, q.start, q.quad
        ).distinct()  # a union of one part removes no duplicates
        rows = rows.where(p.actor == code, p.start >= since, p.start <= until)
        rows = rows.where(q.event == p.event, q.start == p.start, q.seq == p.seq)
        rows = rows.where(q.actor != code, q.status != "retracted")
        found.append(rows.where(*row_state.stood(p)) if as_of is not None else rows)
    both = union(*found)
    return both if as_of is None else both.params(as_of=as_of)
