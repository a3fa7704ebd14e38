"""Months of busy dyads beside their shifts, and how much each dataset holds at all."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261124_months"
down_revision = "20261124_loading"
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
    op.create_table(
        "volumes",
        *(sa.Column(name, WORD, nullable=False) for name in ("dataset", "size", "start")),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "size", "start", name="pk_volumes"),
        sqlite_with_rowid=False,
    )
    for size, start in (("day", "day"), ("month", "substr(day, 1, 7)")):
        op.execute(
            f"INSERT INTO volumes SELECT dataset, '{size}', {start}, sum(n) FROM day_sums"
            " GROUP BY 1, 2, 3"
        )
    op.drop_table("dyads")  # a table WITHOUT ROWID is not altered in place; it is created again
    _dyads(
        sa.Column("since", WORD, nullable=False), sa.Column("monthly", sa.Integer(), nullable=False)
    )
    _fill_dyads(", '', 0")


def _dyads(*more: sa.Column[Any]) -> None:
    op.create_table(
        "dyads",
        *(sa.Column(name, WORD, nullable=False) for name in ("one", "other", "dataset")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("changed", "segmented")),
        *more,
        sa.PrimaryKeyConstraint("one", "other", "dataset", name="pk_dyads"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_dyads_stale", "dyads", ["dataset"], sqlite_where=STALE, postgresql_where=STALE
    )


def _fill_dyads(more: str) -> None:
    op.execute(
        'INSERT INTO dyads SELECT DISTINCT CASE WHEN "from" < toward THEN "from" ELSE toward END,'
        f' CASE WHEN "from" < toward THEN toward ELSE "from" END, dataset, 1, 0{more} FROM day_sums'
        ' WHERE "from" <> toward'
    )


def downgrade() -> None:
    op.drop_table("dyads")
    _dyads()
    _fill_dyads("")
    op.drop_table("volumes")
    op.drop_table("month_sums")
