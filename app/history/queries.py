"""Queries on revisions; statements are built here, the caller runs them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, select

from app.db.dialect.stored_document import document_of
from app.db.revision_rows import instant_of
from app.db.tables import moved, revisions

R = revisions.c
CHANGE_FIELDS = [
    *(R[n] for n in ("seq", "action", "kind", "id", "revision", "by", "reason", "derived")),
    instant_of(revisions),
]


def select_document_revisions(kind: str, ident: str, after: int, limit: int) -> Select[Any]:
    """Select the revisions of a document in order, each with its document and the previous one."""
    before = revisions.alias("before")
    earlier = and_(
        before.c.kind == R.kind, before.c.id == R.id, before.c.revision == R.revision - 1
    )
    found = select(*CHANGE_FIELDS, document_of(revisions), document_of(before, "before"))
    found = found.select_from(revisions.outerjoin(before, earlier))
    return (
        found.where(R.kind == kind, R.id == ident, R.revision > after)
        .order_by(R.revision)
        .limit(limit + 1)
    )


def select_merges(seqs: Sequence[int]) -> Select[int, str]:
    """Select (seq, into) of the merges among some changes."""
    return select(moved.c.seq, moved.c.into).where(moved.c.seq.in_(seqs))


def select_changes(
    after: int,
    kinds: Sequence[str],
    visible: Sequence[ColumnElement[bool]],
    *,
    ids: Sequence[str] = (),
    derived: bool,
    documents: bool,
    before: bool,
    limit: int,
) -> Select[Any]:
    """Select revisions after a `seq`, in the order in which they were written.

    `visible` are the conditions of those that the reader may see. With `before`, each has the `seq`
    of the previous revision of the same document.
    """
    columns: list[ColumnElement[Any]] = [*CHANGE_FIELDS]
    if documents:
        columns.append(document_of(revisions))
    source: FromClause = revisions
    if before:
        b = revisions.alias("before")
        earlier = and_(b.c.kind == R.kind, b.c.id == R.id, b.c.revision == R.revision - 1)
        columns.append(b.c.seq.label("before"))
        source = revisions.outerjoin(b, earlier)
    found = select(*columns).select_from(source).where(R.seq > after, *visible)
    if kinds:
        found = found.where(R.kind.in_(kinds))
    if ids:
        found = found.where(R.id.in_(ids))
    if not derived:
        found = found.where(R.derived.is_(False))
    return found.order_by(R.seq).limit(limit)


def select_last_revisions(first: int, last: int, after: int, limit: int) -> Select[Any]:
    """Select the last revision of each event that changed between two versions, after a `seq`.

    Each has the `seq` that the event had at the first version, as `before`.
    """
    later, earlier = revisions.alias("later").c, revisions.alias("earlier").c
    same = (later.kind == R.kind, later.id == R.id, later.revision > R.revision)
    superseded = exists().where(*same, later.seq <= last)
    before = select(func.max(earlier.seq)).where(
        earlier.kind == R.kind, earlier.id == R.id, earlier.seq <= first
    )
    return (
        select(*CHANGE_FIELDS, before.scalar_subquery().label("before"))
        .where(R.kind == "event", R.seq > max(first, after), R.seq <= last, ~superseded)
        .order_by(R.seq)
        .limit(limit)
    )


def select_documents_by_seq(seqs: Sequence[int]) -> Select[int, str]:
    """Select (seq, document) of some revisions."""
    return select(R.seq, document_of(revisions)).where(R.seq.in_(seqs))
