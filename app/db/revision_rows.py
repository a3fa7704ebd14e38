"""Write revisions in bulk, their documents packed."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.db.dialect.bulk_copy import bulk_insert
from app.db.dictionaries import pack_documents
from app.db.tables import revisions

RevisionValues = tuple[int, str, str, int, str, str, str, str | None, bytes, bool]
COLUMNS = (
    "seq", "kind", "id", "revision", "action", "at", "by", "reason", "document", "derived",
    "packed",
)  # fmt: skip


def insert_revisions(db: Connection, kind: str, rows: Sequence[RevisionValues], at: str) -> None:
    """Insert revisions of documents of one kind, written at an instant.

    Their rows are in the order of the columns, as far as `derived`; documents are bytes.
    """
    frames = pack_documents(db, kind, [(row[2], row[8]) for row in rows], at) if rows else []
    if not any(frames):
        bulk_insert(db, revisions.name, COLUMNS[:-1], rows)
        return
    stored = [
        (*row, None) if frame is None else (*row[:8], b"", row[9], frame)
        for row, frame in zip(rows, frames, strict=True)
    ]
    bulk_insert(db, revisions.name, COLUMNS, stored)
