"""Dyads whose best date leaves too little on a side count as tests; q is computed again."""

import sqlalchemy as sa
from alembic import op

from app.db.types import bytewise_text

revision = "20261202_counted"
down_revision = "20261202_undated"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "undated_dyads",
        sa.Column("dataset", bytewise_text(), nullable=False),
        sa.Column("one", bytewise_text(), nullable=False),
        sa.Column("other", bytewise_text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "one", "other", name="pk_undated_dyads"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_undated_dyads_dataset_other", "undated_dyads", ["dataset", "other"])
    # Which dyads these are is not stored anywhere: every dyad is detected again.
    op.execute("UPDATE dyads SET segmented = -1")


def downgrade() -> None:
    op.drop_index("ix_undated_dyads_dataset_other", table_name="undated_dyads")
    op.drop_table("undated_dyads")
    op.execute("UPDATE dyads SET segmented = -1")
