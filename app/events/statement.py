"""The statement that finds the events of a filter, put together arm by arm.

A filter on who took part drives it from `participations`, which are clustered by (actor, start,
event); without one it is driven from `events` by (start, id). An arm looks at one world: what began
in the window, or what began before and still ran in it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
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

from app.db import dialect
from app.db.dialect.words import ranked
from app.db.tables import events, participations
from app.db.worlds import World
from app.events.conditions import NARROWING, OF_EVENTS, Row, Shape, Who, who
from app.events.filter import Sort


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


CARRIED = ("dataset", "type", "intensity", "quad", "status")
"""Columns of events that participations have too."""


def matching(reading: Reading, *carried: str) -> Select[Any]:
    """(sort value, id, seq) of the events that a filter asks for, in order, and some of `CARRIED`
    beside them."""
    found: Select[Any] = _Builder(reading, carried).statement()
    return found


@lru_cache(maxsize=1024)
def standing_among(reading: Reading) -> CompoundSelect[Any]:
    """The revisions among those in the parameter `seqs` that meet every condition, either world."""
    whole = _Builder(reading)
    return union_all(*(_Arms(whole, world).among() for world in World))


class _Builder:
    """Puts the statement of a reading together."""

    def __init__(self, reading: Reading, carried: Sequence[str] = ()) -> None:
        self.reading, self.shape, self.carried = reading, reading.shape, carried
        self.as_of = reading.shape.has("as_of")
        self.demanded = who(reading.shape)
        self.of_parts = bool(self.demanded) and reading.by_day
        self.first: Who | None = self.demanded.pop(0) if self.of_parts else None
        self.ranks = ranked(reading.kind) if reading.sort == "relevance" else None
        self.limit = bindparam("page", type_=Integer) if reading.limited else None

    def statement(self) -> Any:
        """The whole of it: from what stands, and for a version from what stood then too."""
        now = _Arms(self, World.NOW).statement()
        if not self.as_of:
            return now
        now = now.cte("stands").prefix_with("MATERIALIZED")  # it is asked three times
        past = _Arms(self, World.PAST, self._bound(now.c.value)).statement().subquery()
        both = union_all(*(select(*a.c) for a in (now, past))).subquery().c
        return self.ordered(select(*both), (both.value, both.id))

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
            if self.bound is not None and self.reading.descending:
                # The page ends within the window already: nothing that began before is on it.
                since = bindparam("since", type_=String)
                rest = case((self.bound("") >= since, 0), else_=rest)
        two = self.arm(*parts[1][:2], rest, in_window=parts[1][2]).subquery("two")
        both = union_all(*(select(*a.c) for a in (one, two))).subquery().c
        return self.whole.ordered(select(*both), (both.value, both.id))

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
        beside = (near[name] for name in whole.carried)
        base = select(value.label("value"), ident.label("id"), near.seq.label("seq"), *beside)
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
        rows = select(*each.c).select_from(apart).join(each, true())
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
