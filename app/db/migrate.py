"""Migrate a database from one version of the schema to another."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from app.db.engine import Database

_APP = Path(__file__).resolve().parents[1]


def find_migrations() -> Path:
    """Find the folder of the migrations: inside the package in a wheel, next to it in a checkout.

    Raises `FileNotFoundError` where neither is there, as in a wheel that was built without them.
    """
    # The wheel's own first: next to an installed package lie the packages of others.
    for folder in (_APP / "migrations", _APP.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError(2, "no migrations are installed with the package", str(_APP))


def make_alembic_config(database: Database) -> Config:
    """Return Alembic's configuration for a database."""
    config_ = Config()
    config_.set_main_option("script_location", str(find_migrations()))
    config_.attributes["engine"] = database.engine
    return config_


def upgrade_schema(database: Database, to: str = "head") -> None:
    """Migrate up to a schema version, by default the newest."""
    command.upgrade(make_alembic_config(database), to)


def downgrade_schema(database: Database, to: str) -> None:
    """Migrate down to a schema version."""
    command.downgrade(make_alembic_config(database), to)
