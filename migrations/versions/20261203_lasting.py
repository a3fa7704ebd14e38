"""On PostgreSQL the indexes of lasting events carry what the keys of participations do.

Else a question with a first day walks all events of its actor (decision 044).
"""

from alembic import op

revision = "20261203_lasting"
down_revision = "20261203_rare"
branch_labels = None
depends_on = None

CARRIED = "start, event, role, via, dataset, type, status, cameo, quad, seq, intensity"
TABLES = {"participations": CARRIED, "past_participations": f"{CARRIED}, gone"}


def upgrade() -> None:
    for table, carried in TABLES.items():
        _replace_index(table, f" INCLUDE ({carried})")


def downgrade() -> None:
    for table in TABLES:
        _replace_index(table, "")


def _replace_index(table: str, carried: str) -> None:
    if op.get_context().dialect.name != "postgresql":  # SQLite reads the row by its key
        return
    name = f"ix_{table}_running"
    op.execute(f'CREATE INDEX running_new ON {table} (actor, "end"){carried} WHERE "end" <> start')
    op.execute(f"DROP INDEX {name}")
    op.execute(f"ALTER INDEX running_new RENAME TO {name}")
