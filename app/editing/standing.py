"""Create, replace, patch and retract actors, memberships, sources and datasets."""

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
"""The most documents in one request."""


@dataclass(frozen=True, slots=True)
class Kept(Generic[M]):
    """A type of document, with the functions that its writes need."""

    shelf: Shelf
    model: type[M]
    ident: Callable[[M], str]
    write: Callable[[Connection, Sequence[M], Writer], None]
    retract: Callable[[Connection, M, Writer], int]
    settle: Callable[[Connection, M], M]
    """Resolves names; raises `InvalidBodyError` with loc relative to the document."""
    uses: Callable[[Connection, M], Iterator[str]]
    """Yields what still names the document, in words; while anything does, it is not retracted."""
    follow: Callable[[Connection, M | None, M, Writer], None]
    """Renders the documents again that show it; takes the document before and after the write."""
    clashes: Callable[[Sequence[M]], Iterator[tuple[int, Fault]]] = lambda _: iter(())
    """Yields (index, fault) for each conflict between documents of one batch."""
    read_only: tuple[str, ...] = ()
    """Fields of its answers that the model lacks; they are ignored where an answer is sent back."""


def _checked(kept: Kept[M], db: Connection, sent: object, at: Loc) -> tuple[M | None, list[Fault]]:
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


def create(kept: Kept[M], db: Connection, sent: object, by: Writer) -> Outcome:
    """Write new documents: all of them, or none. Raises `InvalidBodyError` with every fault."""
    several = sent if isinstance(sent, list) else [sent]
    if not 1 <= len(several) <= MOST:
        raise InvalidBodyError([Fault(loc=["body"], message=f"must be 1 to {MOST} documents")])
    locs: list[Loc] = [["body", n] if several is sent else ["body"] for n in range(len(several))]
    documents: list[M] = []
    faults: list[Fault] = []
    for one, at in zip(several, locs, strict=True):
        if len(faults) >= MOST_FAULTS_OF_BODY:
            break
        made, wrong = _checked(kept, db, one, at)
        faults += wrong
        documents += [made] if made is not None else []
    if not faults:
        faults = [_placed(fault, locs[n]) for n, fault in kept.clashes(documents)]
    if faults:
        raise InvalidBodyError(faults)
    ids = [kept.ident(one) for one in documents]
    if clashes := list(taken(db, kept.shelf.kind, ids, locs)):
        raise InvalidBodyError(clashes, 409)
    kept.write(db, documents, by)
    for one in documents:
        kept.follow(db, None, one, by)
    if several is not sent:
        return shown(kept.shelf, db, ids[0], 201)
    return Outcome(201, f'{{"data":[{",".join(one.model_dump_json() for one in documents)}]}}')


def standing(route: Shelf, db: Connection, ident: str) -> tuple[int, str] | None:
    """Return (seq, document) of the current document, or None; `MovedError` where it was merged."""

    def build(t: Any) -> Any:
        return select(t.seq).where(t[route.key] == ident)

    if not ident.isprintable():
        return None
    if into := survivor_of(db, route.kind, ident):
        raise MovedError(f"{route.path}/{quote(into)}")
    row = db.execute(with_documents(None, route.table, build)).one_or_none()
    return None if row is None else (row.seq, row.document)


def shown(route: Shelf, db: Connection, ident: str, status: int) -> Outcome:
    """Build the answer to a write from the current document."""
    current = standing(route, db, ident)
    assert current is not None
    headers = {"ETag": f'"{current[0]}"'}
    if status == 201:
        headers["Location"] = f"{route.path}/{quote(ident)}"
    return Outcome(status, current[1], headers)


def replace(
    kept: Kept[M], db: Connection, request: Request, ident: str, sent: object, by: Writer
) -> Outcome:
    """Replace a document by the one that was sent, or create it where it does not exist."""
    current = standing(kept.shelf, db, ident)
    require_match(request, *(current or (None, None)))
    return _write(kept, db, ident, sent, by, None if current is None else current[1])


def patch(
    kept: Kept[M], db: Connection, request: Request, ident: str, sent: object, by: Writer
) -> Outcome:
    """Apply a merge patch (RFC 7396) to a document."""
    seq, document = stands(kept.shelf, db, ident)
    require_match(request, seq, document)
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object: a merge patch")])
    return _write(kept, db, ident, patched(json.loads(document), sent), by, document)


def stands(route: Shelf, db: Connection, ident: str) -> tuple[int, str]:
    """Return (seq, document) of the current document; `NotFoundError` where there is none."""
    current = standing(route, db, ident)
    if current is None:
        raise MissingError(f"No {route.kind} has that id; POST {route.path} creates one.")
    return current


def _write(
    kept: Kept[M], db: Connection, ident: str, sent: object, by: Writer, document_before: str | None
) -> Outcome:
    made, faults = _checked(kept, db, sent, ["body"])
    if made is None:
        raise InvalidBodyError(faults)
    if kept.ident(made) != ident:
        message = f"does not match the {kept.shelf.kind} in the path"
        raise InvalidBodyError([Fault(loc=["body", kept.shelf.key], message=message)])
    before = None if document_before is None else kept.model.model_validate_json(document_before)
    if before == made:
        return shown(kept.shelf, db, ident, 200)
    kept.write(db, [made], by)
    kept.follow(db, before, made, by)
    created = before is None and not numbers(db, kept.shelf.kind, [ident]).get(ident, 0) > 1
    return shown(kept.shelf, db, ident, 201 if created else 200)


def retract(kept: Kept[M], db: Connection, request: Request, ident: str, by: Writer) -> Outcome:
    """Retract a document that no other names; its history stays readable."""
    seq, document = stands(kept.shelf, db, ident)
    require_match(request, seq, document)
    current = kept.model.model_validate_json(document)
    if named := list(kept.uses(db, current)):
        raise ConflictError(
            f"It is named by {', '.join(named)}. Merge it instead, or change those first."
        )
    gone = kept.retract(db, current, by)
    return Outcome(200, document, {"ETag": f'"{gone}"'})
