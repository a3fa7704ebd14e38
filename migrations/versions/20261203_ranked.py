"""Shifts have the days of their onset beside the finding, so that a ranking reads what it shows."""

import sqlalchemy as sa
from alembic import op

from app.db.migration_steps import add_columns_apart
from app.db.types import bytewise_text

revision = "20261203_ranked"
down_revision = "20261203_suspended"
branch_labels = None
depends_on = None

INDEX, EARLIER_INDEX = "ix_shifts_ranked", "ix_shifts_dataset_at_least"
COLUMNS = ["dataset", "at_least", "q", "onset_last", "first_after", "toward"]
DATED = "{onset} IS NOT NULL AND {first} IS NOT NULL"
FILL = f"""
UPDATE shifts SET toward = coalesce({{after}} > {{before}}, {{no}}),
  first_after = CASE WHEN {DATED} THEN {{first}} ELSE '' END,
  onset_last = CASE WHEN {DATED}
    THEN {{onset}} || CASE WHEN length({{onset}}) = 7 THEN '-31' ELSE '' END
    ELSE '9999-12-31' END
"""
PATHS = {
    "onset": ("onset",),
    "first": ("span", "1"),
    "after": ("after", "index"),
    "before": ("before", "index"),
}


def upgrade() -> None:
    add_columns_apart(
        "shifts",
        sa.Column("onset_last", bytewise_text(), nullable=False, server_default="9999-12-31"),
        sa.Column("first_after", bytewise_text(), nullable=False, server_default=""),
        sa.Column("toward", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    fields = {name: _read_field(path) for name, path in PATHS.items()}
    op.execute(FILL.strip().format(**fields, no="0" if _is_sqlite() else "false"))
    op.drop_index(EARLIER_INDEX, table_name="shifts")
    op.create_index(INDEX, "shifts", COLUMNS)


def downgrade() -> None:
    op.drop_index(INDEX, table_name="shifts")
    op.create_index(EARLIER_INDEX, "shifts", ["dataset", "at_least"])
    for name in ("onset_last", "first_after", "toward"):
        op.drop_column("shifts", name)


def _read_field(path: tuple[str, ...]) -> str:
    """Write how a field of a finding is read."""
    if _is_sqlite():
        steps = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path)
        return f"json_extract(finding, '${steps}')"
    text = f"finding::json #>> '{{{','.join(path)}}}'"
    return f"({text})::float8" if path[-1] == "index" else f"({text})"


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"
