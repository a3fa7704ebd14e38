"""Among how many tests q was worked out; stale dyads by the day from which on they are.

All of them are: months are kept of more dyads, and say what is left of them later on.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_families"
down_revision = "20261124_packed"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
STALE = sa.text("changed != segmented")


def upgrade() -> None:
    op.create_table(
        "families",
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("tests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", name="pk_families"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO families SELECT dataset, count(*) FROM shifts GROUP BY dataset")
    _stale("dataset", "since")
    _anew()


def _stale(*columns: str) -> None:
    op.drop_index("ix_dyads_stale", "dyads")
    op.create_index(
        "ix_dyads_stale", "dyads", list(columns), sqlite_where=STALE, postgresql_where=STALE
    )


def _anew() -> None:
    op.execute("DELETE FROM dyad_months")
    op.execute("UPDATE dyads SET segmented = -1, since = ''")


def downgrade() -> None:
    _anew()
    _stale("dataset")
    op.drop_table("families")
