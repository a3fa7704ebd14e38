"""Relations: the partners of an actor in events, counted by year."""

from collections import defaultdict

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import CompoundSelect, Connection, func, select, union

from app.db.tables import actors, participations
from app.db.versioning import list_row_states, select_current_or_as_of
from app.errors import make_crossed_error
from app.query_models import AsOfPagingQuery, BoundedDate, ChartQuery


class RelationQuery(AsOfPagingQuery, ChartQuery):
    """Parameters of the relations of an actor: the window in which events began."""

    since: BoundedDate | None = Field(None, description="First day; EDTF.")
    until: BoundedDate | None = Field(None, description="Last day, inclusive; EDTF.")

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


class RelationYear(BaseModel):
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
    series: list[RelationYear] = Field(description="Years with events, oldest first.")


def read_relations(
    db: Connection, code: str, since: str, until: str, as_of: int | None = None
) -> list[Relation]:
    """Read every partner of an actor in events that began in the window, most frequent first."""
    pairs = _select_pairs(code, since, until, as_of).subquery().c
    named = select_current_or_as_of(as_of, actors, lambda a: select(a.code, a.name)).subquery()
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
            series=[RelationYear.model_validate(dict(y._mapping)) for y in years],
        )
        for (actor, name), years in rows_by_partner.items()
    ]
    return sorted(found, key=lambda r: (-r.count, r.actor))


def _select_pairs(
    code: str, since: str, until: str, as_of: int | None
) -> CompoundSelect[str, str, str, int]:
    """Select (actor, event, start, quad) of the partners in an actor's events, once each."""
    found = []
    for row_state in list_row_states(as_of is not None):
        p, q = (row_state.table_for(participations).alias().c for _ in "pq")
        rows = select(
            q.actor, q.event, q.start, q.quad
        ).distinct()  # a union of one part removes no duplicates
        rows = rows.where(p.actor == code, p.start >= since, p.start <= until)
        rows = rows.where(q.event == p.event, q.start == p.start, q.seq == p.seq)
        rows = rows.where(q.actor != code, q.status != "retracted")
        found.append(rows.where(*row_state.conditions_as_of(p)) if as_of is not None else rows)
    both = union(*found)
    return both if as_of is None else both.params(as_of=as_of)
