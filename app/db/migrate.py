"""The schema's versions: bring a database up, and refuse to serve a stale one."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.db.engine import Database
from app.settings import MIGRATIONS


class StaleSchemaError(Exception):
    """The database is not at the schema that this code is written for."""


def config(database: Database) -> Config:
    """Alembic's configuration for a database of ours."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["engine"] = database.engine
    return made


def upgrade(database: Database, to: str = "head") -> None:
    """Migrate up to a version."""
    command.upgrade(config(database), to)


def downgrade(database: Database, to: str) -> None:
    """Migrate down to a version."""
    command.downgrade(config(database), to)


def versions(database: Database) -> tuple[str | None, str | None]:
    """The database's version and the code's."""
    with database.engine.connect() as db:
        current = MigrationContext.configure(db).get_current_revision()
    return current, ScriptDirectory.from_config(config(database)).get_current_head()


def require_current(database: Database) -> None:
    """Raise `StaleSchemaError` unless the database is at the code's version."""
    current, head = versions(database)
    if current != head:
        raise StaleSchemaError(
            f"The database is at schema {current or 'none'}, this program needs {head}."
            " Run: entente db upgrade"
        )
