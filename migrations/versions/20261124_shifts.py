"""Shifts of every dyad, kept beside the day sums that they follow from."""

import sqlalchemy as sa
from alembic import op

revision = "20261124_shifts"
down_revision = "20261124_record"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
STALE = sa.text("changed != segmented")


def upgrade() -> None:
    op.create_table(
        "dyads",
        sa.Column("one", WORD, nullable=False),
        sa.Column("other", WORD, nullable=False),
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("segmented", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("one", "other", "dataset", name="pk_dyads"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_dyads_stale", "dyads", ["dataset"], sqlite_where=STALE, postgresql_where=STALE
    )
    op.create_table(
        "shifts",
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("one", WORD, nullable=False),
        sa.Column("other", WORD, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("p", sa.Float(), nullable=False),
        sa.Column("q", sa.Float(), nullable=False),
        sa.Column("at_least", sa.Float(), nullable=False),
        sa.Column("magnitude", sa.Float(), nullable=False),
        sa.Column("robust", sa.Boolean()),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "one", "other", "number", name="pk_shifts"),
    )
    for column in ("at_least", "other"):
        op.create_index(f"ix_shifts_dataset_{column}", "shifts", ["dataset", column])
    op.execute(
        'INSERT INTO dyads SELECT DISTINCT CASE WHEN "from" < toward THEN "from" ELSE toward END,'
        ' CASE WHEN "from" < toward THEN toward ELSE "from" END, dataset, 1, 0 FROM day_sums'
        ' WHERE "from" <> toward'
    )


def downgrade() -> None:
    op.drop_table("shifts")
    op.drop_table("dyads")
