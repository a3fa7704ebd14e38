"""Relations: the partners of an actor, by the signals between the two, counted by year."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    case,
    func,
    select,
    union,
    union_all,
)

from app.actors.pair_sums import PairSums, Stretch
from app.db.tables import actors, participations, signals
from app.db.tables import datasets as datasets_table
from app.db.versioning import list_row_states, select_current_or_as_of
from app.errors import InvalidParameterError, make_crossed_error
from app.query_models import AsOfPagingQuery, BoundedDate, ChartQuery
from app.text import ShortText

KINDS_WITHOUT_SIGNALS = ("person", "body")
"""Kinds of actors that act for their state, whose signals are the state's."""


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


def read_relations(
    db: Connection,
    code: str,
    since: str,
    until: str,
    as_of: int | None = None,
    datasets: Sequence[str] = (),
) -> list[Relation]:
    """Read every partner of an actor in events that began in the window, most frequent first."""
    pairs = _select_pairs(code, since, until, as_of, datasets).subquery()
    scores = _select_scores(code, since, until, as_of).subquery()
    named = select_current_or_as_of(
        as_of, actors, lambda a: select(a.code, a.name, a.kind)
    ).subquery()
    self_named = named.alias()
    own_kind = select(self_named.c.kind).where(self_named.c.code == code).scalar_subquery()
    of_signals = named.c.kind.not_in(KINDS_WITHOUT_SIGNALS) & own_kind.not_in(KINDS_WITHOUT_SIGNALS)
    score = func.coalesce(scores.c.score, 0.0)
    good = case((of_signals, score > 0), else_=pairs.c.quad <= 2)
    bad = case((of_signals, score < 0), else_=pairs.c.quad >= 3)
    n, year = func.count(), func.substr(pairs.c.start, 1, 4)
    same = (scores.c.seq == pairs.c.seq) & (scores.c.partner == pairs.c.actor)
    rows = db.execute(
        select(
            pairs.c.actor,
            named.c.name,
            of_signals.label("of_signals"),
            year.label("year"),
            n.label("count"),
            n.filter(good).label("cooperation"),
            n.filter(bad).label("conflict"),
            func.min(pairs.c.start).label("first"),
            func.max(pairs.c.start).label("last"),
        )
        .select_from(pairs)
        .join(named, named.c.code == pairs.c.actor)
        .outerjoin(scores, same)
        .group_by(pairs.c.actor, named.c.name, named.c.kind, year)
        .order_by(pairs.c.actor, year)
    )
    rows_by_partner = defaultdict(list)
    for row in rows:
        rows_by_partner[row.actor, row.name].append(row)
    found = [
        Relation(
            actor=actor,
            name=name,
            basis="signals" if years[0].of_signals else "events",
            count=sum(y.count for y in years),
            cooperation=sum(y.cooperation for y in years),
            conflict=sum(y.conflict for y in years),
            neutral=sum(y.count - y.cooperation - y.conflict for y in years),
            first=min(y.first for y in years),
            last=max(y.last for y in years),
            series=[
                RelationYear(
                    year=y.year,
                    count=y.count,
                    cooperation=y.cooperation,
                    conflict=y.conflict,
                    neutral=y.count - y.cooperation - y.conflict,
                )
                for y in years
            ],
        )
        for (actor, name), years in rows_by_partner.items()
    ]
    return sorted(found, key=lambda r: (-r.count, r.actor))


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


def require_datasets(db: Connection, wanted: Sequence[str]) -> None:
    """Raise `InvalidParameterError` where a dataset is unknown."""
    known = sorted(db.scalars(select(datasets_table.c.code))) if wanted else []
    if unknown := next((name for name in wanted if name not in known), None):
        hint = f"Known: {', '.join(known[:5]) or 'none'}."
        raise InvalidParameterError("dataset", f"unknown dataset {unknown[:100]!r}", hint)


def _select_scores(code: str, since: str, until: str, as_of: int | None) -> Select[str, int, float]:
    """Select (partner, seq, score): the signals between an actor and each other one, added up."""
    arms = []
    for row_state in list_row_states(as_of is not None):
        s = row_state.table_for(signals).c
        for own, partner in ((s["from"], s.toward), (s.toward, s["from"])):
            rows = select(partner.label("partner"), s.seq, s.score)
            arms.append(rows.where(own == code, s.start >= since, s.start <= until))
    both = union_all(*arms).subquery().c
    # Rounded: the sum of both ways is 0 where they cancel out, not a last bit.
    total = func.round(func.sum(both.score) * 10_000) / 10_000
    return select(both.partner, both.seq, total.label("score")).group_by(both.partner, both.seq)


def _select_pairs(
    code: str, since: str, until: str, as_of: int | None, datasets: Sequence[str]
) -> CompoundSelect[str, str, str, int, int]:
    """Select (actor, event, start, quad, seq) of the partners in an actor's events, once each."""
    found = []
    for row_state in list_row_states(as_of is not None):
        p, q = (row_state.table_for(participations).alias().c for _ in "pq")
        rows = select(
            q.actor, q.event, q.start, q.quad, q.seq
        ).distinct()  # a union of one part removes no duplicates
        rows = rows.where(p.actor == code, p.start >= since, p.start <= until)
        rows = rows.where(q.event == p.event, q.start == p.start, q.seq == p.seq)
        rows = rows.where(q.actor != code, q.status != "retracted")
        rows = rows.where(p.dataset.in_(datasets)) if datasets else rows
        found.append(rows.where(*row_state.conditions_as_of(p)) if as_of is not None else rows)
    both = union(*found)
    return both if as_of is None else both.params(as_of=as_of)
