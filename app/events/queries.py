"""Reads of events: statements are built here, and run by who asks.

A filter on who took part drives the statement from `participations`, which are clustered by
(actor, start, event); without one it is driven from `events` by (start, id).
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    select,
    true,
    tuple_,
    union_all,
)

from app.actors.queries import UnknownActorError, find
from app.db import dialect
from app.db.keyset import Key
from app.db.tables import actors, datasets, events, memberships, participations, revisions, sources
from app.db.types import NEVER
from app.events.conditions import NARROWING, OF_EVENTS, Shape, Who, shape_and_values, who
from app.events.filter import EventFilter, Sort
from app.events.render import GROUPS
from app.http.problems import InvalidError

NAMES_ACTORS = ("actor", "between", "initiator", "target", "member_of", "country")
PARTS = participations.c
MANY = 500
"""More spells than this are looked up by the statement, not handed to it."""


def _spells_in(*more: ColumnElement[bool]) -> Select[Any]:
    m = memberships.c
    groups = m.group.in_(bindparam("groups", expanding=True))
    spells = select(m.actor, m.since, m.until).where(groups, *more)
    spells = spells.where(m.role == "member", m.since.is_not(None))
    return spells.order_by(m.actor, m.since).limit(MANY + 1)


_SPELLS = _spells_in()
_SPELLS_OF = _spells_in(memberships.c.actor.in_(bindparam("actors", expanding=True)))


def settle(db: Connection, asked: EventFilter) -> EventFilter:
    """The same filter with every actor by its code; unknown ones are an `InvalidError`."""
    changed = {}
    for field in NAMES_ACTORS:
        codes = []
        for name in getattr(asked, field):
            try:
                codes.append(find(db, name))
            except UnknownActorError as unknown:
                raise InvalidError(field, str(unknown), unknown.hint) from unknown
        changed[field] = list(dict.fromkeys(codes))
    _require(db, "dataset", datasets.c.code, asked.dataset)
    _require(db, "source", sources.c.id, asked.source)
    groups = actors.c.code, changed["member_of"], "is no group", actors.c.kind.in_(GROUPS)
    _require(db, "member_of", *groups)
    return asked.model_copy(update=changed)


def _require(
    db: Connection,
    field: str,
    column: Column[str],
    wanted: list[str],
    fault: str = "is not there",
    *more: ColumnElement[bool],
) -> None:
    """Refuse a name that nothing has: an empty answer would say that nothing happened."""
    if not wanted:
        return
    held = set(db.scalars(select(column).where(column.in_(wanted), *more)))
    if missing := next((name for name in wanted if name not in held), None):
        names = list(db.scalars(select(column).where(*more).order_by(column)))
        near = difflib.get_close_matches(missing, names, 3, 0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Such as {', '.join(names[:5])}."
        raise InvalidError(field, f"{missing[:100]!r} {fault}", hint)


@dataclass(frozen=True, slots=True)
class Reading:
    """All that the look of a statement depends on; its values are `Asked.values`."""

    kind: str
    shape: Shape
    sort: Sort = "-date"
    after: bool = False
    passed: bool = False
    """The cursor has passed the bound of the days on its side."""
    limited: bool = False
    apart: bool = False
    """Several actors, each sought by itself."""

    @property
    def descending(self) -> bool:
        """Newest, or best, first."""
        return self.sort.startswith("-") or self.sort == "relevance"

    @property
    def by_day(self) -> bool:
        """By when it happened: not by when it was recorded, nor by how well it fits."""
        return self.sort.endswith("date")


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
        for side, codes in _of_window(spells, *settled.days).items():
            shape = Shape((*shape.given, (side, len(codes))))
            values |= {f"{side}_{n}": code for n, code in enumerate(codes)}
    if sort == "relevance":
        values.setdefault("q", dialect.word_query(kind, "nothing"))  # nothing is asked for
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
    statement = _SPELLS_OF if settled.actor else _SPELLS
    rows = db.execute(statement, {"groups": settled.member_of, "actors": settled.actor})
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


def matching(reading: Reading) -> Select[Any]:
    """(sort value, id, seq) of the events that a filter asks for, in order."""
    found: Select[Any] = _Builder(reading).statement()
    return found


class _Builder:
    """Puts the statement of a reading together."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.shape = reading, reading.shape
        self.demanded = who(reading.shape)
        of_parts = bool(self.demanded) and reading.by_day
        self.driver: Any = participations if of_parts else events
        self.first: Who | None = self.demanded.pop(0) if of_parts else None
        self.ident = PARTS.event if of_parts else events.c.id
        by_rank = reading.sort == "relevance"
        self.ranks = dialect.ranked(reading.kind) if by_rank else None
        self.limit = bindparam("page", type_=Integer) if reading.limited else None

    def statement(self) -> Any:
        """The whole of it: what began in the window, and what was still on when it began."""
        value: Any = self.driver.c.start
        if not self.reading.by_day:
            value = events.c.recorded_at if self.ranks is None else self.ranks.c.rank
        # Not by the column itself, so that the index of what runs on is taken, not of the days.
        start = self.driver.c.start.concat("")
        if not self.shape.has("since") or self.shape.has("certain"):
            return self.arm(value, self.days(), self.limit)
        parts = [
            (value, list(self.days()), True),
            (start if self.reading.by_day else value, self.running(start), False),
        ]
        if self.reading.by_day and not self.reading.descending:
            parts.reverse()  # what began before the window comes first
        one = self.arm(*parts[0][:2], self.limit, in_window=parts[0][2]).cte("one")
        rest: Any = self.limit
        if self.limit is not None and self.reading.by_day:
            rest = self.limit - select(func.count()).select_from(one).scalar_subquery()
        two = self.arm(*parts[1][:2], rest, in_window=parts[1][2]).subquery("two")
        both = union_all(*(select(a.c.value, a.c.id, a.c.seq) for a in (one, two))).subquery()
        found = select(both.c.value, both.c.id, both.c.seq)
        return self.ordered(found, (both.c.value, both.c.id), self.limit)

    def days(self) -> Iterator[ColumnElement[bool]]:
        """Within the window. The bound that a cursor has passed is left out: SQLite would seek by
        it instead of by the cursor, and walk through every page before."""
        near, certain = self.driver.c, self.shape.has("certain")
        passed, descending = self.reading.passed, self.reading.descending
        if self.shape.has("since") and (descending or not passed):
            yield near.start >= bindparam("since")
        if self.shape.has("until") and (certain or not descending or not passed):
            yield (near.end if certain else near.start) <= bindparam("until")

    def running(self, start: Any) -> list[ColumnElement[bool]]:
        """Begun before the window and still on in it."""
        near = self.driver.c
        since: ColumnElement[str] = bindparam("since")
        return [start < since, near.end >= since, near.end != near.start]

    def ordered(self, statement: Any, columns: Any, most: Any) -> Any:
        """In the order asked for, up to a number of rows."""
        ends = [c.desc() if self.reading.descending else c.asc() for c in columns]
        statement = statement.order_by(*ends)
        return statement if most is None else statement.limit(most)

    def arm(
        self, value: Any, days: Iterable[ColumnElement[bool]], most: Any, *, in_window: bool = True
    ) -> Any:
        """The events that meet every condition and these on the days."""
        apart: FromClause | None = None
        if self.first is not None and self.reading.apart:
            name = "now" if in_window else "then"
            apart = dialect.apart(self.reading.kind, name, ("actor", "since", "until"))
        near, ident = self.driver.c, self.ident
        base = select(value.label("value"), ident.label("id"), near.seq.label("seq"))
        if self.ranks is not None:
            base = base.join(self.ranks, self.ranks.c.seq == near.seq)
        if self.first is not None:
            base = self.took_part(base, value, apart, in_window)
        for other in self.demanded:
            p = participations.alias()
            same = (p.c.event == ident, *other.conditions(p.c))
            base = base.where(exists().where(*same, p.c.start == near.start))
        for branch in NARROWING.values():
            base = base.where(*branch(self.reading.kind, self.shape, near, events.c))
        if self.reading.after:
            key = (bindparam(name, type_=String) for name in ("after_value", "after_id"))
            there = tuple_(*key)
            here = tuple_(value, ident)
            base = base.where(here < there if self.reading.descending else here > there)
        base = base.where(*days)
        if apart is None:
            return self.ordered(base, (value, ident), most)
        each = self.ordered(base, (value, ident), self.limit).lateral()
        rows = select(each.c.value, each.c.id, each.c.seq)
        rows = rows.select_from(apart).join(each, true())
        rows = dialect.once(self.reading.kind, rows, each.c.value, each.c.id)
        return self.ordered(rows, (each.c.value, each.c.id), most)

    def took_part(
        self, base: Select[Any], value: Any, apart: FromClause | None, in_window: bool
    ) -> Select[Any]:
        """Narrowed to who took part; an actor in several roles gives one row."""
        assert self.first is not None
        if any(self.shape.has(name) for name in OF_EVENTS):
            base = base.join(events, events.c.seq == PARTS.seq)
        if apart is None:
            base = base.where(*self.first.conditions(PARTS, in_window=in_window))
        else:
            of = apart.c
            base = base.where(*replace(self.first, actors=(), groups=()).conditions(PARTS))
            base = base.where(PARTS.actor == of.actor)
            # As a case: bare bounds known only at run time are taken for tiny ranges.
            held = and_(PARTS.start >= of.since, PARTS.start < of.until)
            base = base.where(case((held, true()), else_=false()))
        return dialect.once(self.reading.kind, base, value, self.ident)


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
def page_statement(reading: Reading) -> dialect.Compiled:
    """`documents`, compiled once for each look that a statement can have."""
    return dialect.compiled(reading.kind, documents(reading))


def counted(reading: Reading) -> Select[Any]:
    """How many events a filter asks for."""
    hit = matching(reading).order_by(None).subquery()
    return select(func.count()).select_from(hit)


def one(event: str) -> Select[Any]:
    """The document of an event."""
    return (
        select(revisions.c.document)
        .join(events, events.c.seq == revisions.c.seq)
        .where(events.c.id == event)
    )


def several(ids: list[str]) -> Select[Any]:
    """(id, document) of some events."""
    return (
        select(events.c.id, revisions.c.document)
        .join(revisions, revisions.c.seq == events.c.seq)
        .where(events.c.id.in_(ids))
    )
