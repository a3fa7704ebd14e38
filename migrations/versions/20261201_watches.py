"""Watches, and what they have to deliver."""

import sqlalchemy as sa
from alembic import op

from app.db.types import SEQUENCE, bytewise_text, document_text

revision = "20261201_watches"
down_revision = "20261201_slots"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("id", bytewise_text(), nullable=False),
        sa.Column("owner", bytewise_text(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", bytewise_text(), nullable=False),
        sa.Column("question", document_text(), nullable=False),
        sa.Column("codes", document_text(), nullable=False),
        sa.Column("state", bytewise_text(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("url", sa.String()),
        sa.Column("email", sa.String()),
        sa.Column("secrets", document_text(), nullable=False),
        sa.Column("token", bytewise_text(), nullable=False),
        sa.Column("created_at", bytewise_text(), nullable=False),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.Column("position", SEQUENCE),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("due_at", bytewise_text()),
        sa.Column("touched", SEQUENCE),
        sa.Column("checked", SEQUENCE),
        sa.Column("finding", document_text()),
        sa.PrimaryKeyConstraint("id", name="pk_watches"),
    )
    op.create_index("ix_watches_owner_created_at", "watches", ["owner", "created_at"])
    op.create_index("ix_watches_edition", "watches", ["edition"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_watches_due", "watches", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "watch_deliveries",
        sa.Column("watch", bytewise_text(), nullable=False),
        sa.Column("seq", SEQUENCE, nullable=False),
        sa.Column("change", bytewise_text(), nullable=False),
        sa.Column("state", bytewise_text(), nullable=False),
        sa.Column("at", bytewise_text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", bytewise_text()),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.String()),
        sa.Column("document", document_text()),
        sa.PrimaryKeyConstraint("watch", "seq", name="pk_watch_deliveries"),
        sqlite_with_rowid=False,
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_watch_deliveries_pending",
        "watch_deliveries",
        ["watch", "seq"],
        sqlite_where=pending,
        postgresql_where=pending,
    )


def downgrade() -> None:
    op.drop_table("watch_deliveries")
    op.drop_table("watches")
    op.execute("DELETE FROM house WHERE name IN ('watches', 'watch_edition')")
