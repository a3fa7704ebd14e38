"""Rows of memberships say when a member was suspended: then it does not count for its group.

What passed with members is in the numbers of their groups, so that the dyads of those groups are
stale afterwards (decision 049).
"""

import json
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from app.actors.membership_steps import write_suspensions
from app.actors.schemas import Membership
from app.db.dialect.stored_document import document_of
from app.db.migration_steps import add_columns_apart
from app.db.packed_documents import DocumentDictionary, add_dictionary
from app.db.tables import dictionaries, revisions
from app.db.types import bytewise_text

revision = "20261203_suspended"
down_revision = "20261203_lasting"
branch_labels = None
depends_on = None

TABLES = ("memberships", "past_memberships")


def upgrade() -> None:
    for name in TABLES:
        add_columns_apart(name, sa.Column("suspended", bytewise_text()))
    if op.get_context().as_sql:
        return
    db = op.get_bind()
    for content in db.scalars(sa.select(dictionaries.c.content)):
        add_dictionary(DocumentDictionary(content))
    groups: set[str] = set()
    for name in TABLES:
        groups |= _fill_suspensions(db, name)
    _mark_dyads(db, groups)


def downgrade() -> None:
    groups: set[str] = set()
    db = op.get_bind()
    for name in TABLES:
        if not op.get_context().as_sql:
            rows = f'SELECT DISTINCT "group" FROM {name} WHERE suspended IS NOT NULL'
            groups |= set(db.scalars(sa.text(rows)))
        op.drop_column(name, "suspended")
    _mark_dyads(db, groups)


def _fill_suspensions(db: sa.Connection, name: str) -> set[str]:
    """Fill in the suspensions of one table from the documents; returns the groups they are of."""
    word = sa.column("seq", sa.BigInteger)
    rows = sa.table(name, word, sa.column("group", sa.String), sa.column("suspended", sa.String))
    found = sa.select(rows.c.seq, rows.c.group, document_of(revisions))
    found = found.join(revisions, revisions.c.seq == rows.c.seq)
    groups = set()
    for seq, group, document in db.execute(found).all():
        steps = Membership.model_validate(json.loads(document)).steps
        if written := write_suspensions(steps):
            db.execute(sa.update(rows).where(rows.c.seq == seq).values(suspended=written))
            groups.add(group)
    return groups


def _mark_dyads(db: sa.Connection, groups: Iterable[str]) -> None:
    """Mark the dyads of some groups as stale, so that they are computed again."""
    mark = sa.text("UPDATE dyads SET changed = changed + 1 WHERE one = :code OR other = :code")
    for code in sorted(groups):
        db.execute(mark, {"code": code})
