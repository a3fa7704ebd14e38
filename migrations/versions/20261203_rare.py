"""Events are sought by quad class, CAMEO code and country, and an actor's by its rarer roles."""

import sqlalchemy as sa
from alembic import op

revision = "20261203_rare"
down_revision = "20261203_searched"
branch_labels = None
depends_on = None

RARE = sa.text("role NOT IN ('initiator', 'target')")


def upgrade() -> None:
    op.create_index("ix_events_quad_start", "events", ["quad", "start"])
    op.create_index("ix_events_cameo_start", "events", ["cameo", "start"])
    op.create_index(
        "ix_events_country_start", "events", ["country", "start"], postgresql_include=["seq"]
    )
    op.create_index(
        "ix_participations_role",
        "participations",
        ["actor", "role", "start"],
        sqlite_where=RARE,
        postgresql_where=RARE,
    )


def downgrade() -> None:
    op.drop_index("ix_participations_role", table_name="participations")
    for name in ("country", "cameo", "quad"):
        op.drop_index(f"ix_events_{name}_start", table_name="events")
