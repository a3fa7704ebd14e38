"""Lineages, so that version numbers that are given out twice are told apart."""

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from app.db.types import SEQUENCE, bytewise_text

revision = "20261201_lineages"
down_revision = "20261201_narrowed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("lineages"):
        return  # made when a backup of the schema before was restored
    table = op.create_table(
        "lineages",
        sa.Column("number", sa.Integer(), autoincrement=False),
        sa.Column("lineage", bytewise_text(), nullable=False),
        sa.Column("parent", bytewise_text()),
        sa.Column("forked_at", SEQUENCE, nullable=False),
        sa.Column("at", bytewise_text(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_lineages"),
        sa.UniqueConstraint("lineage", name="uq_lineages_lineage"),
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    first = {"number": 1, "lineage": secrets.token_hex(4), "forked_at": 0, "at": now}
    op.bulk_insert(table, [first | {"parent": None, "reason": "created"}])


def downgrade() -> None:
    op.drop_table("lineages")
