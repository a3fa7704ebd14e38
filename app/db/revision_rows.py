"""Write revisions in bulk, their documents packed."""

from collections.abc import Sequence

from sqlalchemy import Connection, FromClause, Label, func, select

from app.db.dialect.bulk_copy import bulk_insert
from app.db.dictionaries import pack_documents
from app.db.tables import commits, revisions

RevisionValues = tuple[int, str, str, int, str, str, str, str | None, bytes, bool]
NO_INSTANT = ""
"""The instant of a revision that is that of its commit, which would be a tenth of a row."""
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


def instant_of(revision: FromClause, name: str = "at") -> Label[str]:
    """Select the instant at which a revision was written, of `revisions` or of an alias of it."""
    of_commit = select(commits.c.at).where(commits.c.seq >= revision.c.seq)
    of_commit = of_commit.order_by(commits.c.seq).limit(1).correlate(revision)
    own = func.nullif(revision.c.own_instant, NO_INSTANT)
    return func.coalesce(own, of_commit.scalar_subquery()).label(name)
