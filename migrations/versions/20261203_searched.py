"""Datasets say whether the words of their events are searched; all are, as before."""

import sqlalchemy as sa
from alembic import op

revision = "20261203_searched"
down_revision = "20261202_onsets"
branch_labels = None
depends_on = None

TABLES = ("datasets", "past_datasets")
# What an older program would not find: it takes every event for searched.
UNSEARCHED = "SELECT code FROM datasets WHERE NOT searched"


def upgrade() -> None:
    for table in TABLES:
        op.add_column(
            table, sa.Column("searched", sa.Boolean(), nullable=False, server_default=sa.true())
        )


def downgrade() -> None:
    if codes := list(op.get_bind().scalars(sa.text(UNSEARCHED))):
        raise RuntimeError(
            f"The words of {', '.join(codes)} are not indexed: run entente datasets search CODE on"
            " for each first."
        )
    for table in TABLES:
        op.drop_column(table, "searched")
