"""All months of a busy dyad in one row."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261124_packed"
down_revision = "20261124_months"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
STALE = sa.text("changed != segmented")
NUMBERS = (
    "n", "positive", "negative", "one_n", "kept_positive", "kept_negative",
    "kept_one_positive", "kept_one_negative", "kept_other_positive", "kept_other_negative",
    "publishers",
)  # fmt: skip


def upgrade() -> None:
    op.drop_table("month_sums")
    op.create_table(
        "dyad_months",
        *(
            sa.Column(name, WORD, nullable=False)
            for name in ("one", "other", "dataset", "first", "last")
        ),
        sa.Column("dispersion", sa.Float(), nullable=False),
        sa.Column("months", sa.LargeBinary(), nullable=False),
        sa.Column("index", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("one", "other", "dataset", name="pk_dyad_months"),
    )
    _dyads()


def _dyads(*more: sa.Column[Any], values: str = "") -> None:
    """Created again, all of them stale: a table WITHOUT ROWID is not altered in place."""
    op.drop_table("dyads")
    op.create_table(
        "dyads",
        *(sa.Column(name, WORD, nullable=False) for name in ("one", "other", "dataset")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("changed", "segmented")),
        sa.Column("since", WORD, nullable=False),
        *more,
        sa.PrimaryKeyConstraint("one", "other", "dataset", name="pk_dyads"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_dyads_stale", "dyads", ["dataset"], sqlite_where=STALE, postgresql_where=STALE
    )
    op.execute(
        'INSERT INTO dyads SELECT DISTINCT CASE WHEN "from" < toward THEN "from" ELSE toward END,'
        ' CASE WHEN "from" < toward THEN toward ELSE "from" END, dataset, 1, 0, \'\''
        f'{values} FROM day_sums WHERE "from" <> toward'
    )


def downgrade() -> None:
    op.drop_table("dyad_months")
    op.create_table(
        "month_sums",
        *(
            sa.Column(name, WORD, nullable=False)
            for name in ("one", "other", "dataset", "month", "first", "last")
        ),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in NUMBERS),
        sa.PrimaryKeyConstraint("one", "other", "dataset", "month", name="pk_month_sums"),
        sqlite_with_rowid=False,
    )
    _dyads(sa.Column("monthly", sa.Integer(), nullable=False), values=", 0")
