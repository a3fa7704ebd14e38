"""From a filter to conditions, in two halves that meet by name.

What a statement looks like depends only on which fields are given and how many values each has:
its `Shape`. The values go beside it, by the names of the statement's parameters. So a statement is
built and compiled once for each shape, and then run with other values as often as it is asked.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)

from app.db.dialect import has_words, word_query
from app.db.tables import memberships, reports, tags
from app.events.filter import EventFilter
from app.events.places import EARTH_KM, unit_vector

LISTS = [
    "actor",
    "between",
    "initiator",
    "target",
    "role",
    "member_of",
    "type",
    "mode",
    "cameo",
    "quad",
    "native",
    "country",
    "tag",
    "dataset",
    "source",
    "publisher",
    "status",
]
SCALARS = [
    "min_intensity",
    "max_intensity",
    "min_reliability",
    "min_credibility",
    "min_independent_sources",
]


@dataclass(frozen=True, slots=True)
class Shape:
    """Which fields are given, and how many values each has."""

    given: tuple[tuple[str, int], ...] = ()

    def has(self, field: str) -> bool:
        """Whether a field is given."""
        return any(name == field for name, _ in self.given)

    def many(self, field: str) -> list[BindParameter[Any]]:
        """The parameters of a field that takes several values; none where it is not given."""
        count = next((n for name, n in self.given if name == field), 0)
        return [bindparam(f"{field}_{n}") for n in range(count)]


def shape_and_values(kind: str, asked: EventFilter) -> tuple[Shape, dict[str, Any]]:
    """The two halves of a filter whose actors are codes; `kind` names the dialect."""
    given: dict[str, int] = {}
    values: dict[str, Any] = {}
    for field in LISTS:
        if wanted := getattr(asked, field):
            given[field] = len(wanted)
            values |= {f"{field}_{n}": value for n, value in enumerate(wanted)}
    for n, code in enumerate(asked.cameo):
        values[f"cameo_end_{n}"] = code + ":"  # ':' follows '9'
    singles = {field: getattr(asked, field) for field in SCALARS}
    singles |= dict(zip(("since", "until"), asked.days, strict=True))
    singles["known_by"] = asked.known_day
    if asked.q is not None:
        singles["q"] = word_query(kind, asked.q)
        given |= {} if singles["q"] else {"nothing": 1}
    for field, value in singles.items():
        if value is not None:
            given[field], values[field] = 1, value
    if asked.box is not None:
        west, south, east, north = asked.box
        given["bbox" if west <= east else "bbox_across"] = 1
        values |= {"west": west, "south": south, "east": east, "north": north}
    if asked.circle is not None:
        lat, lon, km = asked.circle
        given["near"] = 1
        values |= dict(zip(("near_x", "near_y", "near_z"), unit_vector(lat, lon), strict=True))
        values["near_cosine"] = math.cos(km / EARTH_KM) - 1e-12
    flags = {"certain": asked.match == "certain", "no_via": not asked.via}
    given |= {name: 1 for name, on in flags.items() if on}
    return Shape(tuple(sorted(given.items()))), values


@dataclass(frozen=True, slots=True)
class Who:
    """One participation that an event must have: parameters for each of its sides."""

    actors: tuple[BindParameter[Any], ...] = ()
    groups: tuple[BindParameter[Any], ...] = ()
    roles: tuple[Any, ...] = ()
    via: bool = True
    during: tuple[BindParameter[Any], ...] = ()
    """Those that were members some time in the window."""
    steady: tuple[BindParameter[Any], ...] = ()
    """Those that were so all through it: no need to look up the day."""

    def conditions(self, p: Any, *, in_window: bool = True) -> Iterator[ColumnElement[bool]]:
        """On a row of `participations` (or an alias of it)."""
        if self.actors:
            yield p.actor.in_(self.actors)
        if self.groups:
            yield from self.belonged(p, self.during if in_window else ())
        if self.roles:
            yield p.role.in_(self.roles)
        if not self.via:
            yield p.via == ""

    def belonged(
        self, p: Any, during: tuple[BindParameter[Any], ...]
    ) -> Iterator[ColumnElement[bool]]:
        """The actor was a member of one of the groups on the day."""
        m = memberships.c
        of_group = (m.group.in_(self.groups), m.role == "member")
        on_the_day = exists().where(
            m.actor == p.actor, *of_group, m.since <= p.start, m.until > p.start
        )
        if not during:
            yield p.actor.in_(select(m.actor).where(*of_group))
            yield on_the_day
            return
        yield p.actor.in_(during)
        if len(self.steady) < len(during):
            yield or_(p.actor.in_(self.steady), on_the_day) if self.steady else on_the_day


def who(shape: Shape) -> list[Who]:
    """The participations that a filter demands, the one that names somebody first."""
    via = not shape.has("no_via")
    named = shape.has("actor") or shape.has("member_of")
    roles = tuple(shape.many("role"))
    found = []
    if named:
        named_by = {
            "actors": shape.many("actor"),
            "groups": shape.many("member_of"),
            "during": shape.many("during"),
            "steady": shape.many("steady"),
        }
        sides = {side: tuple(codes) for side, codes in named_by.items()}
        found.append(Who(roles=roles, via=via, **sides))
    found += [Who((code,), via=via) for code in shape.many("between")]
    for role in ("initiator", "target"):
        if codes := tuple(shape.many(role)):
            found.append(Who(codes, roles=(literal(role),), via=via))
    if roles and not named:
        found.append(Who(roles=roles, via=via))
    return found


Condition = Callable[[str, Shape, Any, Any], Iterator[ColumnElement[bool]]]


def _among(name: str, *, of_event: bool = False) -> Condition:
    def branch(_: str, shape: Shape, near: Any, e: Any) -> Iterator[ColumnElement[bool]]:
        if wanted := shape.many(name):
            yield (e if of_event else near)[name].in_(wanted)

    return branch


def _cameo(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if wanted := shape.many("cameo"):
        ends: list[BindParameter[str]] = [bindparam(f"cameo_end_{n}") for n in range(len(wanted))]
        pairs = zip(wanted, ends, strict=True)
        yield or_(*(and_(e.cameo >= first, e.cameo < end) for first, end in pairs))


def _status(_: str, shape: Shape, near: Any, __: Any) -> Iterator[ColumnElement[bool]]:
    wanted = shape.many("status")
    yield near.status.in_(wanted) if wanted else near.status != "retracted"


def _min_intensity(_: str, shape: Shape, near: Any, __: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("min_intensity"):
        yield near.intensity >= bindparam("min_intensity")


def _max_intensity(_: str, shape: Shape, near: Any, __: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("max_intensity"):
        yield near.intensity <= bindparam("max_intensity")


def _box(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    west, east = e.lon >= bindparam("west"), e.lon <= bindparam("east")
    if shape.has("bbox") or shape.has("bbox_across"):
        yield e.lat >= bindparam("south")
        yield e.lat <= bindparam("north")
        yield and_(west, east) if shape.has("bbox") else or_(west, east)


def _near(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("near"):
        cosine = sum(
            (e[axis] * bindparam(f"near_{axis}") for axis in "yz"), e.x * bindparam("near_x")
        )
        yield cosine >= bindparam("near_cosine")


def _tag(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if wanted := shape.many("tag"):
        yield exists().where(tags.c.event == e.id, tags.c.tag.in_(wanted))


def _out(shape: Shape) -> list[ColumnElement[bool]]:
    """A report had to be out by `known_by`."""
    return [reports.c.published <= bindparam("known_by")] if shape.has("known_by") else []


def _reported(shape: Shape, e: Any, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(reports.c.event == e.id, *more, *_out(shape))


def _said_by(name: str) -> Condition:
    def branch(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
        if wanted := shape.many(name):
            yield _reported(shape, e, reports.c[name].in_(wanted))

    return branch


def _reliability(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("min_reliability"):
        yield _reported(shape, e, reports.c.reliability <= bindparam("min_reliability"))


def _credibility(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("min_credibility"):
        yield _reported(shape, e, reports.c.credibility <= bindparam("min_credibility"))


def _independent(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("min_independent_sources"):
        least: BindParameter[int] = bindparam("min_independent_sources")
        yield e.independent_sources >= least
        if out := _out(shape):
            counted = select(func.count(func.distinct(func.lower(reports.c.publisher)))).where(
                reports.c.event == e.id, *out
            )
            yield counted.scalar_subquery() >= least


def _known_by(_: str, shape: Shape, __: Any, e: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("known_by"):
        yield _reported(shape, e)


def _text(kind: str, shape: Shape, near: Any, _: Any) -> Iterator[ColumnElement[bool]]:
    if shape.has("nothing"):  # only punctuation was asked for
        yield false()
    elif shape.has("q"):
        yield has_words(kind, near.seq)


def _elsewhere(*_: Any) -> Iterator[ColumnElement[bool]]:
    """Asked of participations (`who`) or of the days (`app.events.queries`)."""
    return iter(())


NARROWING: dict[str, Condition] = {
    **dict.fromkeys(
        ("actor", "between", "initiator", "target", "role", "via", "member_of"), _elsewhere
    ),
    **dict.fromkeys(("since", "until", "match"), _elsewhere),
    "type": _among("type"),
    "mode": _among("mode", of_event=True),
    "cameo": _cameo,
    "quad": _among("quad"),
    "native": _among("native", of_event=True),
    "min_intensity": _min_intensity,
    "max_intensity": _max_intensity,
    "country": _among("country", of_event=True),
    "bbox": _box,
    "near": _near,
    "tag": _tag,
    "dataset": _among("dataset"),
    "source": _said_by("source"),
    "publisher": _said_by("publisher"),
    "status": _status,
    "min_reliability": _reliability,
    "min_credibility": _credibility,
    "min_independent_sources": _independent,
    "q": _text,
    "known_by": _known_by,
}
OF_EVENTS = [
    "mode",
    "cameo",
    "native",
    "country",
    "bbox",
    "bbox_across",
    "near",
    "tag",
    "source",
    "publisher",
    "min_reliability",
    "min_credibility",
    "min_independent_sources",
    "known_by",
]
"""Fields that need the row of the event beside the participation."""
