"""Migrate a database from one version of the schema to another."""

import logging
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from app.db.engine import Database
from app.db.failures import classify_failure

_APP = Path(__file__).resolve().parents[1]
LOCK_SECONDS = 2.0
"""How long a migration waits for a lock: as long wait the questions that come after it."""
LOCK_ATTEMPTS = 30
"""How often a migration is tried; after each a second is left to those who had to wait."""
PAUSE_SECONDS = 1.0
log = logging.getLogger("entente.migrations")


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
    config_.attributes["lock_milliseconds"] = int(1000 * LOCK_SECONDS)
    return config_


def upgrade_schema(database: Database, to: str = "head") -> None:
    """Migrate up to a schema version, by default the newest: to all of it, or not at all.

    On PostgreSQL it waits for long transactions with pauses, in which others go on.
    """
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            command.upgrade(make_alembic_config(database), to)
        except DBAPIError as failed:
            if attempt == LOCK_ATTEMPTS or classify_failure(failed) != "busy":
                raise
            log.warning("the migration waits for a long transaction, attempt %d", attempt)
            time.sleep(PAUSE_SECONDS)
        else:
            return


def downgrade_schema(database: Database, to: str) -> None:
    """Migrate down to a schema version."""
    command.downgrade(make_alembic_config(database), to)
