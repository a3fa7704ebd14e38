"""Votes of dyads for the months in which they seem to change; shifts are computed again."""

import sqlalchemy as sa
from alembic import op

from app.db.types import bytewise_text

revision = "20261201_waves"
down_revision = "20261201_unresolved"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shifts", sa.Column("weight", sa.Float(), nullable=False, server_default="1"))
    op.create_table(
        "dyad_votes",
        sa.Column("dataset", bytewise_text(), nullable=False),
        sa.Column("one", bytewise_text(), nullable=False),
        sa.Column("other", bytewise_text(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("flags", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "one", "other"),
    )
    op.create_index("ix_dyad_votes_dataset_other", "dyad_votes", ["dataset", "other"])
    op.create_table(
        "wave_states",
        sa.Column("dataset", bytewise_text(), primary_key=True),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("writes", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    # The stored findings were made by another scan.
    op.execute("UPDATE dyads SET segmented = -1")


def downgrade() -> None:
    op.drop_table("wave_states")
    op.drop_index("ix_dyad_votes_dataset_other", table_name="dyad_votes")
    op.drop_table("dyad_votes")
    op.drop_column("shifts", "weight")
    op.execute("UPDATE dyads SET segmented = -1")
