"""Days on which an actor has events as initiator and as target, made from the participations."""

import sqlalchemy as sa
from alembic import op

from app.db.types import bytewise_text
from app.events.role_days import fill_role_days

revision = "20261205_roles"
down_revision = "20261204_carriers"
branch_labels = None
depends_on = None

COLUMNS = ("initiator", "target")


def upgrade() -> None:
    op.create_table(
        "role_days",
        sa.Column("actor", bytewise_text(), nullable=False),
        sa.Column("month", bytewise_text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COLUMNS),
        sa.PrimaryKeyConstraint(
            "actor", "month", name="pk_role_days", postgresql_include=list(COLUMNS)
        ),
        sqlite_with_rowid=False,
    )
    if not op.get_context().as_sql:
        fill_role_days(op.get_bind())


def downgrade() -> None:
    op.drop_table("role_days")
