"""The record of an event: what a row of a file, a request or a stored document is turned into.

Every event goes through it: loaded, written over HTTP, bundled, or rendered again. msgspec decodes
and validates it several times faster than pydantic; `app.events.schemas` documents the same fields
for HTTP, and a test checks that both accept and reject the same events.
"""

import re
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from app.edtf import EdtfError, parse_edtf
from app.events.event_id import (
    MAX_EVENT_ID_LENGTH,
    find_key_error,
    require_event_reference,
)
from app.events.record_errors import describe_record_error
from app.events.schemas import MAX_SIGNAL_WEIGHT
from app.events.vocabulary import EventType, Reliability, Role, Stance, Status
from app.sources.record import SourceRecord, Text, Word
from app.text import find_ident_error

COUNTRY_SEPARATOR = " | "
"""What separates several names of one country, such as its number and its name.

Of a place that is not resolved yet, the first counts that a state or territory has.
"""
MAX_CLAIMS_DEPTH = 29
"""Maximum nesting of lists and objects in claims; the limit for HTTP requests is the same."""
Title = Annotated[str, Meta(min_length=1, max_length=500)]
Score = Annotated[float, Meta(ge=-10, le=10)]
Share = Annotated[float, Meta(ge=0, le=1)]


class PlaceRecord(Struct, forbid_unknown_fields=True, gc=False):
    """The place where an event happened."""

    name: Word | None = None
    country: Word | None = None
    admin1: Word | None = None
    admin2: Word | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    precision: Word | None = None


class ParticipantRecord(Struct, gc=False):
    """A participant of an event.

    `name` and `kind` are used only where the actor does not exist and has to be created.
    """

    role: Role
    actor: Word | None = None
    native: Word | None = None
    via: Word | None = None
    name: str | UnsetType | None = UNSET
    kind: str | UnsetType | None = UNSET
    excused: bool | UnsetType = UNSET


class SignalRecord(Struct, rename={"from_": "from"}, gc=False):
    """An effect of the event on an alignment, as stated by an analyst."""

    from_: Word
    toward: Word
    score: Score
    confidence: Share = 1.0
    weight: Annotated[float, Meta(ge=0, le=MAX_SIGNAL_WEIGHT)] | UnsetType = UNSET
    reason: Annotated[str, Meta(min_length=1, max_length=2000)] | UnsetType | None = UNSET


class ReportRecord(Struct, gc=False):
    """A report of the event by one source."""

    source: Word | SourceRecord
    quote: Text | None = None
    locator: Word | None = None
    stance: Stance = "reports"
    claims: dict[str, Any] | None = None
    reliability: Reliability | None = None
    credibility: Annotated[int, Meta(ge=1, le=6)] | None = None


class EventRecord(Struct, forbid_unknown_fields=True, gc=False):
    """An event in the load format, named `entente`."""

    key: Word
    title: Title
    date: Word
    summary: Text | None = None
    type: EventType | None = None
    mode: Word | None = None
    cameo: Annotated[str, Meta(pattern=r"^[0-9]{2,4}$")] | None = None
    native: Word | None = None
    intensity: Score | None = None
    quad: Annotated[int, Meta(ge=1, le=4)] | None = None
    quad_scheme: Annotated[str, Meta(pattern=r"^(gdelt|schrodt)$")] | None = None
    status: Status = "reported"
    participants: Annotated[list[ParticipantRecord], Meta(max_length=500)] = []
    signals: Annotated[list[SignalRecord], Meta(max_length=500)] = []
    location: PlaceRecord | None = None
    tags: Annotated[list[Word], Meta(max_length=100)] = []
    reports: Annotated[list[ReportRecord], Meta(max_length=1000)] = []
    # Unset where absent, like the later fields of its parts: the hash of the record leaves them
    # out, and so equals the hashes that older loads have stored.
    part_of: (
        Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID_LENGTH)] | UnsetType | None
    ) = UNSET


class RejectedError(Exception):
    """A row is rejected; `field` and `reason` say where and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


_RecordT = TypeVar("_RecordT", bound=Struct)


_ERROR_LOCATION = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_event_decoder = msgspec.json.Decoder(EventRecord)


def decode_event_record(line: bytes) -> EventRecord:
    """Decode an event from a line of JSON; raises `RejectedError`."""
    try:
        event = _event_decoder.decode(line)
    except msgspec.ValidationError as wrong:
        event = _decode_whole_numbers(line, wrong)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise RejectedError("", f"is not JSON: {str(wrong)[:200]}") from wrong
    if b"\\u0000" in line:
        reject_nul_characters(event)
    return check_record(event)


def _decode_whole_numbers(line: bytes, wrong: msgspec.ValidationError) -> EventRecord:
    """Decode an event some of whose integers are written with a point, such as `1.0`.

    Raises `RejectedError` for the error of the first attempt where that is not the reason.
    """
    try:
        values = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values = None
    if not _round_whole_numbers(values):
        raise _convert_validation_error(wrong) from wrong
    record: EventRecord = convert_record(values)
    return record


def _round_whole_numbers(event: Any) -> bool:
    """Write integers without a point, in place; returns whether there were any with one."""
    # JSON has one kind of number, and some programs write every number with a point.
    if not isinstance(event, dict):
        return False
    parts = event.get("reports")
    places = [(event, "quad")]
    if isinstance(parts, list):
        places += [(part, "credibility") for part in parts if isinstance(part, dict)]
    found = [
        (part, name)
        for part, name in places
        if isinstance(part.get(name), float) and part[name].is_integer()
    ]
    for part, name in found:
        part[name] = int(part[name])
    return bool(found)


def convert_record(values: dict[str, Any], kind: type[Any] = EventRecord, within: str = "") -> Any:
    """Convert plain values into a record, an `EventRecord` by default; raises `RejectedError`.

    `within` names the field that the values belong to, as a prefix of the fields in errors.
    """
    try:
        made = msgspec.convert(values, kind)
    except msgspec.ValidationError as wrong:
        raise _convert_validation_error(wrong, within) from wrong
    return check_record(made) if kind is EventRecord else made


def validate_record(made: _RecordT) -> _RecordT:
    """Validate a record that was built without msgspec's checks; raises `RejectedError`."""
    # A constructor of a Struct checks nothing; a round trip through plain values checks everything.
    return convert_record(msgspec.to_builtins(made), type(made))  # type: ignore[no-any-return]


def copy_record(event: EventRecord) -> EventRecord:
    """Copy a record with its parts, so that resolving the copy leaves the original as it is."""
    return msgspec.convert(msgspec.to_builtins(event), EventRecord)


def check_record(event: EventRecord) -> EventRecord:
    """Return the event after checking its dates, references, roles and claims.

    Raises `RejectedError`.
    """
    if (reason := find_key_error(event.key)) is not None:
        raise RejectedError("key", reason)
    if (why := _find_date_error(event.date)) is not None:
        raise RejectedError("date", why)
    if event.part_of:
        try:
            require_event_reference(event.part_of)
        except ValueError as wrong:
            raise RejectedError("part_of", str(wrong)) from wrong
    for n, p in enumerate(event.participants):
        if p.excused is True and p.role != "absent":
            reason = "only an absent participant can be excused"
            raise RejectedError(f"participants[{n}].excused", reason)
    for n, report in enumerate(event.reports):
        if report.claims and not _is_shallow(report.claims):
            raise RejectedError(
                f"reports[{n}].claims", f"is nested more than {MAX_CLAIMS_DEPTH} deep"
            )
        source = report.source
        if type(source) is SourceRecord:
            if source.id is not None and (reason := find_ident_error(source.id)) is not None:
                raise RejectedError(f"reports[{n}].source.id", reason)
            if source.published and (why := _find_date_error(source.published, True)) is not None:
                raise RejectedError(f"reports[{n}].source.published", why)
            if source.accessed and (why := _find_date_error(source.accessed, True)) is not None:
                raise RejectedError(f"reports[{n}].source.accessed", why)
    return event


def _is_shallow(claims: dict[str, Any]) -> bool:
    """Return whether claims are nested no deeper than `MAX_CLAIMS_DEPTH`.

    Recursive code may then walk them without exhausting the stack.
    """
    within: list[Any] = [v for v in claims.values() if type(v) in (dict, list)]
    for _ in range(MAX_CLAIMS_DEPTH):
        if not within:
            return True
        containers = [list(v.values()) if type(v) is dict else v for v in within]
        within = [v for each in containers for v in each if type(v) in (dict, list)]
    return False


parse_date_cached = lru_cache(8192)(parse_edtf)


@lru_cache(8192)
def _find_date_error(date: str, ends: bool = False) -> str | None:
    """Return why a date is invalid, or None if it is valid.

    `ends`: the date must have an end.
    """
    try:
        return "must have an end" if parse_date_cached(date).end is None and ends else None
    except EdtfError as wrong:
        return str(wrong)


def reject_nul_characters(event: EventRecord) -> None:
    """Raise `RejectedError` if a text of the event contains a NUL character."""
    # PostgreSQL cannot store a NUL in text.
    if "\\u0000" in msgspec.json.encode(event).decode().replace("\\\\", ""):
        raise RejectedError("", "must not contain a NUL character")


def split_field_path(field: str) -> list[str | int]:
    """Split the field that an error names, such as `reports[2].source`, into its parts."""
    parts = re.findall(r"[^.\[\]]+|\[[0-9]+\]", field)
    return [int(part[1:-1]) if part.startswith("[") else part for part in parts]


def _convert_validation_error(wrong: msgspec.ValidationError, within: str = "") -> RejectedError:
    found = _ERROR_LOCATION.match(str(wrong))
    assert found is not None
    field, message = ".".join(part for part in (within, found[2]) if part), found[1]
    if missing := re.search(r"unknown field `(.*)`|missing required field `(.*)`", message):
        name = missing[1] or missing[2]
        field = f"{field}.{name}" if field else name
    return RejectedError(field, describe_record_error(message))
