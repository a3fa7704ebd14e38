"""A filter is split into the shape of a statement and the values of its parameters.

The text of a statement depends only on which fields are set and how many values each has: its
`FilterShape`. The values are passed separately, by parameter name. So a statement is built and
compiled once for each shape, and run many times with other values.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Table,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)

from app.db.dialect.words import has_words, word_query
from app.db.tables import memberships, reports, tags
from app.db.worlds import Columns, World, worlds
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
    """Which fields of a filter are set, and how many values each has."""

    given: tuple[tuple[str, int], ...] = ()

    def has(self, field: str) -> bool:
        """Whether a field is set."""
        return any(name == field for name, _ in self.given)

    def many(self, field: str) -> list[BindParameter[Any]]:
        """The parameters of a field that takes several values; empty where it is not set."""
        count = next((n for name, n in self.given if name == field), 0)
        return [bindparam(f"{field}_{n}") for n in range(count)]


def shape_and_values(kind: str, asked: EventFilter) -> tuple[Shape, dict[str, Any]]:
    """Split a resolved filter into its shape and its parameter values; `kind` names the dialect."""
    counts: dict[str, int] = {}
    values: dict[str, Any] = {}
    for field in LISTS:
        if wanted := list(dict.fromkeys(getattr(asked, field))):
            counts[field] = len(wanted)
            values |= {f"{field}_{n}": value for n, value in enumerate(wanted)}
    for n, code in enumerate(dict.fromkeys(asked.cameo)):
        values[f"cameo_end_{n}"] = code + ":"  # ':' sorts right after '9': all longer codes match
    for n, label in enumerate(asked.native):
        values[f"native_from_{n}"], values[f"native_end_{n}"] = f"{label}: ", f"{label}:!"
    singles = {field: getattr(asked, field) for field in SCALARS}
    singles |= dict(zip(("since", "until"), asked.days, strict=True))
    singles["known_by"] = asked.known_day
    singles["as_of"] = None if asked.as_of is None else int(asked.as_of)
    if asked.q is not None:
        singles["q"] = word_query(kind, asked.q)
        counts |= {} if singles["q"] else {"nothing": 1}
    for field, value in singles.items():
        if value is not None:
            counts[field], values[field] = 1, value
    if asked.box is not None:
        west, south, east, north = asked.box
        counts["bbox" if west <= east else "bbox_across"] = 1
        values |= {"west": west, "south": south, "east": east, "north": north}
    if asked.circle is not None:
        lat, lon, km = asked.circle
        counts["near"] = 1
        values |= dict(zip(("near_x", "near_y", "near_z"), unit_vector(lat, lon), strict=True))
        # The tolerance keeps a point at exactly the distance, whatever the rounding.
        values["near_cosine"] = math.cos(km / EARTH_KM) - 1e-12
    flags = {"certain": asked.match == "certain", "no_via": not asked.via}
    counts |= {name: 1 for name, on in flags.items() if on}
    return Shape(tuple(sorted(counts.items()))), values


@dataclass(frozen=True, slots=True)
class Who:
    """One participation that an event must have, as the parameters that limit it."""

    actors: tuple[BindParameter[Any], ...] = ()
    groups: tuple[BindParameter[Any], ...] = ()
    roles: tuple[ColumnElement[Any], ...] = ()
    via: bool = True
    during: tuple[BindParameter[Any], ...] = ()
    """Actors that were members on some day of the window."""
    steady: tuple[BindParameter[Any], ...] = ()
    """Actors that were members on every day of the window: no check by day is needed."""

    def conditions(
        self, p: Columns, *, in_window: bool = True, as_of: bool = False
    ) -> Iterator[ColumnElement[bool]]:
        """Build the conditions on a row of `participations`, or of an alias of it."""
        if self.actors:
            yield p.actor.in_(self.actors)
        if self.groups:
            yield from self.belonged(p, self.during if in_window else (), as_of)
        if self.roles:
            yield p.role.in_(self.roles)
        if not self.via:
            yield p.via == ""

    def belonged(
        self, p: Columns, during: tuple[BindParameter[Any], ...], as_of: bool
    ) -> Iterator[ColumnElement[bool]]:
        """Require that the actor was a member of one of the groups on the day of the event."""
        ever, on_the_day = [], []
        for row_state in worlds(as_of):
            m = row_state.of(memberships).c
            belongs = [m.group.in_(self.groups), m.role == "member"]
            belongs += row_state.stood(m) if as_of else []
            ever.append(select(m.actor).where(*belongs))
            day = (m.actor == p.actor, m.since <= p.start, m.until > p.start)
            on_the_day.append(exists().where(*day, *belongs))
        if not during:
            # One list of current and superseded rows: with two lists joined by OR, SQLite scanned
            # every participation, and a page as of a version cost 6 to 14 times a current one.
            yield p.actor.in_(ever[0] if len(ever) == 1 else union_all(*ever))
            yield or_(*on_the_day)
            return
        yield p.actor.in_(during)
        if len(self.steady) < len(during):
            yield or_(*([p.actor.in_(self.steady)] if self.steady else []), *on_the_day)


def who(shape: Shape) -> list[Who]:
    """List the participations that a filter requires; one with actors or groups comes first."""
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


@dataclass(frozen=True, slots=True)
class Row:
    """What building a condition needs to know of the statement that it is for."""

    kind: str
    """Name of the dialect."""
    shape: Shape
    world: World
    near: Columns
    """Columns of the driving table: `participations` or `events`."""
    event: Columns
    """Columns of `events`."""

    def child(self, table: Table, *more: ColumnElement[bool]) -> ColumnElement[bool]:
        """Require a row of a child table, of the same revision, that meets conditions."""
        t = self.world.of(table).c
        return exists().where(t.event == self.event.id, t.seq == self.event.seq, *more)

    def report(self, *more: Callable[[Columns], ColumnElement[bool]]) -> ColumnElement[bool]:
        """Require a report, published by `known_by` where that is set, that meets conditions."""
        r = self.world.of(reports).c
        return self.child(reports, *(condition(r) for condition in (*more, *_out(self.shape))))


Condition = Callable[[Row], Iterator[ColumnElement[bool]]]


def _among(name: str, *, of_event: bool = False) -> Condition:
    def branch(row: Row) -> Iterator[ColumnElement[bool]]:
        if wanted := row.shape.many(name):
            yield (row.event if of_event else row.near)[name].in_(wanted)

    return branch


def _cameo(row: Row) -> Iterator[ColumnElement[bool]]:
    if wanted := row.shape.many("cameo"):
        ends: list[BindParameter[str]] = [bindparam(f"cameo_end_{n}") for n in range(len(wanted))]
        pairs, code = zip(wanted, ends, strict=True), row.event.cameo
        yield or_(*(and_(code >= first, code < end) for first, end in pairs))


def _native(row: Row) -> Iterator[ColumnElement[bool]]:
    """Match the label itself, or any label that begins with it: ACLED's `Battles: Armed clash`."""
    if wanted := row.shape.many("native"):
        label = row.event.native
        firsts: list[BindParameter[str]] = [
            bindparam(f"native_from_{n}") for n in range(len(wanted))
        ]
        ends: list[BindParameter[str]] = [bindparam(f"native_end_{n}") for n in range(len(wanted))]
        spans = zip(firsts, ends, strict=True)
        yield or_(label.in_(wanted), *(and_(label >= a, label < z) for a, z in spans))


def _status(row: Row) -> Iterator[ColumnElement[bool]]:
    wanted = row.shape.many("status")
    yield row.near.status.in_(wanted) if wanted else row.near.status != "retracted"


def _min_intensity(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("min_intensity"):
        yield row.near.intensity >= bindparam("min_intensity")


def _max_intensity(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("max_intensity"):
        yield row.near.intensity <= bindparam("max_intensity")


def _box(row: Row) -> Iterator[ColumnElement[bool]]:
    e = row.event
    west, east = e.lon >= bindparam("west"), e.lon <= bindparam("east")
    if row.shape.has("bbox") or row.shape.has("bbox_across"):
        yield e.lat >= bindparam("south")
        yield e.lat <= bindparam("north")
        yield and_(west, east) if row.shape.has("bbox") else or_(west, east)


def _near(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("near"):
        products = (row.event[axis] * bindparam(f"near_{axis}") for axis in "yz")
        cosine = sum(products, row.event.x * bindparam("near_x"))
        yield cosine >= bindparam("near_cosine")


def _tag(row: Row) -> Iterator[ColumnElement[bool]]:
    if wanted := row.shape.many("tag"):
        yield row.child(tags, row.world.of(tags).c.tag.in_(wanted))


def _out(shape: Shape) -> list[Callable[[Columns], ColumnElement[bool]]]:
    """Conditions on a report: published by `known_by`, where that is set."""
    return [lambda r: r.published <= bindparam("known_by")] if shape.has("known_by") else []


def _said_by(name: str) -> Condition:
    def branch(row: Row) -> Iterator[ColumnElement[bool]]:
        if wanted := row.shape.many(name):
            yield row.report(lambda r: r[name].in_(wanted))

    return branch


def _reliability(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("min_reliability"):
        yield row.report(lambda r: r.reliability <= bindparam("min_reliability"))


def _credibility(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("min_credibility"):
        yield row.report(lambda r: r.credibility <= bindparam("min_credibility"))


def _independent(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("min_independent_sources"):
        least: BindParameter[int] = bindparam("min_independent_sources")
        yield row.event.independent_sources >= least
        if out := _out(row.shape):
            r = row.world.of(reports).c
            witnesses = select(func.count(func.distinct(func.lower(r.publisher)))).where(
                r.event == row.event.id, r.seq == row.event.seq, r.stance != "disputes"
            )
            yield witnesses.where(*(c(r) for c in out)).scalar_subquery() >= least


def _known_by(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("known_by"):
        yield row.report()


def _as_of(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("as_of"):
        yield from row.world.stood(row.near)


def _text(row: Row) -> Iterator[ColumnElement[bool]]:
    if row.shape.has("nothing"):  # the words searched for were only punctuation
        yield false()
    elif row.shape.has("q"):
        yield has_words(row.kind, row.near.seq)


def _elsewhere(_: Row) -> Iterator[ColumnElement[bool]]:
    """Add no condition here: `ParticipantClause` or the window of days covers these fields."""
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
    "native": _native,
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
    "as_of": _as_of,
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
"""Fields whose conditions need the row of the event, not the participation alone."""
