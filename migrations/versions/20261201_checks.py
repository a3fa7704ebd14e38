"""What the signals behind a shift say about it, stored beside the finding.

All dyads are stale: what is robust and what a group counts has changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261201_checks"
down_revision = "20261201_visits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shifts", sa.Column("checks", sa.Text()))
    op.execute("UPDATE dyads SET segmented = -1")


def downgrade() -> None:
    op.drop_column("shifts", "checks")
    op.execute("UPDATE dyads SET segmented = -1")
