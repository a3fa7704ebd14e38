"""Reports are indexed by publisher and by source alone.

PostgreSQL keeps equal keys of an index once, so that a publisher takes a few bytes for each of its
reports; with the event in the key no two keys are equal. SQLite has the key of the table in each
index, so that nothing changes there but the names.
"""

from alembic import op

revision = "20261202_citing"
down_revision = "20261202_dictionaries"
branch_labels = None
depends_on = None

NAMES = ("publisher", "source")


def upgrade() -> None:
    for name in NAMES:  # what is new first: readers wait for nothing but the moment of the drop
        op.create_index(f"ix_reports_{name}", "reports", [name])
    for name in NAMES:
        op.drop_index(f"ix_reports_{name}_event", "reports")


def downgrade() -> None:
    for name in NAMES:
        op.create_index(f"ix_reports_{name}_event", "reports", [name, "event"])
    for name in NAMES:
        op.drop_index(f"ix_reports_{name}", "reports")
