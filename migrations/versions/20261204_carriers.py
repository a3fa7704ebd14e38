"""Dyads of groups are stale: what two or three members carry is no move toward their group."""

from alembic import op

revision = "20261204_carriers"
down_revision = "20261203_ranked"
branch_labels = None
depends_on = None

_GROUPS = "(SELECT code FROM actors WHERE kind IN ('alliance', 'organization'))"
_MARK = f"UPDATE dyads SET changed = changed + 1 WHERE one IN {_GROUPS} OR other IN {_GROUPS}"


def upgrade() -> None:
    op.execute(_MARK)


def downgrade() -> None:
    op.execute(_MARK)
