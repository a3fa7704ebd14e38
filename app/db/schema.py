"""Compare the schema version of a database with the one that this code needs.

This module does not import Alembic, which takes longer than loading a small file; migrating is in
`app.db.migrate`.
"""

from sqlalchemy import inspect, text

from app.db.engine import Database

HEAD = "20261205_bodies"
"""The newest migration."""


class StaleSchemaError(Exception):
    """A database whose schema version is not the one that this code needs."""


def read_schema_version(database: Database) -> str | None:
    """Return the schema version of a database; None before its first migration."""
    with database.reading_engine.connect() as db:
        if not inspect(db).has_table("alembic_version"):
            return None
        found = db.scalars(text("SELECT version_num FROM alembic_version ORDER BY 1"))
        return ", ".join(found) or None


def require_current_schema(database: Database) -> None:
    """Raise `StaleSchemaError` unless the database is at the code's version."""
    current = read_schema_version(database)
    if current != HEAD:
        raise StaleSchemaError(
            f"The database is at schema {current or 'none'}, this program needs {HEAD}."
            " Run: entente db upgrade"
        )
