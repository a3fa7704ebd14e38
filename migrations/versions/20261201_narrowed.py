"""Participations have the CAMEO code of their event, so that pages need not look it up."""

import sqlalchemy as sa
from alembic import op

from app.db.migration_steps import add_columns_apart, replace_primary_key

revision = "20261201_narrowed"
down_revision = "20261201_counts"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
CARRIED = 'seq, "end", dataset, type, intensity, quad, status{more}'
KEYS = {
    "participations": f"(actor, start, event, role, via) INCLUDE ({CARRIED})",
    "past_participations": "(actor, start, event, role, via, seq) INCLUDE ("
    + CARRIED.removeprefix("seq, ")
    + ", gone)",
}
"""The key of each table on PostgreSQL, where it carries what pages read."""


def upgrade() -> None:
    for name, of in (("participations", "events"), ("past_participations", "past_events")):
        add_columns_apart(name, sa.Column("cameo", WORD))
        # One event with several revisions has several rows of the past.
        op.execute(
            f"UPDATE {name} SET cameo = (SELECT e.cameo FROM {of} e WHERE e.seq = {name}.seq)"
        )
        _replace_key(name, ", cameo")


def downgrade() -> None:
    for name in KEYS:
        _replace_key(name, "")
        op.drop_column(name, "cameo")


def _replace_key(name: str, more: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps the whole row in its key
        replace_primary_key(name, KEYS[name].format(more=more))
