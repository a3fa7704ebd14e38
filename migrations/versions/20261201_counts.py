"""Acts that were counted elsewhere, beside the signals of events."""

import sqlalchemy as sa
from alembic import op

from app.db.types import bytewise_text

revision = "20261201_counts"
down_revision = "20261201_waves"
branch_labels = None
depends_on = None

NUMBERS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")


def upgrade() -> None:
    op.create_table(
        "act_counts",
        sa.Column("dataset", bytewise_text(), sa.ForeignKey("datasets.code"), nullable=False),
        sa.Column("from", bytewise_text(), nullable=False),
        sa.Column("toward", bytewise_text(), nullable=False),
        sa.Column("date", bytewise_text(), nullable=False),
        sa.Column("class", sa.Integer(), nullable=False),
        sa.Column("start", bytewise_text(), nullable=False),
        sa.Column("end", bytewise_text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in NUMBERS),
        sa.PrimaryKeyConstraint("dataset", "from", "toward", "date", "class"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    # The sums contain them; whoever goes back has to load the events anew.
    op.drop_table("act_counts")
