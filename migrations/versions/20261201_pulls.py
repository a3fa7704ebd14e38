"""The ledger of what is pulled from sources."""

import sqlalchemy as sa
from alembic import op

from app.db.types import bytewise_text, document_text

revision = "20261201_pulls"
down_revision = "20261201_monthly"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pull_sources",
        sa.Column("source", bytewise_text(), nullable=False),
        sa.Column("terms_accepted", bytewise_text()),
        sa.Column("mark", bytewise_text()),
        sa.Column("newest", bytewise_text()),
        sa.Column("restriction", sa.String()),
        sa.Column("lists", document_text(), nullable=False),
        sa.Column("last_round", bytewise_text()),
        sa.Column("last_success", bytewise_text()),
        sa.Column("error", sa.String()),
        sa.PrimaryKeyConstraint("source", name="pk_pull_sources"),
    )
    op.create_table(
        "pull_items",
        sa.Column("source", bytewise_text(), nullable=False),
        sa.Column("stream", bytewise_text(), nullable=False),
        sa.Column("item", bytewise_text(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("stamp", bytewise_text(), nullable=False),
        sa.Column("state", bytewise_text(), nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("checksum", bytewise_text()),
        sa.Column("etag", sa.String()),
        sa.Column("last_modified", sa.String()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", bytewise_text()),
        sa.Column("first_listed", bytewise_text(), nullable=False),
        sa.Column("loaded_at", bytewise_text()),
        sa.Column("publications", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger()),
        sa.Column("rejected", sa.BigInteger()),
        sa.Column("error", sa.String()),
        sa.PrimaryKeyConstraint("source", "stream", "item", name="pk_pull_items"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_pull_items_source_state_next_try", "pull_items", ["source", "state", "next_try"]
    )
    op.create_index(
        "ix_pull_items_source_stream_stamp", "pull_items", ["source", "stream", "stamp"]
    )


def downgrade() -> None:
    op.drop_table("pull_items")
    op.drop_table("pull_sources")
