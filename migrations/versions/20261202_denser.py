"""On PostgreSQL the key of participations carries its columns in an order that needs no filling.

A number begins at a multiple of its size. Among texts each was preceded by up to seven empty bytes.
"""

from alembic import op

from app.db.migration_steps import replace_primary_key

revision = "20261202_denser"
down_revision = "20261202_sought"
branch_labels = None
depends_on = None

KEYS = {
    "participations": ("actor, start, event, role, via", "seq", ""),
    "past_participations": ("actor, start, event, role, via, seq", "", ", gone"),
}
"""The key of each table, and what it carries besides."""


def upgrade() -> None:
    for name, (key, seq, gone) in KEYS.items():
        numbers = ", ".join(part for part in ("quad", seq, "intensity") if part)
        _replace_key(
            name, f'({key}) INCLUDE ("end", dataset, type, status, cameo, {numbers}{gone})'
        )


def downgrade() -> None:
    for name, (key, seq, gone) in KEYS.items():
        first = f"{seq}, " if seq else ""
        rest = f'"end", dataset, type, intensity, quad, status, cameo{gone}'
        _replace_key(name, f"({key}) INCLUDE ({first}{rest})")


def _replace_key(name: str, parts: str) -> None:
    if op.get_context().dialect.name != "postgresql":  # SQLite keeps the whole row in its key
        return
    replace_primary_key(name, parts)
