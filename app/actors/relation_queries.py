"""The statement that counts the events of an actor by partner and year."""

from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import (
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    select,
    union,
)

from app.actors.pair_scores import join_pair_scores
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.tables import actors, participations
from app.db.versioning import Columns, list_row_states, select_as_of

KINDS_WITHOUT_SIGNALS = ("person", "body")
"""Kinds of actors that act for their state, whose signals are the state's."""


class PartnerYear(NamedTuple):
    """The events of an actor and a partner in a year."""

    year: str
    events: int
    cooperation: int
    conflict: int
    first: str
    """The day on which the first one began."""
    last: str


@lru_cache(maxsize=64)
def compile_partner_years(kind: str, as_of: bool, datasets: int) -> CompiledStatement:
    """Compile (partner, name, of_signals, fields of `PartnerYear`), in order of partner and year.

    Parameters: `actor`, `since`, `until`, `dataset_0` …, and `as_of` where it is read as of a
    version. With `of_signals`, cooperation and conflict are the sign of the signals between the
    two, else the quad classes.
    """
    pairs = _select_scored_pairs(as_of, datasets)

    def select_names(a: Columns) -> Select[str, str, str]:
        return select(a.code, a.name, a.kind)

    named = (select_as_of(actors, select_names) if as_of else select_names(actors.c)).subquery()
    own = named.alias()
    own_kind = select(own.c.kind).where(own.c.code == bindparam("actor")).scalar_subquery()
    of_signals = and_(
        *(end != without for end in (named.c.kind, own_kind) for without in KINDS_WITHOUT_SIGNALS)
    )
    good = case((of_signals, pairs.c.score > 0), else_=pairs.c.quad <= 2)
    bad = case((of_signals, pairs.c.score < 0), else_=pairs.c.quad >= 3)
    n, year = func.count(), func.substr(pairs.c.start, 1, 4).label("year")
    first, last = func.min(pairs.c.start), func.max(pairs.c.start)
    rows = select(
        pairs.c.actor, named.c.name, of_signals, year, n, n.filter(good), n.filter(bad), first, last
    )
    rows = rows.select_from(pairs).join(named, named.c.code == pairs.c.actor)
    rows = rows.group_by(pairs.c.actor, named.c.name, named.c.kind, "year")
    return compile_statement(kind, rows.order_by(pairs.c.actor, "year"))


def _select_scored_pairs(as_of: bool, datasets: int) -> Subquery:
    """Select (actor, start, quad, score) of the partners in an actor's events, once each.

    The score is the sum of the signals between the two, in both directions.
    """
    pairs = _select_pairs(as_of, datasets)
    p = pairs.c
    same = {"start": p.start, "event": p.event, "seq": p.seq}
    scores = join_pair_scores(pairs, same, (bindparam("actor"), p.actor), as_of)
    rows = select(p.actor, p.start, p.quad, scores.total.label("score"))
    return rows.select_from(scores.rows).subquery()


def _select_pairs(as_of: bool, datasets: int) -> Subquery:
    """Select (actor, event, start, quad, seq) of the partners in an actor's events, once each."""
    found = []
    for row_state in list_row_states(as_of):
        p, q = (row_state.table_for(participations).alias().c for _ in "pq")
        rows = select(
            q.actor, q.event, q.start, q.quad, q.seq
        ).distinct()  # a union of one part removes no duplicates
        within = p.start >= bindparam("since"), p.start <= bindparam("until")
        rows = rows.where(p.actor == bindparam("actor"), *within)
        rows = rows.where(q.event == p.event, q.start == p.start, q.seq == p.seq)
        rows = rows.where(q.actor != bindparam("actor"), q.status != "retracted")
        if datasets:
            rows = rows.where(p.dataset.in_([bindparam(f"dataset_{n}") for n in range(datasets)]))
        found.append(rows.where(*row_state.conditions_as_of(p)) if as_of else rows)
    return union(*found).subquery()
