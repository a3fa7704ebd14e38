"""Bring a database from one version of the schema to another."""

from alembic import command
from alembic.config import Config

from app.db.engine import Database
from app.settings import MIGRATIONS


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
