"""Sources with their grade: what cites one needs no look at its document."""

import sqlalchemy as sa
from alembic import op

from app.db.migration_steps import add_columns_apart

revision = "20261127_cited"
down_revision = "20261124_families"
branch_labels = None
depends_on = None

WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TABLES = ("sources", "past_sources")


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    grade = (
        "json_extract(document, '$.reliability')" if sqlite else "document::json ->> 'reliability'"
    )
    for table in TABLES:
        add_columns_apart(table, sa.Column("reliability", WORD, nullable=True))
        op.execute(
            f"UPDATE {table} SET reliability ="
            f" (SELECT {grade} FROM revisions WHERE revisions.seq = {table}.seq)"
            f" WHERE seq IN (SELECT seq FROM revisions"
            f" WHERE kind = 'source' AND {grade} IS NOT NULL)"
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "reliability")
