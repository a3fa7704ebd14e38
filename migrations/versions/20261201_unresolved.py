"""Names that no actor has are kept, by event and by import, so that they can be mended later."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_unresolved"
down_revision = "20261201_checks"
branch_labels = None
depends_on = None


def bytewise_text() -> sa.types.TypeEngine[str]:
    """Text that compares bytewise on both databases."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("loaded", sa.Column("parties", sa.Integer()))
    op.add_column(
        "loaded", sa.Column("unresolved", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("imports", sa.Column("names", sa.Text()))
    op.create_table(
        "unresolved",
        sa.Column("event", bytewise_text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("name", bytewise_text(), nullable=False),
        sa.Column("shown", bytewise_text()),
        sa.Column("native", sa.String()),
        sa.Column("label", sa.String()),
        sa.PrimaryKeyConstraint("event", "part", name="pk_unresolved"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "import_names",
        sa.Column("import", bytewise_text(), nullable=False),
        sa.Column("kind", bytewise_text(), nullable=False),
        sa.Column("name", bytewise_text(), nullable=False),
        sa.Column("label", sa.String()),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first", bytewise_text(), nullable=False),
        sa.Column("last", bytewise_text(), nullable=False),
        sa.PrimaryKeyConstraint("import", "kind", "name", name="pk_import_names"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("import_names")
    op.drop_table("unresolved")
    op.drop_column("imports", "names")
    op.drop_column("loaded", "unresolved")
    op.drop_column("loaded", "parties")
