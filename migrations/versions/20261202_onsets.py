"""Onset sets are wider: every dyad is detected again."""

from alembic import op

revision = "20261202_onsets"
down_revision = "20261202_paired"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE dyads SET segmented = -1")


def downgrade() -> None:
    op.execute("UPDATE dyads SET segmented = -1")
