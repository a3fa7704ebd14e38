"""Revisions need not repeat the instant of their commit. What is written already stays as it is."""

from alembic import op

from app.db.dialect import PACKING_GUARD_DDL

revision = "20261202_undated"
down_revision = "20261202_denser"
branch_labels = None
depends_on = None

FILL = """
UPDATE revisions SET at = (
    SELECT c.at FROM commits c WHERE c.seq >= revisions.seq ORDER BY c.seq LIMIT 1
) WHERE at = ''
"""


def upgrade() -> None:
    """Change nothing: only what is written from now on has no instant of its own."""


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        drop, create = PACKING_GUARD_DDL["sqlite"]
        statements = [drop, FILL, create]
    else:
        switch = "ALTER TABLE revisions {} TRIGGER revisions_stay"
        statements = [switch.format("DISABLE"), FILL, switch.format("ENABLE")]
    for statement in statements:
        op.execute(statement)
