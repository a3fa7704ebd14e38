"""Reads of events: statements are built here, and run by who asks.

A filter on who took part drives the statement from `participations`, which are clustered by
(actor, start, event); without one it is driven from `events` by (start, id).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from app.actors.queries import UnknownActorError, find
from app.db import dialect
from app.db.dialect import has_words
from app.db.keyset import Key
from app.db.tables import events, memberships, participations, reports, revisions, tags
from app.events.filter import EventFilter, Sort
from app.http.problems import InvalidError

EARTH_KM = 6371.0088
NAMES_ACTORS = ("actor", "between", "initiator", "target", "member_of", "country")
PARTS = participations.c


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
    return asked.model_copy(update=changed)


@dataclass(frozen=True, slots=True)
class Who:
    """One participation that an event must have."""

    actors: tuple[str, ...] = ()
    member_of: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    via: bool = True

    def conditions(self, p: Any) -> Iterator[ColumnElement[bool]]:
        """On a row of `participations` (or an alias of it)."""
        if self.actors:
            yield p.actor.in_(self.actors)
        if self.member_of:
            m = memberships.c
            codes = select(m.actor).where(m.group.in_(self.member_of), m.role == "member")
            yield p.actor.in_(codes)
            yield exists().where(
                m.actor == p.actor,
                m.group.in_(self.member_of),
                m.role == "member",
                m.since <= p.start,
                m.until > p.start,
            )
        if self.roles:
            yield p.role.in_(self.roles)
        if not self.via:
            yield p.via == ""


def who(asked: EventFilter) -> list[Who]:
    """The participations that a filter demands, the one that names somebody first."""
    found = []
    if asked.actor or asked.member_of:
        found.append(Who(tuple(asked.actor), tuple(asked.member_of), tuple(asked.role), asked.via))
    found += [Who((code,), via=asked.via) for code in asked.between]
    if asked.initiator:
        found.append(Who(tuple(asked.initiator), roles=("initiator",), via=asked.via))
    if asked.target:
        found.append(Who(tuple(asked.target), roles=("target",), via=asked.via))
    if asked.role and not (asked.actor or asked.member_of):
        found.append(Who(roles=tuple(asked.role), via=asked.via))
    return found


Condition = Callable[[EventFilter, Any, Any], Iterator[ColumnElement[bool]]]


def _within(name: str) -> Condition:
    def branch(asked: EventFilter, near: Any, _: Any) -> Iterator[ColumnElement[bool]]:
        if wanted := getattr(asked, name):
            yield near[name].in_(wanted)

    return branch


def _of_event(name: str) -> Condition:
    def branch(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
        if wanted := getattr(asked, name):
            yield e[name].in_(wanted)

    return branch


def _cameo(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.cameo:
        yield or_(*(and_(e.cameo >= c, e.cameo < c + ":") for c in asked.cameo))


def _status(asked: EventFilter, near: Any, _: Any) -> Iterator[ColumnElement[bool]]:
    if asked.status:
        yield near.status.in_(asked.status)
    else:
        yield near.status != "retracted"


def _min_intensity(asked: EventFilter, near: Any, _: Any) -> Iterator[ColumnElement[bool]]:
    if asked.min_intensity is not None:
        yield near.intensity >= asked.min_intensity


def _max_intensity(asked: EventFilter, near: Any, _: Any) -> Iterator[ColumnElement[bool]]:
    if asked.max_intensity is not None:
        yield near.intensity <= asked.max_intensity


def _box(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.box is not None:
        west, south, east, north = asked.box
        yield e.lat.between(south, north)
        if west <= east:
            yield e.lon.between(west, east)
        else:  # across the antimeridian
            yield or_(e.lon >= west, e.lon <= east)


def _near(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.circle is not None:
        lat, lon, km = asked.circle
        phi, lam = math.radians(lat), math.radians(lon)
        x, y, z = math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)
        yield e.x * x + e.y * y + e.z * z >= math.cos(km / EARTH_KM) - 1e-12


def _tag(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.tag:
        yield exists().where(tags.c.event == e.id, tags.c.tag.in_(asked.tag))


def _reported(e: Any, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(reports.c.event == e.id, *more)


def _source(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.source:
        yield _reported(e, reports.c.source.in_(asked.source), *_out(asked))


def _publisher(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.publisher:
        yield _reported(e, reports.c.publisher.in_(asked.publisher), *_out(asked))


def _reliability(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.min_reliability:
        yield _reported(e, reports.c.reliability <= asked.min_reliability, *_out(asked))


def _credibility(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.min_credibility is not None:
        yield _reported(e, reports.c.credibility <= asked.min_credibility, *_out(asked))


def _independent(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.min_independent_sources is not None:
        yield e.independent_sources >= asked.min_independent_sources
        if asked.known_by is not None:
            counted = select(func.count(func.distinct(func.lower(reports.c.publisher)))).where(
                reports.c.event == e.id, *_out(asked)
            )
            yield counted.scalar_subquery() >= asked.min_independent_sources


def _known_by(asked: EventFilter, _: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if asked.known_by is not None:
        yield _reported(e, *_out(asked))


def _out(asked: EventFilter) -> list[ColumnElement[bool]]:
    """A report had to be out by `known_by`."""
    return [] if asked.known_by is None else [reports.c.published <= asked.known_day]


def _elsewhere(*_: Any) -> Iterator[ColumnElement[bool]]:
    """Asked of participations, of the days or of the text: see `who`, `_days`, `matching`."""
    return iter(())


NARROWING: dict[str, Condition] = {
    **dict.fromkeys(
        ("actor", "between", "initiator", "target", "role", "via", "member_of"), _elsewhere
    ),
    **dict.fromkeys(("since", "until", "match", "q"), _elsewhere),
    "type": _within("type"),
    "mode": _of_event("mode"),
    "cameo": _cameo,
    "quad": _within("quad"),
    "native": _of_event("native"),
    "min_intensity": _min_intensity,
    "max_intensity": _max_intensity,
    "country": _of_event("country"),
    "bbox": _box,
    "near": _near,
    "tag": _tag,
    "dataset": _within("dataset"),
    "source": _source,
    "publisher": _publisher,
    "status": _status,
    "min_reliability": _reliability,
    "min_credibility": _credibility,
    "min_independent_sources": _independent,
    "known_by": _known_by,
}
OF_EVENTS = (
    "mode",
    "cameo",
    "native",
    "country",
    "bbox",
    "near",
    "tag",
    "source",
    "publisher",
    "min_reliability",
    "min_credibility",
    "min_independent_sources",
    "known_by",
)
"""Filters that need the row of the event beside the participation."""


def _days(
    asked: EventFilter, near: Any, after: Key | None, descending: bool
) -> Iterator[ColumnElement[bool]]:
    """Within the window. The bound that a cursor has passed is left out: SQLite would seek by it
    instead of by the cursor, and walk through every page before."""
    since, until = asked.days
    certain = asked.match == "certain"
    if since is not None and (after is None or descending or after.value < since):
        yield near.start >= since
    if until is not None and (certain or after is None or not descending or after.value > until):
        yield (near.end if certain else near.start) <= until


def _running(asked: EventFilter, near: Any, start: Any) -> list[ColumnElement[bool]] | None:
    """Begun before the window and still on in it; None where the filter cannot ask for those."""
    since, _ = asked.days
    if since is None or asked.match == "certain":
        return None
    return [start < since, near.end >= since, near.end != near.start]


MANY = 500
"""More spells than this are looked up by the statement, not written into it."""


def _spells(db: Connection, wanted: Who) -> list[tuple[str, str, str]]:
    """(actor, since, until) of each time that an actor counts; none where that says nothing."""
    if not wanted.member_of:
        return [(code, "", "~") for code in wanted.actors] if len(wanted.actors) > 1 else []
    m = memberships.c
    spells = select(m.actor, m.since, m.until).where(
        m.group.in_(wanted.member_of), m.role == "member", m.since.is_not(None)
    )
    if wanted.actors:
        spells = spells.where(m.actor.in_(wanted.actors))
    rows = db.execute(spells.order_by(m.actor, m.since).limit(MANY + 1))
    found = [(row.actor, row.since, row.until) for row in rows]
    return found if len(found) <= MANY else []


def matching(
    db: Connection,
    asked: EventFilter,
    sort: Sort = "-date",
    after: Key | None = None,
    limit: int | None = None,
) -> Select[tuple[str, str, int]]:
    """(sort value, id, seq) of the events that a filter asks for, in order."""
    demanded = who(asked)
    by_record = sort.endswith("recorded")
    driver: Any = participations if demanded and not by_record else events
    near, e = driver.c, events.c
    ident = PARTS.event if driver is participations else e.id
    descending = sort.startswith("-")
    apart: FromClause | None = None
    if driver is participations:
        first, *demanded = demanded
        spells = _spells(db, first) if limit is not None else []
        apart = dialect.apart(db, spells, "actor", "since", "until") if spells else None

    def ordered(statement: Any, columns: Any, most: Any) -> Any:
        ends = [c.desc() if descending else c.asc() for c in columns]
        statement = statement.order_by(*ends)
        return statement if most is None else statement.limit(most)

    def arm(value: Any, days: Iterable[ColumnElement[bool]], most: Any) -> Any:
        base = select(value.label("value"), ident.label("id"), near.seq.label("seq"))
        if driver is participations:
            if any(getattr(asked, name) not in (None, []) for name in OF_EVENTS):
                base = base.join(events, e.seq == near.seq)
            if apart is None:
                base = base.where(*first.conditions(PARTS))
            else:
                of = apart.c
                base = base.where(*replace(first, actors=(), member_of=()).conditions(PARTS))
                base = base.where(PARTS.actor == of.actor)
                # As a case: bare bounds known only at run time are taken for tiny ranges.
                held = and_(PARTS.start >= of.since, PARTS.start < of.until)
                base = base.where(case((held, true()), else_=false()))
            base = dialect.once(db, base, value, ident)
        for other in demanded:
            p = participations.alias()
            same = (p.c.event == ident, *other.conditions(p.c))
            base = base.where(exists().where(*same, p.c.start == near.start))
        for branch in NARROWING.values():
            base = base.where(*branch(asked, near, e))
        if asked.q is not None:
            base = base.where(has_words(db, near.seq, asked.q))
        if after is not None:
            here, there = tuple_(value, ident), tuple_(literal(after.value), literal(after.id))
            base = base.where(here < there if descending else here > there)
        base = base.where(*days)
        if apart is None:
            return ordered(base, (value, ident), most)
        each = ordered(base, (value, ident), limit).lateral()
        rows = select(each.c.value, each.c.id, each.c.seq).select_from(apart).join(each, true())
        rows = dialect.once(db, rows, each.c.value, each.c.id)
        return ordered(rows, (each.c.value, each.c.id), most)

    value = e.recorded_at if by_record else near.start
    days = list(_days(asked, near, None if by_record else after, descending))
    # Not by the column itself, so that the index of what runs on is taken, not that of the days.
    start = near.start.concat("")
    running = _running(asked, near, start)
    if running is None:
        return arm(value, days, limit)  # type: ignore[no-any-return]
    parts = [(value, days), (value if by_record else start, running)]
    if not by_record and not descending:
        parts.reverse()  # what began before the window comes first
    one = arm(*parts[0], limit).cte("one")
    rest: Any = limit
    if limit is not None and not by_record:
        rest = limit - select(func.count()).select_from(one).scalar_subquery()
    two = arm(*parts[1], rest).subquery("two")
    both = union_all(*(select(a.c.value, a.c.id, a.c.seq) for a in (one, two))).subquery()
    found = select(both.c.value, both.c.id, both.c.seq)
    return ordered(found, (both.c.value, both.c.id), limit)  # type: ignore[no-any-return]


def documents(found: Select[Any], sort: Sort) -> Select[tuple[str, str, str]]:
    """The documents of what `matching` finds, in the same order."""
    hit = found.subquery()
    ends = [c.desc() if sort.startswith("-") else c.asc() for c in (hit.c.value, hit.c.id)]
    return (
        select(hit.c.value, hit.c.id, revisions.c.document)
        .join(revisions, revisions.c.seq == hit.c.seq)
        .order_by(*ends)
    )


def counted(db: Connection, asked: EventFilter) -> Select[Any]:
    """How many events a filter asks for."""
    hit = matching(db, asked).order_by(None).subquery()
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
