"""Verification of stored sources: each is compared with the schema."""

from collections.abc import Iterator

from pydantic import ValidationError
from sqlalchemy import Connection, select

from app.db.dialect.stored_document import document_of
from app.db.tables import revisions, sources
from app.sources.schemas import Source


def find_source_faults(db: Connection) -> Iterator[str]:
    """Describe every source that the present rules would refuse, one a line."""
    documents = select(sources.c.id, document_of(revisions)).join(
        revisions, revisions.c.seq == sources.c.seq
    )
    for ident, document in db.execute(documents.order_by(sources.c.id)):
        if (error := find_source_error(document)) is not None:
            yield f"source {ident!r}: {error}; entente db rerender mends ids and addresses"


def find_source_error(document: str) -> str | None:
    """Return which rule a stored source breaks, or None if it breaks none."""
    try:
        Source.model_validate_json(document)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))} {first['msg'].removeprefix('Value error, ')}"
    return None
