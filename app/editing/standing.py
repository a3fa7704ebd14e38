"""Create, replace, patch and retract: actors, memberships, sources and datasets alike."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from fastapi import Request
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Connection, select

from app.db.journal import Writer, numbers, survivor_of
from app.db.worlds import with_documents
from app.editing.merge_patch import patched
from app.editing.outcome import Outcome, require_match
from app.editing.settle import Loc, taken
from app.http.body import Checked, valid
from app.http.problems import (
    MOST_FAULTS_OF_BODY,
    ConflictError,
    Fault,
    InvalidBodyError,
    MissingError,
    MovedError,
)
from app.http.record import Shelf

M = TypeVar("M", bound=BaseModel)
MOST = 1000


@dataclass(frozen=True, slots=True)
class Kept(Generic[M]):
    """A kind of document, and what its writes need to know."""

    shelf: Shelf
    model: type[M]
    ident: Callable[[M], str]
    write: Callable[[Connection, Sequence[M], Writer], None]
    retract: Callable[[Connection, M, Writer], int]
    settle: Callable[[Connection, M], M]
    """With names looked up; raises `InvalidBodyError` with loc relative to the document."""
    uses: Callable[[Connection, M], Iterator[str]]
    """What still names it, in words; a document that is named cannot be retracted."""
    follow: Callable[[Connection, M | None, M, Writer], None]
    """Render again what shows it: what stood before, what stands now."""
    clashes: Callable[[Sequence[M]], Iterator[tuple[int, Fault]]] = lambda _: iter(())
    """What documents of one batch claim that others before them in it claim."""
    read_only: tuple[str, ...] = ()
    """Fields that its answers have beside those of the model."""


def _checked(kept: Kept[M], db: Connection, sent: Any, at: Loc) -> tuple[M | None, list[Fault]]:
    if isinstance(sent, dict):
        sent = {name: value for name, value in sent.items() if name not in kept.read_only}
    checked: Checked[M] = valid(_adapter(kept.model), sent, at)
    if checked.value is None:
        return None, checked.faults
    try:
        return kept.settle(db, checked.value), []
    except InvalidBodyError as wrong:
        return None, [_placed(fault, at) for fault in wrong.faults]


@cache
def _adapter(model: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _placed(fault: Fault, at: Loc) -> Fault:
    return fault.model_copy(update={"loc": [*at, *fault.loc]})


def create(kept: Kept[M], db: Connection, sent: Any, by: Writer) -> Outcome:
    """Write new documents: all of them, or none and every fault."""
    several = sent if isinstance(sent, list) else [sent]
    if not 1 <= len(several) <= MOST:
        raise InvalidBodyError([Fault(loc=["body"], message=f"must be 1 to {MOST} documents")])
    locs: list[Loc] = [["body", n] if several is sent else ["body"] for n in range(len(several))]
    given: list[M] = []
    faults: list[Fault] = []
    for one, at in zip(several, locs, strict=True):
        if len(faults) >= MOST_FAULTS_OF_BODY:
            break
        made, wrong = _checked(kept, db, one, at)
        faults += wrong
        given += [made] if made is not None else []
    if not faults:
        faults = [_placed(fault, locs[n]) for n, fault in kept.clashes(given)]
    if faults:
        raise InvalidBodyError(faults)
    ids = [kept.ident(one) for one in given]
    if clashes := list(taken(db, kept.shelf.kind, ids, locs)):
        raise InvalidBodyError(clashes, 409)
    kept.write(db, given, by)
    for one in given:
        kept.follow(db, None, one, by)
    if several is not sent:
        return shown(kept.shelf, db, ids[0], 201)
    return Outcome(201, f'{{"data":[{",".join(one.model_dump_json() for one in given)}]}}')


def standing(shelf: Shelf, db: Connection, ident: str) -> tuple[int, str] | None:
    """(seq, document) of what stands; `MovedError` where it was merged."""

    def build(t: Any) -> Any:
        return select(t.seq).where(t[shelf.key] == ident)

    if not ident.isprintable():
        return None
    if into := survivor_of(db, shelf.kind, ident):
        raise MovedError(f"{shelf.path}/{quote(into)}")
    row = db.execute(with_documents(None, shelf.table, build)).one_or_none()
    return None if row is None else (row.seq, row.document)


def shown(shelf: Shelf, db: Connection, ident: str, status: int) -> Outcome:
    """What stands, as an answer."""
    held = standing(shelf, db, ident)
    assert held is not None
    headers = {"ETag": f'"{held[0]}"'}
    if status == 201:
        headers["Location"] = f"{shelf.path}/{quote(ident)}"
    return Outcome(status, held[1], headers)


def replace(
    kept: Kept[M], db: Connection, request: Request, ident: str, sent: Any, by: Writer
) -> Outcome:
    """Write a document as sent, in place of what stands; where nothing does, create it."""
    held = standing(kept.shelf, db, ident)
    require_match(request, *(held or (None, None)))
    return _write(kept, db, ident, sent, by, None if held is None else held[1])


def patch(
    kept: Kept[M], db: Connection, request: Request, ident: str, sent: Any, by: Writer
) -> Outcome:
    """Apply a merge patch to a document."""
    seq, document = stands(kept.shelf, db, ident)
    require_match(request, seq, document)
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object: a merge patch")])
    return _write(kept, db, ident, patched(json.loads(document), sent), by, document)


def stands(shelf: Shelf, db: Connection, ident: str) -> tuple[int, str]:
    """(seq, document) of what stands; `MissingError` where nothing does."""
    held = standing(shelf, db, ident)
    if held is None:
        raise MissingError(f"No {shelf.kind} has that id; POST {shelf.path} creates one.")
    return held


def _write(
    kept: Kept[M], db: Connection, ident: str, sent: Any, by: Writer, stood: str | None
) -> Outcome:
    made, faults = _checked(kept, db, sent, ["body"])
    if made is None:
        raise InvalidBodyError(faults)
    if kept.ident(made) != ident:
        message = f"is another {kept.shelf.kind} than the one in the path"
        raise InvalidBodyError([Fault(loc=["body", kept.shelf.key], message=message)])
    before = None if stood is None else kept.model.model_validate_json(stood)
    if before == made:
        return shown(kept.shelf, db, ident, 200)
    kept.write(db, [made], by)
    kept.follow(db, before, made, by)
    created = before is None and not numbers(db, kept.shelf.kind, [ident]).get(ident, 0) > 1
    return shown(kept.shelf, db, ident, 201 if created else 200)


def retract(kept: Kept[M], db: Connection, request: Request, ident: str, by: Writer) -> Outcome:
    """Take a document out of what stands, where nothing names it; its history stays."""
    seq, document = stands(kept.shelf, db, ident)
    require_match(request, seq, document)
    held = kept.model.model_validate_json(document)
    if named := list(kept.uses(db, held)):
        raise ConflictError(f"It is named by {', '.join(named)}. Merge it instead, or mend those.")
    gone = kept.retract(db, held, by)
    return Outcome(200, document, {"ETag": f'"{gone}"'})
