"""Create, replace, patch, retract and merge events inside one transaction."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from fastapi import Request
from pydantic import TypeAdapter
from sqlalchemy import Connection

from app.db.journal import Entry, Writer, append, moment, note_merge, numbers, survivor_of
from app.editing.follow import grades
from app.editing.merge_patch import patched
from app.editing.outcome import Outcome, require_match
from app.editing.schemas import EventBody, MergeBody
from app.editing.settle import Loc, Settling, named, taken
from app.editing.sides import sides
from app.events import queries
from app.events.changes import put, take_out
from app.events.given import given_of
from app.events.schemas import MOST_REPORTS, MOST_TAGS, Event, GivenEvent, GivenReport
from app.http.body import valid
from app.http.problems import (
    MOST_FAULTS_OF_BODY,
    ConflictError,
    Fault,
    InvalidBodyError,
    MissingError,
    MovedError,
    OutdatedError,
)

MOST = 1000
"""The most events in one request."""
BODY = TypeAdapter(EventBody)


def bodies(value: object) -> tuple[list[EventBody], list[Loc]]:
    """Parse a request body of one event or a list of events.

    Returns the events and the path of each in the body. Raises `InvalidBodyError` with the faults
    of all events, up to `MAX_BODY_FAULTS`.
    """
    several = value if isinstance(value, list) else [value]
    locs: list[Loc] = [["body", n] if several is value else ["body"] for n in range(len(several))]
    if not 1 <= len(several) <= MOST:
        raise InvalidBodyError([Fault(loc=["body"], message=f"must be 1 to {MOST} events")])
    found: list[EventBody] = []
    faults: list[Fault] = []
    for one, loc in zip(several, locs, strict=True):
        if len(faults) >= MOST_FAULTS_OF_BODY:
            break
        checked = valid(BODY, one, loc)
        faults += checked.faults
        found += [checked.value] if checked.value is not None else []
    if faults:
        raise InvalidBodyError(faults)
    return found, locs


def create(
    db: Connection, sent: Sequence[EventBody], locs: Sequence[Loc], by: Writer, *, single: bool
) -> Outcome:
    """Write new events: all of them, or none.

    Raises `InvalidBodyError` with every fault; its status is 409 where ids are taken. `single`
    answers with the event itself instead of a list.
    """
    ids = [f"{body.dataset}:{named(body)}" for body in sent]
    if faults := [f for body, at in zip(sent, locs, strict=True) for f in _unsaid(body, at, by)]:
        raise InvalidBodyError(faults)
    resolver = Settling(db, by)
    inputs = []
    for body, at in zip(sent, locs, strict=True):
        if len(resolver.faults) < MOST_FAULTS_OF_BODY:
            inputs.append(resolver.settle(body, at))
    if resolver.faults:
        raise InvalidBodyError(resolver.faults)
    resolver.make_sources()
    if clashes := list(taken(db, "event", ids, locs)):
        raise InvalidBodyError(clashes, 409)
    made = put(db, list(zip(ids, inputs, strict=True)), by)
    if single:
        return _shown(db, ids[0], 201)
    rendered = ",".join(e.model_dump_json(by_alias=True) for e in made)
    return Outcome(201, f'{{"data":[{rendered}]}}')


def _unsaid(
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


def _shown(db: Connection, ident: str, status: int) -> Outcome:
    row = db.execute(queries.one(ident)).one()
    headers = {"ETag": f'"{row.seq}"'}
    if status == 201:
        headers["Location"] = f"/v1/events/{quote(ident)}"
    return Outcome(status, row.document, headers)


def standing(db: Connection, ident: str) -> tuple[int, str] | None:
    """Return (seq, document) of an event, or None where no event has the id.

    Raises `MovedError` with the address of the survivor where the event was merged.
    """
    # PostgreSQL refuses a text with a NUL byte, and no stored id has characters of that kind.
    row = db.execute(queries.one(ident)).one_or_none() if ident.isprintable() else None
    if row is not None:
        return row.seq, row.document
    if into := survivor_of(db, "event", ident) if ident.isprintable() else None:
        raise MovedError(f"/v1/events/{quote(into)}")
    return None


def _stands(db: Connection, ident: str, request: Request | None) -> Event:
    current = standing(db, ident)
    if current is None:
        raise MissingError("No event has that id; POST /v1/events creates one.")
    if request is not None:
        require_match(request, *current)
    return Event.model_validate_json(current[1])


def replace(db: Connection, request: Request, ident: str, sent: object, by: Writer) -> Outcome:
    """Replace an event by the one that was sent, or create it where it does not exist.

    Raises `OutdatedError` where `If-Match` or the sent `revision` is not the current one.
    """
    body = _body(ident, sent)
    current = standing(db, ident)
    require_match(request, *(current or (None, None)))
    if current is not None and body.revision is not None:
        stored = Event.model_validate_json(current[1])
        if stored.revision != body.revision:
            raise OutdatedError(f'"{current[0]}"', current[1])
    return _write(db, ident, body, by, None if current is None else current[1])


def _body(ident: str, sent: object) -> EventBody:
    dataset, _, key = ident.partition(":")
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object")])
    body = valid(BODY, {"dataset": dataset, "key": key} | sent, ["body"]).good()
    if (body.dataset, body.key) != (dataset, key):
        fault = Fault(loc=["body", "key"], message="does not match the event in the path")
        raise InvalidBodyError([fault])
    return body


def _write(
    db: Connection, ident: str, body: EventBody, by: Writer, document_before: str | None
) -> Outcome:
    status = None if document_before is None else Event.model_validate_json(document_before).status
    if faults := list(_unsaid(body, ["body"], by, status)):
        raise InvalidBodyError(faults)
    resolver = Settling(db, by)
    event_input = resolver.settle(body, ["body"])
    if resolver.faults:
        raise InvalidBodyError(resolver.faults)
    resolver.make_sources()
    return put_one(db, ident, event_input, by, document_before)


def put_one(
    db: Connection, ident: str, event_input: GivenEvent, by: Writer, document_before: str | None
) -> Outcome:
    """Write one event, unless the stored document is the same already."""
    made = put(db, [(ident, event_input)], by, unless_same=document_before is not None)
    return _shown(db, ident, 200 if document_before is not None or not made else 201)


def patch(db: Connection, request: Request, ident: str, sent: object, by: Writer) -> Outcome:
    """Apply a merge patch (RFC 7396) to the input that an event was made from."""
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object: a merge patch")])
    event = _stands(db, ident, request)
    fields = given_of(event, grades(db, [event])).model_dump(by_alias=True, mode="json")
    target = {"dataset": event.dataset, **fields, "revision": event.revision}
    body = _body(ident, patched(target, sent))
    if body.revision != event.revision:
        raise _outdated(db, ident)
    return _write(db, ident, body, by, event.model_dump_json(by_alias=True))


def _outdated(db: Connection, ident: str) -> OutdatedError:
    row = db.execute(queries.one(ident)).one()
    return OutdatedError(f'"{row.seq}"', row.document)


def retract(db: Connection, request: Request, ident: str, by: Writer) -> Outcome:
    """Retract an event: it stays readable and is left out of counts."""
    event = _stands(db, ident, request)
    event_input = given_of(event, grades(db, [event])).model_copy(update={"status": "retracted"})
    return put_one(db, ident, event_input, by, event.model_dump_json(by_alias=True))


def merge(db: Connection, request: Request, ident: str, sent: MergeBody, by: Writer) -> Outcome:
    """Merge duplicate events into one that gets the reports and tags of all.

    Raises `ConflictError` where one of them is retracted or the result exceeds the limits.
    """
    survivor, losers = sides("event", ident, sent, lambda one: standing(db, one))
    kept = _stands(db, survivor, request if survivor == ident else None)
    gone = [_stands(db, one, request if one == ident else None) for one in losers]
    known = grades(db, [kept, *gone])
    if "retracted" in {kept.status, *(e.status for e in gone)}:
        raise ConflictError("A retracted event cannot be merged; restore it first.")
    event_input = given_of(kept, known)
    reports: dict[tuple[str, str | None], GivenReport] = {}
    for one in (event_input, *(given_of(e, known) for e in gone)):
        for report in one.reports:
            reports.setdefault((report.source, report.locator), report)
    tags = sorted({*kept.tags, *(tag for e in gone for tag in e.tags)})
    if len(reports) > MOST_REPORTS or len(tags) > MOST_TAGS:
        limits = f"{MOST_REPORTS} reports and {MOST_TAGS} tags"
        raise ConflictError(f"The merged event would have more than {limits}.")
    whole = event_input.model_copy(update={"reports": list(reports.values()), "tags": tags})
    put(db, [(survivor, whole)], by, unless_same=True)
    _end(db, gone, survivor, by)
    return _shown(db, survivor, 200)


def _end(db: Connection, gone: Sequence[Event], survivor: str, by: Writer) -> None:
    revisions = numbers(db, "event", [e.id for e in gone])
    entries = []
    for event in gone:
        changed = {"status": "retracted", "revision": revisions[event.id] + 1}
        last = event.model_copy(update={**changed, "recorded_at": moment(db).at})
        entries.append(Entry(event.id, last.model_dump_json(by_alias=True), "merge"))
    seqs = append(db, "event", entries, by, held=revisions)
    take_out(db, [e.id for e in gone])
    for event, seq in zip(gone, seqs, strict=True):
        note_merge(db, "event", event.id, survivor, seq)
