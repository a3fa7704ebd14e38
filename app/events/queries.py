"""Reads of events: statements are built here, and run by who asks.

A filter on who took part drives the statement from `participations`, which are clustered by
(actor, start, event); without one it is driven from `events` by (start, id).
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Integer,
    Select,
    String,
    Subquery,
    Table,
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
from app.db.worlds import World, across, as_it_stood, worlds
from app.events.conditions import NARROWING, OF_EVENTS, Row, Shape, Who, shape_and_values, who
from app.events.filter import EventFilter, Sort
from app.events.render import GROUPS
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
        since, until = settled.days
        if settled.as_of is not None:
            since = since or ""  # two tables say who belonged: neither is looked through for it
        for side, codes in _of_window(spells, since, until).items():
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


def matching(reading: Reading) -> Select[Any]:
    """(sort value, id, seq) of the events that a filter asks for, in order."""
    found: Select[Any] = _Builder(reading).statement()
    return found


class _Builder:
    """Puts the statement of a reading together."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.shape = reading, reading.shape
        self.as_of = reading.shape.has("as_of")
        self.demanded = who(reading.shape)
        self.of_parts = bool(self.demanded) and reading.by_day
        self.first: Who | None = self.demanded.pop(0) if self.of_parts else None
        self.ranks = dialect.ranked(reading.kind) if reading.sort == "relevance" else None
        self.limit = bindparam("page", type_=Integer) if reading.limited else None

    def statement(self) -> Any:
        """The whole of it: from what stands, and for a version from what stood then too."""
        now = _Arms(self, World.NOW).statement()
        if not self.as_of:
            return now
        now = now.cte("stands").prefix_with("MATERIALIZED")  # it is asked three times
        past = _Arms(self, World.PAST, self._bound(now.c.value)).statement().subquery()
        both = union_all(*(select(a.c.value, a.c.id, a.c.seq) for a in (now, past))).subquery().c
        return self.ordered(select(both.value, both.id, both.seq), (both.value, both.id))

    def _bound(self, value: Any) -> Callable[[Any], Any] | None:
        """Where a page that what stands has filled already ends: the past is not read beyond it.

        Else a page would walk through all that was replaced before the version that is asked for.
        The bound is told together with that of the days on its side, so that one of them is sought.
        """
        if self.limit is None:
            return None
        last = func.min(value) if self.reading.descending else func.max(value)
        full = func.count() >= self.limit

        def within(other: Any) -> Any:
            nearer = last > other if self.reading.descending else last < other
            return select(case((and_(full, nearer), last), else_=other)).scalar_subquery()

        return within

    def ordered(self, statement: Any, columns: Any, most: Any = None) -> Any:
        """In the order asked for, up to a number of rows: a page, where not said otherwise."""
        ends = [c.desc() if self.reading.descending else c.asc() for c in columns]
        statement = statement.order_by(*ends)
        most = self.limit if most is None else most
        return statement if most is None else statement.limit(most)


class _Arms:
    """The statement over one world: what began in the window, and what still ran in it."""

    def __init__(
        self, whole: _Builder, world: World, bound: Callable[[Any], Any] | None = None
    ) -> None:
        self.whole, self.world, self.bound = whole, world, bound
        self.reading, self.shape = whole.reading, whole.shape
        self.parts, self.events = world.of(participations), world.of(events)
        self.driver: Any = self.parts if whole.of_parts else self.events
        self.ident = self.parts.c.event if whole.of_parts else self.events.c.id

    def statement(self) -> Any:
        """Both arms, in the order asked for."""
        value: Any = self.driver.c.start
        if not self.reading.by_day:
            ranks = self.whole.ranks
            value = self.events.c.recorded_at if ranks is None else ranks.c.rank
        # Not by the column itself, so that the index of what runs on is taken, not of the days.
        start = self.driver.c.start.concat("")
        if not self.shape.has("since") or self.shape.has("certain"):
            return self.arm(value, self.days(), self.whole.limit)
        parts = [
            (value, list(self.days()), True),
            (start if self.reading.by_day else value, self.running(start), False),
        ]
        if self.reading.by_day and not self.reading.descending:
            parts.reverse()  # what began before the window comes first
        one = self.arm(*parts[0][:2], self.whole.limit, in_window=parts[0][2])
        one = one.cte(f"one_{self.world.value}")
        rest: Any = self.whole.limit
        if rest is not None and self.reading.by_day:
            rest = rest - select(func.count()).select_from(one).scalar_subquery()
        two = self.arm(*parts[1][:2], rest, in_window=parts[1][2]).subquery("two")
        both = union_all(*(select(a.c.value, a.c.id, a.c.seq) for a in (one, two))).subquery()
        found = select(both.c.value, both.c.id, both.c.seq)
        return self.whole.ordered(found, (both.c.value, both.c.id))

    def days(self) -> Iterator[ColumnElement[bool]]:
        """Within the window. The bound that a cursor has passed is left out: SQLite would seek by
        it instead of by the cursor, and walk through every page before."""
        near, certain = self.driver.c, self.shape.has("certain")
        passed, descending = self.reading.passed, self.reading.descending
        first: Any = bindparam("since", type_=String) if self.shape.has("since") else None
        last: Any = bindparam("until", type_=String) if self.shape.has("until") else None
        if self.bound is not None and self.reading.by_day and descending:
            first = self.bound("" if first is None else first)
        elif self.bound is not None and self.reading.by_day:
            yield near.start <= self.bound("~" if last is None or certain else last)
            last = last if certain else None
        if first is not None and (descending or not passed):
            yield near.start >= first
        if last is not None and (certain or not descending or not passed):
            yield (near.end if certain else near.start) <= last

    def running(self, start: Any) -> list[ColumnElement[bool]]:
        """Begun before the window and still on in it."""
        near = self.driver.c
        since: ColumnElement[str] = bindparam("since")
        return [start < since, near.end >= since, near.end != near.start]

    def arm(
        self, value: Any, days: Iterable[ColumnElement[bool]], most: Any, *, in_window: bool = True
    ) -> Any:
        """The events that meet every condition and these on the days."""
        apart: FromClause | None = None
        whole, near, ident = self.whole, self.driver.c, self.ident
        if whole.first is not None and self.reading.apart:
            name = "now" if in_window else "then"
            apart = dialect.apart(self.reading.kind, name, ("actor", "since", "until"))
        base = select(value.label("value"), ident.label("id"), near.seq.label("seq"))
        if whole.ranks is not None:
            base = base.join(whole.ranks, whole.ranks.c.seq == near.seq)
        if whole.first is not None:
            base = self.took_part(base, value, apart, in_window)
        base = self.narrowed(base)
        if self.reading.after:
            key = (bindparam(name, type_=String) for name in ("after_value", "after_id"))
            there = tuple_(*key)
            here = tuple_(value, ident)
            base = base.where(here < there if self.reading.descending else here > there)
        base = base.where(*days)
        if self.bound is not None and not (self.reading.by_day and in_window):
            descending = self.reading.descending
            inside = value >= self.bound("") if descending else value <= self.bound("~")
            base = base.where(inside)
        if apart is None:
            return whole.ordered(base, (value, ident), most)
        each = whole.ordered(base, (value, ident)).lateral()
        rows = select(each.c.value, each.c.id, each.c.seq)
        rows = rows.select_from(apart).join(each, true())
        rows = dialect.once(self.reading.kind, rows, each.c.value, each.c.id)
        return whole.ordered(rows, (each.c.value, each.c.id), most)

    def narrowed(self, base: Select[Any]) -> Select[Any]:
        """Held to every condition but those on the days."""
        near = self.driver.c
        for other in self.whole.demanded:
            p = self.parts.alias()
            same = (p.c.event == self.ident, *other.conditions(p.c, as_of=self.whole.as_of))
            base = base.where(exists().where(*same, p.c.start == near.start, p.c.seq == near.seq))
        row = Row(self.reading.kind, self.shape, self.world, near, self.events.c)
        for branch in NARROWING.values():
            base = base.where(*branch(row))
        return base

    def among(self) -> Select[Any]:
        """The revisions among those in the parameter `seqs` that meet every condition."""
        near = self.driver.c
        found = self.narrowed(select(near.seq))
        found = found.where(near.seq.in_(bindparam("seqs", expanding=True)))
        first, last = bindparam("since", type_=String), bindparam("until", type_=String)
        certain = self.shape.has("certain")
        if self.shape.has("since"):
            found = found.where((near.start if certain else near.end) >= first)
        if self.shape.has("until"):
            found = found.where((near.end if certain else near.start) <= last)
        return found

    def took_part(
        self, base: Select[Any], value: Any, apart: FromClause | None, in_window: bool
    ) -> Select[Any]:
        """Narrowed to who took part; an actor in several roles gives one row."""
        first, p = self.whole.first, self.parts.c
        assert first is not None
        if any(self.shape.has(name) for name in OF_EVENTS):
            base = base.join(self.events, self.events.c.seq == p.seq)
        as_of = self.whole.as_of
        if apart is None:
            base = base.where(*first.conditions(p, in_window=in_window, as_of=as_of))
        else:
            of = apart.c
            base = base.where(*replace(first, actors=(), groups=()).conditions(p, as_of=as_of))
            base = base.where(p.actor == of.actor)
            # As a case: bare bounds known only at run time are taken for tiny ranges.
            held = and_(p.start >= of.since, p.start < of.until)
            base = base.where(case((held, true()), else_=false()))
        return dialect.once(self.reading.kind, base, value, self.ident)


@lru_cache(maxsize=1024)
def _among(reading: Reading) -> CompoundSelect[Any]:
    whole = _Builder(reading)
    return union_all(*(_Arms(whole, world).among() for world in World))


def among(db: Connection, settled: EventFilter, seqs: Sequence[int]) -> set[int]:
    """Which of some revisions of events a filter asks for, each by what it says itself."""
    found = asking(db, settled, "recorded")  # so that it is driven by the events
    rows = db.execute(_among(found.reading), found.values | {"seqs": list(seqs)})
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
def page_statement(reading: Reading) -> dialect.Compiled:
    """`documents`, compiled once for each look that a statement can have."""
    return dialect.compiled(reading.kind, documents(reading))


def counted(reading: Reading) -> Select[Any]:
    """How many events a filter asks for."""
    hit = matching(reading).order_by(None).subquery()
    return select(func.count()).select_from(hit)


def one(event: str, as_of: int | None = None) -> Select[Any]:
    """(seq, document) of an event."""
    held = across(as_of, events, lambda e: select(e.seq).where(e.id == event)).subquery()
    return select(held.c.seq, revisions.c.document).join(held, held.c.seq == revisions.c.seq)


def of_revisions(seqs: list[int]) -> Select[Any]:
    """(id, document) of some revisions of events."""
    return select(revisions.c.id, revisions.c.document).where(revisions.c.seq.in_(seqs))


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
