"""Datasets say whether their source records each visit twice."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_visits"
down_revision = "20261201_spans"
branch_labels = None
depends_on = None

TABLES = ("datasets", "past_datasets")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(
            table,
            sa.Column("mirrored_visits", sa.Boolean(), nullable=False, server_default=sa.false()),
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "mirrored_visits")
