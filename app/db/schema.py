"""The schema that this code is written for, and the one that a database is at.

Alembic, which brings a database from one to another, takes longer to import than a small file takes
to load: see `app.db.migrate`.
"""

from sqlalchemy import inspect, text

from app.db.engine import Database

HEAD = "20261127_cited"
"""The last migration."""


class StaleSchemaError(Exception):
    """The database is not at the schema that this code is written for."""


def schema_of(database: Database) -> str | None:
    """The version that a database's schema is at; None before its first migration."""
    with database.engine.connect() as db:
        if not inspect(db).has_table("alembic_version"):
            return None
        found = db.scalars(text("SELECT version_num FROM alembic_version ORDER BY 1"))
        return ", ".join(found) or None


def require_current(database: Database) -> None:
    """Raise `StaleSchemaError` unless the database is at the code's version."""
    current = schema_of(database)
    if current != HEAD:
        raise StaleSchemaError(
            f"The database is at schema {current or 'none'}, this program needs {HEAD}."
            " Run: entente db upgrade"
        )
