"""Create, replace, patch and retract actors, memberships, sources and datasets."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Connection, select

from app.db.document_table import DocumentTable
from app.db.journal import Writer, find_survivor, label_seq, read_latest_revision_numbers
from app.db.versioning import select_with_documents
from app.editing.merge_patch import apply_merge_patch
from app.editing.outcome import Outcome
from app.editing.preconditions import Preconditions
from app.editing.resolve_names import Loc, find_taken_ids
from app.errors import (
    ConflictError,
    ConflictingBodyError,
    Fault,
    InvalidBodyError,
    MovedError,
    NotFoundError,
)
from app.lineages import Version
from app.text import quote_id
from app.validation import MAX_BODY_FAULTS, ValidationOutcome, validate_part

M = TypeVar("M", bound=BaseModel)
MAX_DOCUMENTS = 1000
"""The most documents in one request."""


@dataclass(frozen=True, slots=True)
class DocumentType(Generic[M]):
    """A type of document, with the functions that its writes need."""

    stored: DocumentTable
    model: type[M]
    id_of: Callable[[M], str]
    write: Callable[[Connection, Sequence[M], Writer], None]
    retract: Callable[[Connection, M, Writer], int]
    resolve: Callable[[Connection, M], M]
    """Resolves names; raises `InvalidBodyError` with loc relative to the document."""
    list_uses: Callable[[Connection, M], Iterator[str]]
    """Yields what still names the document, in words; while anything does, it is not retracted."""
    rerender: Callable[[Connection, M | None, M, Writer], None]
    """Renders the documents again that show it; takes the document before and after the write."""
    find_batch_conflicts: Callable[[Sequence[M]], Iterator[tuple[int, Fault]]] = lambda _: iter(())
    """Yields (index, fault) for each conflict between documents of one batch."""
    read_only: tuple[str, ...] = ()
    """Fields of its answers that the model lacks; they are ignored where an answer is sent back."""


def _check_document(
    kept: DocumentType[M], db: Connection, sent: object, at: Loc
) -> tuple[M | None, list[Fault]]:
    if isinstance(sent, dict):
        sent = {name: value for name, value in sent.items() if name not in kept.read_only}
    checked: ValidationOutcome[M] = validate_part(_get_adapter(kept.model), sent, at)
    if checked.value is None:
        return None, checked.faults
    try:
        return kept.resolve(db, checked.value), []
    except InvalidBodyError as wrong:
        return None, [_prefix_fault(fault, at) for fault in wrong.faults]


@cache
def _get_adapter(model: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _prefix_fault(fault: Fault, at: Loc) -> Fault:
    return fault.model_copy(update={"loc": [*at, *fault.loc]})


def create_documents(kept: DocumentType[M], db: Connection, sent: object, by: Writer) -> Outcome:
    """Write new documents: all of them, or none. Raises `InvalidBodyError` with every fault."""
    several = sent if isinstance(sent, list) else [sent]
    if not 1 <= len(several) <= MAX_DOCUMENTS:
        raise InvalidBodyError(
            [Fault(loc=["body"], message=f"must be 1 to {MAX_DOCUMENTS} documents")]
        )
    locs: list[Loc] = [["body", n] if several is sent else ["body"] for n in range(len(several))]
    documents: list[M] = []
    faults: list[Fault] = []
    for one, at in zip(several, locs, strict=True):
        if len(faults) >= MAX_BODY_FAULTS:
            break
        made, wrong = _check_document(kept, db, one, at)
        faults += wrong
        documents += [made] if made is not None else []
    if not faults:
        faults = [
            _prefix_fault(fault, locs[n]) for n, fault in kept.find_batch_conflicts(documents)
        ]
    if faults:
        raise InvalidBodyError(faults)
    ids = [kept.id_of(one) for one in documents]
    if clashes := list(find_taken_ids(db, kept.stored.kind, ids, locs)):
        raise ConflictingBodyError(clashes)
    kept.write(db, documents, by)
    for one in documents:
        kept.rerender(db, None, one, by)
    if several is not sent:
        return build_document_outcome(kept.stored, db, ids[0], 201)
    return Outcome(201, f'{{"data":[{",".join(one.model_dump_json() for one in documents)}]}}')


def find_current_document(
    stored: DocumentTable, db: Connection, ident: str
) -> tuple[Version, str] | None:
    """Return (seq, document) of the current document, or None; `MovedError` where it was merged."""

    def build_select(t: Any) -> Any:
        return select(t.seq).where(t[stored.id_column] == ident)

    if not ident.isprintable():
        return None
    if into := find_survivor(db, stored.kind, ident):
        raise MovedError(f"{stored.path}/{quote_id(into)}")
    row = db.execute(select_with_documents(None, stored.table, build_select)).one_or_none()
    return None if row is None else (label_seq(db, row.seq), row.document)


def build_document_outcome(
    stored: DocumentTable, db: Connection, ident: str, status: int
) -> Outcome:
    """Build the answer to a write from the current document."""
    current = find_current_document(stored, db, ident)
    assert current is not None
    headers = {"ETag": f'"{current[0].label}"'}
    if status == 201:
        headers["Location"] = f"{stored.path}/{quote_id(ident)}"
    return Outcome(status, current[1], headers)


def replace_document(
    kept: DocumentType[M],
    db: Connection,
    expected: Preconditions,
    ident: str,
    sent: object,
    by: Writer,
) -> Outcome:
    """Replace a document by the one that was sent, or create it where it does not exist."""
    current = find_current_document(kept.stored, db, ident)
    expected.require_match(*(current or (None, None)))
    return _write_document(kept, db, ident, sent, by, None if current is None else current[1])


def patch_document(
    kept: DocumentType[M],
    db: Connection,
    expected: Preconditions,
    ident: str,
    sent: object,
    by: Writer,
) -> Outcome:
    """Apply a merge patch (RFC 7396) to a document."""
    seq, document = require_current_document(kept.stored, db, ident)
    expected.require_match(seq, document)
    if not isinstance(sent, dict):
        raise InvalidBodyError([Fault(loc=["body"], message="must be an object: a merge patch")])
    return _write_document(
        kept, db, ident, apply_merge_patch(json.loads(document), sent), by, document
    )


def require_current_document(
    stored: DocumentTable, db: Connection, ident: str
) -> tuple[Version, str]:
    """Return (seq, document) of the current document; `NotFoundError` where there is none."""
    current = find_current_document(stored, db, ident)
    if current is None:
        raise NotFoundError(f"No {stored.kind} has that id; POST {stored.path} creates one.")
    return current


def _write_document(
    kept: DocumentType[M],
    db: Connection,
    ident: str,
    sent: object,
    by: Writer,
    document_before: str | None,
) -> Outcome:
    made, faults = _check_document(kept, db, sent, ["body"])
    if made is None:
        raise InvalidBodyError(faults)
    if kept.id_of(made) != ident:
        message = f"does not match the {kept.stored.kind} in the path"
        raise InvalidBodyError([Fault(loc=["body", kept.stored.id_column], message=message)])
    before = None if document_before is None else kept.model.model_validate_json(document_before)
    if before == made:
        return build_document_outcome(kept.stored, db, ident, 200)
    kept.write(db, [made], by)
    kept.rerender(db, before, made, by)
    created = (
        before is None
        and not read_latest_revision_numbers(db, kept.stored.kind, [ident]).get(ident, 0) > 1
    )
    return build_document_outcome(kept.stored, db, ident, 201 if created else 200)


def retract_document(
    kept: DocumentType[M], db: Connection, expected: Preconditions, ident: str, by: Writer
) -> Outcome:
    """Retract a document that no other names; its history stays readable."""
    seq, document = require_current_document(kept.stored, db, ident)
    expected.require_match(seq, document)
    current = kept.model.model_validate_json(document)
    if named := list(kept.list_uses(db, current)):
        raise ConflictError(
            f"It is named by {', '.join(named)}. Merge it instead, or change those first."
        )
    gone = kept.retract(db, current, by)
    return Outcome(200, document, {"ETag": f'"{label_seq(db, gone).label}"'})
