"""Events by each two of their actors, made from the participations that are there."""

import time

import sqlalchemy as sa
from alembic import op

from app.db.tables import revisions
from app.db.types import SEQUENCE, bytewise_text
from app.events.event_pairs import delete_superseded_pairs, fill_pairs

revision = "20261202_paired"
down_revision = "20261202_counted"
branch_labels = None
depends_on = None

KEY = ("one", "other", "start", "event")
PAUSE_SECONDS = 0.02
"""After each part of the events, in which other writers have their turn."""


def upgrade() -> None:
    is_live = not op.get_context().as_sql
    if is_live and sa.inspect(op.get_bind()).has_table("pairs"):
        op.drop_table("pairs")  # an upgrade was stopped on the way
    op.create_table(
        "pairs",
        *(sa.Column(name, bytewise_text(), nullable=False) for name in KEY),
        sa.Column("roles", sa.Integer(), nullable=False),
        sa.Column("seq", SEQUENCE, nullable=False),
        sa.PrimaryKeyConstraint(*KEY, name="pk_pairs", postgresql_include=["roles", "seq"]),
        sqlite_with_rowid=False,
    )
    if is_live:
        _fill_in_parts(op.get_bind())


def _fill_in_parts(db: sa.Connection) -> None:
    """Fill the table in short transactions; events that are written meanwhile come last."""
    before = db.scalar(sa.select(sa.func.coalesce(sa.func.max(revisions.c.seq), 0)))
    after = 0
    while last := fill_pairs(db, after):
        after = last
        db.commit()
        time.sleep(PAUSE_SECONDS)
    delete_superseded_pairs(db, before)


def downgrade() -> None:
    op.drop_table("pairs")
