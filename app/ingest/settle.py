"""Names into codes, inline sources into ids: what an event says, in the record's own terms."""

from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from app.ingest.digest import digest
from app.ingest.given import Given, GivenActor, GivenSource, RejectedError, parsed
from app.ingest.standing import Standing

PLACES = ("fips:", "gw:", "cow:", "iso3:", "isonum:", "name:")
"""Schemes in which a reader may name the country of a place."""


@dataclass(slots=True)
class Settled:
    """An event in the record's own terms."""

    given: Given
    digest: int
    """Of all that it says: the same digest, the same event."""
    sources: dict[str, GivenSource] = field(default_factory=dict)
    """The inline sources, by their ids."""
    unknown: list[tuple[str, GivenActor]] = field(default_factory=list)
    """Actors that nobody knows, by the name given."""


_encode = msgspec.json.Encoder().encode


def settle(given: Given, standing: Standing) -> Settled:
    """The event with codes for names and ids for sources; `given` itself is changed.

    Raises `RejectedError` for a stated signal between actors that nobody knows.
    """
    day = parsed(given.date).start.isoformat()
    settled = Settled(given, 0)
    for p in given.participants:
        _actor(p, day, standing, settled)
    for n, s in enumerate(given.signals):
        s.from_ = _code(f"signals[{n}].from", s.from_, day, standing)
        s.toward = _code(f"signals[{n}].toward", s.toward, day, standing)
    place = given.location
    if place is not None and place.country is not None and place.country.startswith(PLACES):
        place.country = standing.world.find(place.country, day) or place.country
    for report in given.reports:
        if isinstance(report.source, GivenSource):
            key = standing.source_of(report.source)
            settled.sources[key] = report.source
            report.source = key
    settled.digest = digest(_encode(given))
    return settled


def _actor(p: GivenActor, day: str, standing: Standing, settled: Settled) -> None:
    if p.actor is not None:
        asked, code = p.actor, standing.world.find(p.actor, day)
        if code is None:
            if not standing.world.is_ambiguous(asked, day):
                settled.unknown.append((asked, msgspec.structs.replace(p)))
            p.native = p.native or asked
        p.actor = code
    p.name = p.kind = UNSET


def _code(field_: str, name: str, day: str, standing: Standing) -> str:
    code = standing.world.find(name, day)
    if code is None:
        raise RejectedError(field_, f"no actor is called {name[:100]!r}")
    return code
