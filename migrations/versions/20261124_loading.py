"""What bulk loading keeps: digests, late mentions, series, and imports with their rejects."""

import sqlalchemy as sa
from alembic import op

revision = "20261124_loading"
down_revision = "20261124_shifts"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
FLAGS = ("defense", "offense", "neutrality", "nonaggression", "consultation")
TABLES = ("import_rejects", "imports", "ideal_points", "alliance_years", "mentions", "loaded")


def upgrade() -> None:
    op.create_table(
        "loaded",
        sa.Column("event", WORD, nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event", name="pk_loaded"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mentions",
        sa.Column("event", WORD, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("locator", sa.String()),
        sa.Column("claims", sa.Text()),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event", "source", name="pk_mentions"),
        sqlite_with_rowid=False,
    )
    _series()
    _imports()


def _series() -> None:
    op.create_table(
        "alliance_years",
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("partner", WORD, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        *(sa.Column(flag, sa.Integer()) for flag in FLAGS),
        sa.PrimaryKeyConstraint("dataset", "actor", "partner", "year", name="pk_alliance_years"),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.code"], name="fk_alliance_years_dataset"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ideal_points",
        sa.Column("dataset", WORD, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.PrimaryKeyConstraint("dataset", "actor", "session", name="pk_ideal_points"),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.code"], name="fk_ideal_points_dataset"),
        sqlite_with_rowid=False,
    )


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("created_at", WORD, nullable=False),
        sa.Column("started_at", WORD),
        sa.Column("finished_at", WORD),
        sa.Column("seen_at", WORD),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_state_created_at", "imports", ["state", "created_at"])
    op.create_table(
        "import_rejects",
        sa.Column("import", WORD, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("import", "number", name="pk_import_rejects"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
