"""Partners: with whom an actor met in events, and when."""

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
    """Partners of an actor, in events that began in a window."""

    since: Date | None = Field(None, description="First day; EDTF.")
    until: Date | None = Field(None, description="Last day, inclusive; EDTF.")

    @property
    def days(self) -> tuple[str, str]:
        """First and last day, wide open where not given."""
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
    """What two actors had in common in a year."""

    year: int
    count: int
    cooperation: int = Field(description="Events of quad 1 and 2.")
    conflict: int = Field(description="Events of quad 3 and 4.")


class Relation(BaseModel):
    """A partner, and how often the two met in events."""

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
    """Every partner of an actor in events that began in the window, most frequent first."""
    pairs = _pairs(code, since, until, as_of).subquery().c
    called = across(as_of, actors, lambda a: select(a.code, a.name)).subquery()
    n, year = func.count(), func.substr(pairs.start, 1, 4)
    rows = db.execute(
        select(
            pairs.actor,
            called.c.name,
            year.label("year"),
            n.label("count"),
            n.filter(pairs.quad <= 2).label("cooperation"),
            n.filter(pairs.quad >= 3).label("conflict"),
            func.min(pairs.start).label("first"),
            func.max(pairs.start).label("last"),
        )
        .join(called, called.c.code == pairs.actor)
        .group_by(pairs.actor, called.c.name, year)
        .order_by(pairs.actor, year)
    )
    held = defaultdict(list)
    for row in rows:
        held[row.actor, row.name].append(row)
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
        for (actor, name), years in held.items()
    ]
    return sorted(found, key=lambda r: (-r.count, r.actor))


def _pairs(code: str, since: str, until: str, as_of: int | None) -> CompoundSelect[Any]:
    """(actor, event, start, quad) of whoever else took part in the actor's events, once each."""
    found = []
    for world in worlds(as_of is not None):
        p, q = (world.of(participations).alias().c for _ in "pq")
        rows = select(q.actor, q.event, q.start, q.quad).distinct()  # a union of one has no say
        rows = rows.where(p.actor == code, p.start >= since, p.start <= until)
        rows = rows.where(q.event == p.event, q.start == p.start, q.seq == p.seq)
        rows = rows.where(q.actor != code, q.status != "retracted")
        found.append(rows.where(*world.stood(p)) if as_of is not None else rows)
    both = union(*found)
    return both if as_of is None else both.params(as_of=as_of)
