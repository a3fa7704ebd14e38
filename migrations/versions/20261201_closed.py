"""Datasets may be closed, and keys say which datasets they are for."""

import sqlalchemy as sa
from alembic import op

from app.db.types import bytewise_text

revision = "20261201_closed"
down_revision = "20261201_unsent"
branch_labels = None
depends_on = None

DATASET_TABLES = ("datasets", "past_datasets")
KEY_COLUMNS = ("reads", "writes")


def upgrade() -> None:
    for table in DATASET_TABLES:
        op.add_column(
            table, sa.Column("access", bytewise_text(), nullable=False, server_default="open")
        )
    for name in KEY_COLUMNS:
        op.add_column("keys", sa.Column(name, sa.String()))
    # By which a source is found to be cited by a closed dataset alone, also in former revisions.
    op.create_index("ix_past_reports_source_event", "past_reports", ["source", "event"])


def downgrade() -> None:
    op.drop_index("ix_past_reports_source_event", "past_reports")
    for name in KEY_COLUMNS:
        op.drop_column("keys", name)
    for table in DATASET_TABLES:
        op.drop_column(table, "access")
