"""Coverage by slot, and the release that each loaded row is from."""

import sqlalchemy as sa
from alembic import op

from app.db.types import bytewise_text

revision = "20261201_slots"
down_revision = "20261201_lineages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("loaded", sa.Column("rank", sa.Integer()))
    op.create_table(
        "covered_slots",
        sa.Column("dataset", bytewise_text(), nullable=False),
        sa.Column("day", bytewise_text(), nullable=False),
        sa.Column("slots", bytewise_text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "day", name="pk_covered_slots"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("covered_slots")
    op.drop_column("loaded", "rank")
