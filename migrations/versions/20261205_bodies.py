"""Dyads of groups are stale: what few members did says nothing about a group that did nothing."""

from alembic import op

revision = "20261205_bodies"
down_revision = "20261205_roles"
branch_labels = None
depends_on = None

_GROUPS = "(SELECT code FROM actors WHERE kind IN ('alliance', 'organization'))"
_MARK = f"UPDATE dyads SET changed = changed + 1 WHERE one IN {_GROUPS} OR other IN {_GROUPS}"


def upgrade() -> None:
    op.execute(_MARK)


def downgrade() -> None:
    op.execute(_MARK)
