"""Resolution of an event record: names of actors to codes, inline sources to ids."""

import msgspec
from msgspec import UNSET, Struct

from app.ingest.formats.errors import RejectedError
from app.ingest.formats.hashing import hash_to_int64
from app.ingest.formats.records import EventRecord, ParticipantRecord, SourceRecord
from app.ingest.loading.documents import resolve_date_span
from app.ingest.loading.reference_cache import ReferenceCache

COUNTRY_SCHEMES = ("fips:", "gw:", "cow:", "iso3:", "isonum:", "name:")
"""Prefixes of the code schemes in which a format may name the country of a place."""


class ResolvedRecord(Struct, gc=False):
    """An event record whose actors are codes and whose sources are ids."""

    record: EventRecord
    content_hash: int
    """The hash of the resolved record: equal hashes mean equal events."""
    # It must be computed as the stored ones were: else every row would count as changed, and the
    # next load would undo edits made by hand.
    sources: dict[str, SourceRecord]
    """The inline sources, by id."""
    unknown: list[tuple[str, ParticipantRecord]]
    """Unknown actors, with the name that the record has for each."""
    ambiguous: list[str]
    """Names that match several actors."""

    @property
    def is_unresolved(self) -> bool:
        """Whether some actors are unresolved, so that the same row may resolve to more later."""
        return bool(self.unknown or self.ambiguous)


_encode = msgspec.json.Encoder().encode


def resolve_record(record: EventRecord, references: ReferenceCache) -> ResolvedRecord:
    """Resolve the actors and sources of a record, which is changed in place.

    Raises `RejectedError` for a stated signal of an unknown actor, from an actor to itself, or of
    a pair that is stated already.
    """
    day = resolve_date_span(record.date)[0]
    resolved = ResolvedRecord(record, 0, {}, [], [])
    for p in record.participants:
        if p.actor is not None:
            _resolve_participant(p, day, references, resolved)
        p.name = p.kind = UNSET
        p.excused = p.excused or UNSET
    if record.signals:
        _resolve_signals(record, day, references)
    record.part_of = record.part_of or UNSET
    place = record.location
    if (
        place is not None
        and place.country is not None
        and place.country.startswith(COUNTRY_SCHEMES)
    ):
        code = references.actor_index.find_code(place.country, day)
        place.country = code or place.country.removeprefix("name:") or None
    for report in record.reports:
        source = report.source
        if type(source) is SourceRecord:
            report.source = key = references.identify_source(source)
            resolved.sources[key] = source
    resolved.content_hash = hash_to_int64(_encode(record))
    return resolved


def _resolve_participant(
    p: ParticipantRecord, day: str, references: ReferenceCache, resolved: ResolvedRecord
) -> None:
    asked = p.actor
    assert asked is not None
    code = references.actor_index.find_code(asked, day)
    if code is None:
        if references.actor_index.is_ambiguous(asked, day):
            resolved.ambiguous.append(asked)
        else:
            resolved.unknown.append((asked, msgspec.structs.replace(p)))
        p.native = p.native or asked
    p.actor = code


def _resolve_signals(record: EventRecord, day: str, references: ReferenceCache) -> None:
    """Resolve the actors of stated signals; each ordered pair may occur once."""
    pairs = set()
    for n, s in enumerate(record.signals):
        s.from_ = _require_code(f"signals[{n}].from", s.from_, day, references)
        s.toward = _require_code(f"signals[{n}].toward", s.toward, day, references)
        s.weight = UNSET if s.weight == 1 else s.weight
        s.reason = s.reason or UNSET
        if s.from_ == s.toward:
            raise RejectedError(f"signals[{n}].toward", "is the one that it comes from")
        if (s.from_, s.toward) in pairs:
            raise RejectedError(f"signals[{n}]", f"{s.from_} toward {s.toward} is stated twice")
        pairs.add((s.from_, s.toward))


def _require_code(field_: str, name: str, day: str, references: ReferenceCache) -> str:
    code = references.actor_index.find_code(name, day)
    if code is None:
        raise RejectedError(field_, f"no actor is called {name[:100]!r}")
    return code
