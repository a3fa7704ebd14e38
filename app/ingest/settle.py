"""Resolution of an event record: names of actors to codes, inline sources to ids."""

import msgspec
from msgspec import UNSET, Struct

from app.ingest.digest import digest
from app.ingest.finish import days
from app.ingest.given import Given, GivenActor, GivenSource, RejectedError
from app.ingest.standing import Standing

PLACES = ("fips:", "gw:", "cow:", "iso3:", "isonum:", "name:")
"""Prefixes of the code schemes in which a format may name the country of a place."""


class Settled(Struct, gc=False):
    """An event record whose actors are codes and whose sources are ids."""

    given: Given
    digest: int
    """The hash of the resolved record: equal hashes mean equal events."""
    # It must be computed as the stored ones were: else every row would count as changed, and the
    # next load would undo edits made by hand.
    sources: dict[str, GivenSource]
    """The inline sources, by id."""
    unknown: list[tuple[str, GivenActor]]
    """Unknown actors, with the name that the record has for each."""
    several: list[str]
    """Names that match several actors."""

    @property
    def open(self) -> bool:
        """Whether some actors are unresolved, so that the same row may resolve to more later."""
        return bool(self.unknown or self.several)


_encode = msgspec.json.Encoder().encode


def settle(given: Given, standing: Standing) -> Settled:
    """Resolve the actors and sources of a record, which is changed in place.

    Raises `RejectedError` for a stated signal of an unknown actor, from an actor to itself, or of
    a pair that is stated already.
    """
    day = days(given.date)[0]
    settled = Settled(given, 0, {}, [], [])
    for p in given.participants:
        if p.actor is not None:
            _actor(p, day, standing, settled)
        p.name = p.kind = UNSET
    if given.signals:
        _signals(given, day, standing)
    place = given.location
    if place is not None and place.country is not None and place.country.startswith(PLACES):
        code = standing.world.find(place.country, day)
        place.country = code or place.country.removeprefix("name:") or None
    for report in given.reports:
        source = report.source
        if type(source) is GivenSource:
            report.source = key = standing.source_of(source)
            settled.sources[key] = source
    settled.digest = digest(_encode(given))
    return settled


def _actor(p: GivenActor, day: str, standing: Standing, settled: Settled) -> None:
    asked = p.actor
    assert asked is not None
    code = standing.world.find(asked, day)
    if code is None:
        if standing.world.is_ambiguous(asked, day):
            settled.several.append(asked)
        else:
            settled.unknown.append((asked, msgspec.structs.replace(p)))
        p.native = p.native or asked
    p.actor = code


def _signals(given: Given, day: str, standing: Standing) -> None:
    """Resolve the actors of stated signals; each ordered pair may occur once."""
    seen = set()
    for n, s in enumerate(given.signals):
        s.from_ = _code(f"signals[{n}].from", s.from_, day, standing)
        s.toward = _code(f"signals[{n}].toward", s.toward, day, standing)
        if s.from_ == s.toward:
            raise RejectedError(f"signals[{n}].toward", "is the one that it comes from")
        if (s.from_, s.toward) in seen:
            raise RejectedError(f"signals[{n}]", f"{s.from_} toward {s.toward} is stated twice")
        seen.add((s.from_, s.toward))


def _code(field_: str, name: str, day: str, standing: Standing) -> str:
    code = standing.world.find(name, day)
    if code is None:
        raise RejectedError(field_, f"no actor is called {name[:100]!r}")
    return code
