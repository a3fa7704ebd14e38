"""Reads of events: what to run for a filter, and with which values; run by who asks."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    bindparam,
    func,
    select,
    union_all,
)

from app.actors.queries import UnknownActorError, find
from app.db import dialect
from app.db.dialect.statements import Compiled, compiled
from app.db.dialect.words import word_query
from app.db.keyset import Key
from app.db.tables import (
    PAST,
    actors,
    datasets,
    events,
    memberships,
    participations,
    revisions,
    sources,
)
from app.db.types import NEVER
from app.db.worlds import across, as_it_stood, worlds
from app.events.conditions import Shape, shape_and_values
from app.events.filter import EventFilter, Sort
from app.events.render import GROUPS
from app.events.statement import Reading, matching, standing_among
from app.http.asked import pinned
from app.http.problems import InvalidError

NAMES_ACTORS = ("actor", "between", "initiator", "target", "member_of", "country")
MANY = 500
"""More spells than this are looked up by the statement, not handed to it."""


def _spells_in(*, as_of: bool, of: bool) -> Select[Any]:
    def build(m: Any) -> Select[Any]:
        groups = m.group.in_(bindparam("groups", expanding=True))
        found = select(m.actor, m.since, m.until).where(groups)
        if of:
            found = found.where(m.actor.in_(bindparam("actors", expanding=True)))
        return found.where(m.role == "member", m.since.is_not(None))

    found = as_it_stood(memberships, build) if as_of else build(memberships.c)
    return found.order_by("actor", "since").limit(MANY + 1)


_SPELLS = {
    (as_of, of): _spells_in(as_of=as_of, of=of) for as_of in (False, True) for of in (False, True)
}
"""By whether of a version, and whether of some actors alone."""


def settle(db: Connection, asked: EventFilter) -> EventFilter:
    """The same filter with every actor by its code and `as_of` as a version.

    Unknown ones are an `InvalidError`.
    """
    as_of = pinned(db, asked.as_of)
    changed: dict[str, Any] = {"as_of": None if as_of is None else str(as_of)}
    for field in NAMES_ACTORS:
        codes = []
        for name in getattr(asked, field):
            try:
                codes.append(find(db, name, as_of=as_of))
            except UnknownActorError as unknown:
                raise InvalidError(field, str(unknown), unknown.hint) from unknown
        changed[field] = list(dict.fromkeys(codes))
    _require(db, "dataset", datasets, "code", asked.dataset)
    _require(db, "source", sources, "id", asked.source)
    _require(db, "member_of", actors, "code", changed["member_of"], "is no group")
    return asked.model_copy(update=changed)


def _require(
    db: Connection,
    field: str,
    table: Table,
    key: str,
    wanted: list[str],
    fault: str = "is not there",
) -> None:
    """Refuse a name that nothing ever had: an empty answer would say that nothing happened."""
    if not wanted:
        return

    def among(t: Any) -> Select[Any]:
        found = select(t[key])
        return found.where(t.kind.in_(GROUPS)) if table is actors else found

    held = set(db.scalars(among(table.c).where(table.c[key].in_(wanted))))
    if not held >= set(wanted):
        past = PAST[table].c
        held |= set(db.scalars(among(past).where(past[key].in_(wanted))))
    if missing := next((name for name in wanted if name not in held), None):
        names = list(db.scalars(among(table.c).order_by(table.c[key])))
        near = difflib.get_close_matches(missing, names, 3, 0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Such as {', '.join(names[:5])}."
        raise InvalidError(field, f"{missing[:100]!r} {fault}", hint)


@dataclass(frozen=True, slots=True)
class Asked:
    """A reading, and the values to run it with."""

    reading: Reading
    values: dict[str, Any]


def asking(
    db: Connection,
    settled: EventFilter,
    sort: Sort = "-date",
    after: Key | None = None,
    limit: int | None = None,
) -> Asked:
    """What to run for a filter whose actors are codes (`settle`)."""
    kind = db.dialect.name
    spells = _spells(db, settled)
    shape, values = shape_and_values(kind, settled)
    if settled.member_of:
        since, until = settled.days
        if settled.as_of is not None:
            since = since or ""  # two tables say who belonged: neither is looked through for it
        for side, codes in _of_window(spells, since, until).items():
            shape = Shape((*shape.given, (side, len(codes))))
            values |= {f"{side}_{n}": code for n, code in enumerate(codes)}
    if sort == "relevance":
        values.setdefault("q", word_query(kind, "nothing"))  # nothing is asked for
    reading = Reading(kind, shape, sort, after is not None, limited=limit is not None)
    if limit is not None:
        values["page"] = limit
        if dialect.seeks_apart(kind) and reading.by_day:
            reading = replace(reading, apart=bool(spells))
            since, until = settled.days
            now = [s for s in spells if s[2] > (since or "") and s[1] <= (until or NEVER)]
            for name, rows in (("then", spells), ("now", now)):
                columns = zip(*rows, strict=True) if rows else ((), (), ())
                values |= {f"{name}_{n}": list(column) for n, column in enumerate(columns)}
    if after is not None:
        values |= {"after_value": after.value, "after_id": after.id}
        since, until = settled.days
        if reading.by_day:
            passed = (
                until is None or after.value <= until
                if reading.descending
                else since is None or after.value >= since
            )
            reading = replace(reading, passed=passed)
    return Asked(reading, values)


def _spells(db: Connection, settled: EventFilter) -> list[tuple[str, str, str]]:
    """(actor, since, until) of each time that an actor counts; none where that says nothing."""
    if not settled.member_of:
        return [(code, "", "~") for code in settled.actor] if len(settled.actor) > 1 else []
    given: dict[str, Any] = {"groups": settled.member_of}
    given |= {"actors": settled.actor} if settled.actor else {}
    given |= {} if settled.as_of is None else {"as_of": int(settled.as_of)}
    rows = db.execute(_SPELLS["as_of" in given, "actors" in given], given)
    found = [(row.actor, row.since, row.until) for row in rows]
    return found if len(found) <= MANY else []


def _of_window(
    spells: list[tuple[str, str, str]], since: str | None, until: str | None
) -> dict[str, list[str]]:
    """Who were members some time in a window, and who all through it; none without a window."""
    if since is None or not spells:
        return {}
    last = NEVER if until is None else until
    during = {a for a, begun, ended in spells if begun <= last and since < ended}
    steady = {
        a for a, begun, ended in spells if begun <= since and (last < ended or ended == NEVER)
    }
    return {"during": sorted(during), "steady": sorted(steady)} if during else {}


def among(db: Connection, settled: EventFilter, seqs: Sequence[int]) -> set[int]:
    """Which of some revisions of events a filter asks for, each by what it says itself."""
    found = asking(db, settled, "recorded")  # so that it is driven by the events
    rows = db.execute(standing_among(found.reading), found.values | {"seqs": list(seqs)})
    return {row.seq for row in rows}


def documents(reading: Reading) -> Select[Any]:
    """(sort value, id, document) of what `matching` finds, in the same order."""
    hit = matching(reading).subquery()
    ends = [c.desc() if reading.descending else c.asc() for c in (hit.c.value, hit.c.id)]
    return (
        select(hit.c.value, hit.c.id, revisions.c.document)
        .join(revisions, revisions.c.seq == hit.c.seq)
        .order_by(*ends)
    )


@lru_cache(maxsize=4096)
def page_statement(reading: Reading) -> Compiled:
    """`documents`, compiled once for each look that a statement can have."""
    return compiled(reading.kind, documents(reading))


def counted(reading: Reading) -> Select[Any]:
    """How many events a filter asks for."""
    hit = matching(reading).order_by(None).subquery()
    return select(func.count()).select_from(hit)


def one(event: str, as_of: int | None = None) -> Select[Any]:
    """(seq, document) of an event."""
    held = across(as_of, events, lambda e: select(e.seq).where(e.id == event)).subquery()
    return select(held.c.seq, revisions.c.document).join(held, held.c.seq == revisions.c.seq)


def of_revisions(seqs: list[int]) -> Select[Any]:
    """(seq, id, document) of some revisions of events."""
    return select(revisions.c.seq, revisions.c.id, revisions.c.document).where(
        revisions.c.seq.in_(seqs)
    )


def joined(hit: Subquery, as_of: bool) -> tuple[FromClause, Callable[[str], ColumnElement[Any]]]:
    """What `matching` found beside the rows of those events, and how to name their columns."""
    e = events.c
    if not as_of:
        return hit.join(events, e.seq == hit.c.seq), lambda name: e[name]
    past = PAST[events]
    both = hit.outerjoin(events, e.seq == hit.c.seq).outerjoin(past, past.c.seq == hit.c.seq)
    return both, lambda name: func.coalesce(e[name], past.c[name])


def participating(hit: Subquery, as_of: bool, name: str) -> Subquery:
    """(value, event): a column of the participations in what `matching` found."""
    found = []
    for world in worlds(as_of):
        p = world.of(participations).c
        same = and_(p.event == hit.c.id, p.seq == hit.c.seq)
        found.append(
            select(p[name].label("value"), p.event).select_from(hit).join(p.event.table, same)
        )
    return union_all(*found).subquery()
