"""Resolution of an event record: names of actors become codes, inline sources become ids.

The loader and the write API resolve with the same rules. They differ in where names are looked up
(an index in memory, or the database), and in what an unknown participant is: a native code in a
load, an error in a request.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

import msgspec
from msgspec import UNSET, Struct
from sqlalchemy import Connection

from app.actors.name_index import COUNTRY_KINDS, split_scheme
from app.actors.name_table import NAME_SCHEME, is_name_list
from app.actors.queries import AmbiguousActorError, UnknownActorError, resolve_actor_code
from app.events.event_id import complete_event_id
from app.events.record import COUNTRY_SEPARATOR, EventRecord, ParticipantRecord
from app.events.render import resolve_date_span
from app.sources.record import SourceRecord

CODE_SCHEMES = ("fips:", "gw:", "cow:", "iso2:", "iso3:", "isonum:", "cameo:")
"""Prefixes of the code schemes in which a format may name the country of a place."""


class NameLookup(Protocol):
    """Finds actors by their names and codes."""

    def find_code(self, asked: str, on: str) -> str | None:
        """Find the code of the actor that a name means on a day; None if it is not exactly one."""

    def find_country(self, asked: str, on: str) -> str | None:
        """Find the code of the state or territory that a name means on a day, as `find_code`."""

    def is_ambiguous(self, asked: str, on: str) -> bool:
        """Return whether a name matches several actors on a day."""


class DatabaseNames:
    """Looks names up in the database, each once, and keeps the error of those it cannot find."""

    def __init__(self, db: Connection, max_suggestions: int = 0) -> None:
        self.errors: dict[tuple[str, str], UnknownActorError] = {}
        self._country_errors: dict[tuple[str, str], UnknownActorError] = {}
        self._db, self._left = db, max_suggestions
        self._codes: dict[tuple[str, str], str] = {}
        self._countries: dict[tuple[str, str], str] = {}

    def find_code(self, asked: str, on: str) -> str | None:
        """Find the code of the actor that a name means on a day; None if it is not exactly one."""
        return self._find_code(asked, on, self._codes, self.errors, None)

    def find_country(self, asked: str, on: str) -> str | None:
        """Find the code of the state or territory that a name means on a day, as `find_code`."""
        return self._find_code(asked, on, self._countries, self._country_errors, COUNTRY_KINDS)

    def explain_country(self, asked: str, on: str) -> UnknownActorError:
        """Return why a country was not found, with the nearest names."""
        return self._country_errors.get((asked, on)) or UnknownActorError(asked, [])

    def _find_code(
        self,
        asked: str,
        on: str,
        codes: dict[tuple[str, str], str],
        errors: dict[tuple[str, str], UnknownActorError],
        kinds: Collection[str] | None,
    ) -> str | None:
        key = (asked, on)
        if key not in codes and key not in errors:
            try:
                codes[key] = resolve_actor_code(
                    self._db, asked, on, near=3 if self._left > 0 else 0, kinds=kinds
                )
            except UnknownActorError as unknown:
                errors[key] = unknown
                self._left -= 1
        return codes.get(key)

    def is_ambiguous(self, asked: str, on: str) -> bool:
        """Return whether a name matches several actors on a day."""
        self.find_code(asked, on)
        return isinstance(self.errors.get((asked, on)), AmbiguousActorError)


class UnknownName(NamedTuple):
    """A participant whose actor is not found, as the record had it."""

    position: int
    name: str
    participant: ParticipantRecord
    is_ambiguous: bool


class RecordProblem(NamedTuple):
    """A rule that a record breaks, and the path of the field that breaks it."""

    path: tuple[str | int, ...]
    message: str
    unknown_name: str | None = None


class ResolvedRecord(Struct, gc=False):
    """An event record whose actors are codes and whose sources are ids."""

    record: EventRecord
    day: str
    """The first day of the event, on which names are looked up."""
    sources: dict[str, SourceRecord]
    """The inline sources, by id."""
    unknown: list[UnknownName]
    problems: list[RecordProblem]
    asked_country: str | None = None
    """All that the record had for the country of the place, where it could not be resolved."""
    unknown_country: str | None = None
    """The country of the place as the record had it, where no state or territory has that name."""
    content_hash: int = 0
    """The hash of the resolved record, set by loads: equal hashes mean equal events."""
    parties: int = 0
    """The number of participants for which the record named an actor, known or not."""

    @property
    def is_complete(self) -> bool:
        """Whether every name in the record is known."""
        return not self.unknown and self.unknown_country is None


def resolve_record(
    record: EventRecord,
    dataset: str,
    names: NameLookup,
    identify_source: Callable[[SourceRecord], str],
) -> ResolvedRecord:
    """Resolve the actors and sources of a record, which is changed in place.

    An unknown participant keeps its name as its native code. Broken rules are listed as problems:
    a stated signal of an unknown actor, from an actor to itself, or of a pair that is stated
    already, and an event that is a stage of itself.
    """
    day = resolve_date_span(record.date)[0]
    resolved = ResolvedRecord(record, day, {}, [], [])
    for n, p in enumerate(record.participants):
        if p.actor is not None:
            resolved.parties += 1
            _resolve_participant(n, p, names, resolved)
        p.name = p.kind = UNSET
        p.excused = p.excused or UNSET
    if record.signals:
        _resolve_signals(record, names, resolved)
    if record.part_of:
        if complete_event_id(record.part_of, dataset) == f"{dataset}:{record.key}":
            resolved.problems.append(RecordProblem(("part_of",), "is the event itself"))
    else:
        record.part_of = UNSET
    place = record.location
    if place is not None and place.country is not None:
        asked = place.country
        place.country = resolve_country(asked, day, names)
        if place.country is None:
            place.country, resolved.unknown_country = keep_country(asked)
            resolved.asked_country = None if resolved.unknown_country is None else asked
    for report in record.reports:
        source = report.source
        if type(source) is SourceRecord:
            report.source = key = identify_source(source)
            resolved.sources[key] = source
    return resolved


def resolve_country(asked: str, day: str, names: NameLookup) -> str | None:
    """Resolve the country of a place to a code, by the first of its names that is known."""
    for part in split_country_names(asked):
        if (code := names.find_country(part, day)) is not None:
            return code
    return None


def split_country_names(asked: str) -> list[str]:
    """Split the names and codes that a record has for one country."""
    return [part for part in asked.split(COUNTRY_SEPARATOR) if part.strip()]


def keep_country(asked: str) -> tuple[str | None, str | None]:
    """Return what stays of an unresolved country, and what could not be resolved.

    An unknown name stays as text, an unknown code becomes nothing: a number that ISO does not have
    is no country.
    """
    parts = split_country_names(asked)
    left = [name for part in parts if (name := _read_country_name(part))]
    if left:
        return left[-1], left[-1]
    return None, parts[-1] if any(part.partition(":")[2].strip() for part in parts) else None


def _read_country_name(asked: str) -> str | None:
    """Read a name of a country, without the list it is from; None for a code of a scheme."""
    if asked.startswith(CODE_SCHEMES):
        return None
    scheme, value = split_scheme(asked)
    return value.strip() if scheme == NAME_SCHEME or is_name_list(scheme) else asked


def _resolve_participant(
    n: int, p: ParticipantRecord, names: NameLookup, resolved: ResolvedRecord
) -> None:
    asked = p.actor
    assert asked is not None
    code = names.find_code(asked, resolved.day)
    if code is None:
        ambiguous = names.is_ambiguous(asked, resolved.day)
        resolved.unknown.append(UnknownName(n, asked, msgspec.structs.replace(p), ambiguous))
        p.native = p.native or asked
    p.actor = code


def _resolve_signals(record: EventRecord, names: NameLookup, resolved: ResolvedRecord) -> None:
    """Resolve the actors of stated signals; each ordered pair may occur once."""
    pairs = set()
    for n, s in enumerate(record.signals):
        from_, toward = (
            _require_code(("signals", n, end), name, names, resolved)
            for end, name in (("from", s.from_), ("toward", s.toward))
        )
        s.weight = UNSET if s.weight == 1 else s.weight
        s.reason = s.reason or UNSET
        if from_ is None or toward is None:
            continue
        s.from_, s.toward = from_, toward
        if from_ == toward:
            message = "must differ from the actor in from"
            resolved.problems.append(RecordProblem(("signals", n, "toward"), message))
        if (from_, toward) in pairs:
            message = f"{from_} toward {toward} is stated twice"
            resolved.problems.append(RecordProblem(("signals", n), message))
        pairs.add((from_, toward))


def _require_code(
    path: tuple[str | int, ...], name: str, names: NameLookup, resolved: ResolvedRecord
) -> str | None:
    code = names.find_code(name, resolved.day)
    if code is None:
        message = f"no actor is called {name[:100]!r}"
        resolved.problems.append(RecordProblem(path, message, name))
    return code
