"""What editors do with events: create, replace, patch, retract, merge."""

from collections.abc import Iterator, Sequence
from typing import Any
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
"""Events in one request."""
BODY = TypeAdapter(EventBody)


def bodies(value: Any) -> tuple[list[EventBody], list[Loc]]:
    """One event or several, as sent, and where each stands; every fault at once."""
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
    """Write new events: all of them, or none and every fault."""
    ids = [f"{body.dataset}:{named(body)}" for body in sent]
    if faults := [f for body, at in zip(sent, locs, strict=True) for f in _unsaid(body, at, by)]:
        raise InvalidBodyError(faults)
    settling = Settling(db, by)
    given = []
    for body, at in zip(sent, locs, strict=True):
        if len(settling.faults) < MOST_FAULTS_OF_BODY:
            given.append(settling.settle(body, at))
    if settling.faults:
        raise InvalidBodyError(settling.faults)
    settling.make_sources()
    if clashes := list(taken(db, "event", ids, locs)):
        raise InvalidBodyError(clashes, 409)
    made = put(db, list(zip(ids, given, strict=True)), by)
    if single:
        return _shown(db, ids[0], 201)
    told = ",".join(e.model_dump_json(by_alias=True) for e in made)
    return Outcome(201, f'{{"data":[{told}]}}')


def _unsaid(body: EventBody, at: Loc, by: Writer, stood: str | None = None) -> Iterator[Fault]:
    """That whoever retracts says why, and says it where it is kept."""
    if body.reason is not None:
        hint = "A request has one reason: say it in ?reason=."
        yield Fault(loc=[*at, "reason"], message="is not kept for one of several", hint=hint)
    if body.status == "retracted" != stood and by.reason is None:
        hint = "A retraction says why: send a reason beside it, or ?reason=."
        yield Fault(loc=[*at, "reason"], message="is required", hint=hint)


def _shown(db: Connection, ident: str, status: int) -> Outcome:
    row = db.execute(queries.one(ident)).one()
    headers = {"ETag": f'"{row.seq}"'}
    if status == 201:
        headers["Location"] = f"/v1/events/{quote(ident)}"
    return Outcome(status, row.document, headers)


def standing(db: Connection, ident: str) -> tuple[int, str] | None:
    """(seq, document) of an event; None where there is none; `MovedError` where it was merged."""
    row = db.execute(queries.one(ident)).one_or_none() if ident.isprintable() else None
    if row is not None:
        return row.seq, row.document
    if into := survivor_of(db, "event", ident) if ident.isprintable() else None:
        raise MovedError(f"/v1/events/{quote(into)}")
    return None


def _stands(db: Connection, ident: str, request: Request | None) -> Event:
    held = standing(db, ident)
    if held is None:
        raise MissingError("No event has that id; POST /v1/events creates one.")
    if request is not None:
        require_match(request, *held)
    return Event.model_validate_json(held[1])


def replace(db: Connection, request: Request, ident: str, sent: Any, by: Writer) -> Outcome:
    """Write an event as sent, in place of what stands; where nothing does, create it."""
    body = _body(ident, sent)
    held = standing(db, ident)
    require_match(request, *(held or (None, None)))
    if held is not None and body.revision is not None:
        stands = Event.model_validate_json(held[1])
        if stands.revision != body.revision:
            raise OutdatedError(f'"{held[0]}"', held[1])
    return _write(db, ident, body, by, None if held is None else held[1])


def _body(ident: str, sent: Any) -> EventBody:
    dataset, _, key = ident.partition(":")
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object")])
    body = valid(BODY, {"dataset": dataset, "key": key} | sent, ["body"]).good()
    if (body.dataset, body.key) != (dataset, key):
        fault = Fault(loc=["body", "key"], message="is another event than the one in the path")
        raise InvalidBodyError([fault])
    return body


def _write(db: Connection, ident: str, body: EventBody, by: Writer, stands: str | None) -> Outcome:
    status = None if stands is None else Event.model_validate_json(stands).status
    if faults := list(_unsaid(body, ["body"], by, status)):
        raise InvalidBodyError(faults)
    settling = Settling(db, by)
    given = settling.settle(body, ["body"])
    if settling.faults:
        raise InvalidBodyError(settling.faults)
    settling.make_sources()
    return put_one(db, ident, given, by, stands)


def put_one(
    db: Connection, ident: str, given: GivenEvent, by: Writer, stands: str | None
) -> Outcome:
    """Write one event, unless it stands so already."""
    made = put(db, [(ident, given)], by, unless_same=stands is not None)
    return _shown(db, ident, 200 if stands is not None or not made else 201)


def patch(db: Connection, request: Request, ident: str, sent: Any, by: Writer) -> Outcome:
    """Apply a merge patch to the event as it was given."""
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object: a merge patch")])
    event = _stands(db, ident, request)
    given = given_of(event, grades(db, [event])).model_dump(by_alias=True, mode="json")
    target = {"dataset": event.dataset, **given, "revision": event.revision}
    body = _body(ident, patched(target, sent))
    if body.revision != event.revision:
        raise _outdated(db, ident)
    return _write(db, ident, body, by, event.model_dump_json(by_alias=True))


def _outdated(db: Connection, ident: str) -> OutdatedError:
    row = db.execute(queries.one(ident)).one()
    return OutdatedError(f'"{row.seq}"', row.document)


def retract(db: Connection, request: Request, ident: str, by: Writer) -> Outcome:
    """Retract an event: it stays readable, and counts no more."""
    event = _stands(db, ident, request)
    given = given_of(event, grades(db, [event])).model_copy(update={"status": "retracted"})
    return put_one(db, ident, given, by, event.model_dump_json(by_alias=True))


def merge(db: Connection, request: Request, ident: str, sent: MergeBody, by: Writer) -> Outcome:
    """Merge duplicates: one event goes on with the reports and tags of all."""
    survivor, losers = sides("event", ident, sent, lambda one: standing(db, one))
    kept = _stands(db, survivor, request if survivor == ident else None)
    gone = [_stands(db, one, request if one == ident else None) for one in losers]
    known = grades(db, [kept, *gone])
    if "retracted" in {kept.status, *(e.status for e in gone)}:
        raise ConflictError("A retracted event takes no part in a merge; restore it first.")
    given = given_of(kept, known)
    reports: dict[tuple[str, str | None], GivenReport] = {}
    for one in (given, *(given_of(e, known) for e in gone)):
        for report in one.reports:
            reports.setdefault((report.source, report.locator), report)
    tags = sorted({*kept.tags, *(tag for e in gone for tag in e.tags)})
    if len(reports) > MOST_REPORTS or len(tags) > MOST_TAGS:
        limits = f"{MOST_REPORTS} reports and {MOST_TAGS} tags"
        raise ConflictError(f"Together they have more than {limits}, the most of one event.")
    whole = given.model_copy(update={"reports": list(reports.values()), "tags": tags})
    put(db, [(survivor, whole)], by, unless_same=True)
    _end(db, gone, survivor, by)
    return _shown(db, survivor, 200)


def _end(db: Connection, gone: Sequence[Event], survivor: str, by: Writer) -> None:
    held = numbers(db, "event", [e.id for e in gone])
    entries = []
    for event in gone:
        changed = {"status": "retracted", "revision": held[event.id] + 1}
        last = event.model_copy(update={**changed, "recorded_at": moment(db).at})
        entries.append(Entry(event.id, last.model_dump_json(by_alias=True), "merge"))
    seqs = append(db, "event", entries, by, held=held)
    take_out(db, [e.id for e in gone])
    for event, seq in zip(gone, seqs, strict=True):
        note_merge(db, "event", event.id, survivor, seq)
