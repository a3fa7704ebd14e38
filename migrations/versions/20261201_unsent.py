"""Deliveries of watches are found by their key alone; a second index made each cost twice."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_unsent"
down_revision = "20261201_pulls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_watch_deliveries_pending", "watch_deliveries")


def downgrade() -> None:
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_watch_deliveries_pending",
        "watch_deliveries",
        ["watch", "seq"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
