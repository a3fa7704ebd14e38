"""Verification of memberships: the row of each revision is compared with its document."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.actors.changes import build_membership_row
from app.actors.schemas import Membership
from app.db.dialect.stored_document import document_of
from app.db.tables import HISTORY_TABLES, memberships, revisions


def find_membership_faults(db: Connection) -> Iterator[str]:
    """Describe every row of a membership that differs from its document, now or in the past."""
    for table in (memberships, HISTORY_TABLES[memberships]):
        columns = [table.c[column.name] for column in memberships.columns if column.name != "seq"]
        rows = select(*columns, document_of(revisions)).join(
            revisions, revisions.c.seq == table.c.seq
        )
        for *values, document in db.execute(rows.order_by(table.c.id, table.c.seq)):
            stored = dict(zip((column.name for column in columns), values, strict=True))
            if stored != build_membership_row(Membership.model_validate_json(document)):
                yield f"membership {stored['id']!r}: its row differs from its document"
