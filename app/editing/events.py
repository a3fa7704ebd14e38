"""Create, replace, patch, retract and merge events inside one transaction."""

from collections.abc import Iterator, Sequence

import msgspec
from pydantic import TypeAdapter
from sqlalchemy import Connection

from app.db.journal import (
    NewRevision,
    Writer,
    append_revisions,
    current_write_transaction,
    find_survivor,
    label_seq,
    read_latest_revision_numbers,
    record_merge,
)
from app.db.reader import require_open_event
from app.editing.merge_patch import apply_merge_patch
from app.editing.merge_targets import find_merge_targets
from app.editing.outcome import Outcome
from app.editing.preconditions import Preconditions
from app.editing.propagate import read_source_grades
from app.editing.resolve_names import EventNameResolver, Loc, choose_event_key, find_taken_ids
from app.editing.schemas import EventBody, MergeBody
from app.errors import (
    ConflictError,
    ConflictingBodyError,
    Fault,
    InvalidBodyError,
    MovedError,
    NotFoundError,
    OutdatedError,
)
from app.events import queries
from app.events.changes import remove_event_rows, write_resolved_events
from app.events.record import EventRecord, ReportRecord
from app.events.render import (
    EventDocumentRecord,
    decode_event_document,
    encode_event_document,
)
from app.events.schemas import MOST_REPORTS, MOST_TAGS
from app.events.to_input import input_from_document
from app.lineages import Version
from app.text import quote_id
from app.validation import MAX_BODY_FAULTS, validate_part

MAX_EVENTS = 1000
"""The most events in one request."""
EVENT_BODY = TypeAdapter(EventBody)


def parse_event_bodies(value: object) -> tuple[list[EventBody], list[Loc]]:
    """Parse a request body of one event or a list of events.

    Returns the events and the path of each in the body. Raises `InvalidBodyError` with the faults
    of all events, up to `MAX_BODY_FAULTS`.
    """
    several = value if isinstance(value, list) else [value]
    locs: list[Loc] = [["body", n] if several is value else ["body"] for n in range(len(several))]
    if not 1 <= len(several) <= MAX_EVENTS:
        raise InvalidBodyError([Fault(loc=["body"], message=f"must be 1 to {MAX_EVENTS} events")])
    found: list[EventBody] = []
    faults: list[Fault] = []
    for one, loc in zip(several, locs, strict=True):
        if len(faults) >= MAX_BODY_FAULTS:
            break
        checked = validate_part(EVENT_BODY, one, loc)
        faults += checked.faults
        found += [checked.value] if checked.value is not None else []
    if faults:
        raise InvalidBodyError(faults)
    return found, locs


def write_new_events(
    db: Connection, sent: Sequence[EventBody], locs: Sequence[Loc], by: Writer, *, single: bool
) -> Outcome:
    """Write new events: all of them, or none.

    Raises `InvalidBodyError` with every fault; its status is 409 where ids are taken. `single`
    answers with the event itself instead of a list.
    """
    ids = [f"{body.dataset}:{choose_event_key(body)}" for body in sent]
    if faults := [
        f for body, at in zip(sent, locs, strict=True) for f in _check_reason(body, at, by)
    ]:
        raise InvalidBodyError(faults)
    resolver = EventNameResolver(db, by)
    inputs: list[EventRecord] = []
    for body, at in zip(sent, locs, strict=True):
        if len(resolver.faults) < MAX_BODY_FAULTS:
            record = resolver.resolve_names(body, at)
            inputs += [] if record is None else [record]
    if resolver.faults:
        raise InvalidBodyError(resolver.faults)
    resolver.write_new_sources()
    if clashes := list(find_taken_ids(db, "event", ids, locs)):
        raise ConflictingBodyError(clashes)
    made = write_resolved_events(db, list(zip(ids, inputs, strict=True)), by)
    if single:
        return _build_event_outcome(db, ids[0], 201)
    return Outcome(201, f'{{"data":[{b",".join(made).decode()}]}}')


def _check_reason(
    body: EventBody, at: Loc, by: Writer, status_before: str | None = None
) -> Iterator[Fault]:
    """Yield the faults of a reason that is missing or cannot be stored.

    A reason is stored per revision of one request, so an event of a batch cannot have its own.
    """
    if body.reason is not None:
        hint = "Send one reason for the whole request in ?reason=."
        yield Fault(
            loc=[*at, "reason"], message="cannot be sent for one event of a batch", hint=hint
        )
    if body.status == "retracted" != status_before and by.reason is None:
        hint = "A retraction needs a reason: send reason in the body, or ?reason=."
        yield Fault(loc=[*at, "reason"], message="is required", hint=hint)


def _build_event_outcome(db: Connection, ident: str, status: int) -> Outcome:
    row = db.execute(queries.select_event(ident)).one()
    headers = {"ETag": f'"{label_seq(db, row.seq).label}"'}
    if status == 201:
        headers["Location"] = f"/v1/events/{quote_id(ident)}"
    return Outcome(status, row.document, headers)


def find_current_event(db: Connection, ident: str) -> tuple[Version, str] | None:
    """Return (seq, document) of an event, or None where no event has the id.

    Raises `MovedError` with the address of the survivor where the event was merged, and
    `ClosedDatasetError` where the event is closed to the key.
    """
    require_open_event(db, ident)
    # PostgreSQL refuses a text with a NUL byte, and no stored id has characters of that kind.
    row = db.execute(queries.select_event(ident)).one_or_none() if ident.isprintable() else None
    if row is not None:
        return label_seq(db, row.seq), row.document
    if into := find_survivor(db, "event", ident) if ident.isprintable() else None:
        raise MovedError(f"/v1/events/{quote_id(into)}")
    return None


def _require_current_document(db: Connection, ident: str, expected: Preconditions | None) -> str:
    current = find_current_event(db, ident)
    if current is None:
        raise NotFoundError("No event has that id; POST /v1/events creates one.")
    if expected is not None:
        expected.require_match(*current)
    return current[1]


def _require_current_event(
    db: Connection, ident: str, expected: Preconditions | None
) -> EventDocumentRecord:
    return decode_event_document(_require_current_document(db, ident, expected))


def overwrite_event(
    db: Connection, expected: Preconditions, ident: str, sent: object, by: Writer
) -> Outcome:
    """Replace an event by the one that was sent, or create it where it does not exist.

    Raises `OutdatedError` where `If-Match` or the sent `revision` is not the current one.
    """
    body = _parse_event_body(ident, sent)
    current = find_current_event(db, ident)
    expected.require_match(*(current or (None, None)))
    if current is not None and body.revision is not None:
        stored = decode_event_document(current[1])
        if stored.revision != body.revision:
            raise OutdatedError(f'"{current[0].label}"', current[1])
    return _write_event(db, ident, body, by, None if current is None else current[1])


def _parse_event_body(ident: str, sent: object) -> EventBody:
    dataset, _, key = ident.partition(":")
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object")])
    body = validate_part(
        EVENT_BODY, {"dataset": dataset, "key": key} | sent, ["body"]
    ).require_value()
    if (body.dataset, body.key) != (dataset, key):
        fault = Fault(loc=["body", "key"], message="does not match the event in the path")
        raise InvalidBodyError([fault])
    return body


def _write_event(
    db: Connection, ident: str, body: EventBody, by: Writer, document_before: str | None
) -> Outcome:
    status = None if document_before is None else decode_event_document(document_before).status
    if faults := list(_check_reason(body, ["body"], by, status)):
        raise InvalidBodyError(faults)
    resolver = EventNameResolver(db, by)
    record = resolver.resolve_names(body, ["body"], document_before)
    if resolver.faults or record is None:
        raise InvalidBodyError(resolver.faults)
    resolver.write_new_sources()
    return write_one_event(db, ident, record, by, document_before)


def write_one_event(
    db: Connection, ident: str, record: EventRecord, by: Writer, document_before: str | None
) -> Outcome:
    """Write one event, unless the stored document is the same already."""
    made = write_resolved_events(db, [(ident, record)], by, unless_same=document_before is not None)
    return _build_event_outcome(db, ident, 200 if document_before is not None or not made else 201)


def apply_event_patch(
    db: Connection, expected: Preconditions, ident: str, sent: object, by: Writer
) -> Outcome:
    """Apply a merge patch (RFC 7396) to the input that an event was made from."""
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object: a merge patch")])
    document = _require_current_document(db, ident, expected)
    event = decode_event_document(document)
    fields = msgspec.to_builtins(input_from_document(event, read_source_grades(db, [event])))
    target = {"dataset": event.dataset, **fields, "revision": event.revision}
    body = _parse_event_body(ident, apply_merge_patch(target, sent))
    if body.revision != event.revision:
        raise _build_outdated_error(db, ident)
    return _write_event(db, ident, body, by, document)


def _build_outdated_error(db: Connection, ident: str) -> OutdatedError:
    row = db.execute(queries.select_event(ident)).one()
    return OutdatedError(f'"{label_seq(db, row.seq).label}"', row.document)


def mark_event_retracted(
    db: Connection, expected: Preconditions, ident: str, by: Writer
) -> Outcome:
    """Retract an event: it stays readable and is left out of counts."""
    document = _require_current_document(db, ident, expected)
    event = decode_event_document(document)
    record = input_from_document(event, read_source_grades(db, [event]))
    record.status = "retracted"
    return write_one_event(db, ident, record, by, document)


def merge_duplicate_events(
    db: Connection, expected: Preconditions, ident: str, sent: MergeBody, by: Writer
) -> Outcome:
    """Merge duplicate events into one that gets the reports and tags of all.

    Raises `ConflictError` where one of them is retracted or the result exceeds the limits.
    """
    survivor, losers = find_merge_targets(
        "event", ident, sent, lambda one: find_current_event(db, one)
    )
    kept = _require_current_event(db, survivor, expected if survivor == ident else None)
    gone = [_require_current_event(db, one, expected if one == ident else None) for one in losers]
    known = read_source_grades(db, [kept, *gone])
    if "retracted" in {kept.status, *(e.status for e in gone)}:
        raise ConflictError("A retracted event cannot be merged; restore it first.")
    whole = input_from_document(kept, known)
    reports: dict[tuple[str, str | None], ReportRecord] = {}
    for one in (whole, *(input_from_document(e, known) for e in gone)):
        for report in one.reports:
            reports.setdefault((str(report.source), report.locator), report)
    tags = sorted({*kept.tags, *(tag for e in gone for tag in e.tags)})
    if len(reports) > MOST_REPORTS or len(tags) > MOST_TAGS:
        limits = f"{MOST_REPORTS} reports and {MOST_TAGS} tags"
        raise ConflictError(f"The merged event would have more than {limits}.")
    whole.reports, whole.tags = list(reports.values()), tags
    write_resolved_events(db, [(survivor, whole)], by, unless_same=True)
    end_merged_events(db, gone, survivor, by)
    return _build_event_outcome(db, survivor, 200)


def end_merged_events(
    db: Connection, gone: Sequence[EventDocumentRecord], survivor: str, by: Writer
) -> None:
    """End events that were merged into another; their ids lead to the survivor."""
    revisions = read_latest_revision_numbers(db, "event", [e.id for e in gone])
    entries = []
    for event in gone:
        event.status = "retracted"
        event.revision = revisions[event.id] + 1
        event.recorded_at = current_write_transaction(db).instant
        entries.append(NewRevision(event.id, encode_event_document(event), "merge"))
    seqs = append_revisions(db, "event", entries, by, latest_numbers=revisions)
    remove_event_rows(db, [e.id for e in gone])
    for event, seq in zip(gone, seqs, strict=True):
        record_merge(db, "event", event.id, survivor, seq)
