"""On PostgreSQL revisions are sought by a hash of their document's id.

The key by kind, id and revision took a fifth as much as the documents themselves. Of documents that
are edited and few it stays. SQLite has no hashes.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261202_sought"
down_revision = "20261202_citing"
branch_labels = None
depends_on = None

KEY = "uq_revisions_kind_id_revision"
PART = sa.text("kind NOT IN ('event', 'source')")
PARTS = ["kind", "id", "revision"]


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.create_index("ix_revisions_id", "revisions", ["id"], postgresql_using="hash")
        op.create_index(
            "ix_revisions_edited", "revisions", PARTS, unique=True, postgresql_where=PART
        )
        op.drop_constraint(KEY, "revisions")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.create_unique_constraint(KEY, "revisions", PARTS)
        op.drop_index("ix_revisions_edited", "revisions")
        op.drop_index("ix_revisions_id", "revisions")
