"""Migrate a database from one version of the schema to another."""

from alembic import command
from alembic.config import Config

from app.db.engine import Database
from app.settings import MIGRATIONS


def make_alembic_config(database: Database) -> Config:
    """Return Alembic's configuration for a database."""
    config_ = Config()
    config_.set_main_option("script_location", str(MIGRATIONS))
    config_.attributes["engine"] = database.engine
    return config_


def upgrade_schema(database: Database, to: str = "head") -> None:
    """Migrate up to a schema version, by default the newest."""
    command.upgrade(make_alembic_config(database), to)


def downgrade_schema(database: Database, to: str) -> None:
    """Migrate down to a schema version."""
    command.downgrade(make_alembic_config(database), to)
