"""Steps of migrations that others can go on beside."""

import sqlalchemy as sa
from alembic import op


def add_columns_apart(table: str, *columns: sa.Column[object]) -> None:
    """Add columns to a table, and on PostgreSQL commit that before anything fills them.

    Who adds a column stops all readers of the table until the transaction ends, and who fills it
    stops none. A migration that is interrupted after it finds the columns there. SQLite has one
    writer, and readers never wait for it.
    """
    alone = op.get_context().dialect.name == "postgresql"
    for column in columns:
        op.add_column(table, column, if_not_exists=alone or None)
    if alone:
        op.get_bind().commit()


def replace_primary_key(table: str, parts: str) -> None:
    """Replace the primary key of a table on PostgreSQL, where it may carry further columns.

    Readers wait for the exchange alone, not for the new index.
    """
    op.execute(f"CREATE UNIQUE INDEX pk_new ON {table} {parts}")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY USING INDEX pk_new")
