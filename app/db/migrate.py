"""Migrate a database from one version of the schema to another."""

import logging
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from app.db.engine import Database
from app.db.failures import classify_failure
from app.db.schema import read_schema_version

_APP = Path(__file__).resolve().parents[1]
LOCK_SECONDS = 0.9
"""How long a migration waits for a lock: as long wait the questions that come after it. After a
second PostgreSQL would look whether two wait for each other, and might end a question for that."""
PATIENT_ATTEMPT, PATIENT_SECONDS = 5, 1.5
"""From which attempt on it waits longer. PostgreSQL's own vacuum, which may take minutes, gives
way only to those who wait for more than a second."""
LOCK_ATTEMPTS = 60
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


def make_alembic_config(database: Database, attempt: int = 0) -> Config:
    """Return Alembic's configuration for a database, after some attempts that were in vain."""
    config_ = Config()
    config_.set_main_option("script_location", str(find_migrations()))
    config_.attributes["engine"] = database.engine
    seconds = LOCK_SECONDS if attempt < PATIENT_ATTEMPT else PATIENT_SECONDS
    config_.attributes["lock_milliseconds"] = int(1000 * seconds)
    return config_


def upgrade_schema(database: Database, to: str = "head") -> None:
    """Migrate up to a schema version, by default the newest.

    Each migration is a transaction. After a failure the database has the schema of the last one
    that was complete, and the next upgrade goes on there. On PostgreSQL a migration waits for long
    transactions with pauses, in which others go on.
    """
    attempt, before = 0, None
    while True:
        try:
            command.upgrade(make_alembic_config(database, attempt), to)
        except DBAPIError as failed:
            now = read_schema_version(database)
            attempt, before = (attempt + 1 if now == before else 1), now
            if attempt == LOCK_ATTEMPTS or classify_failure(failed) != "busy":
                raise
            log.warning("the migration waits for a long transaction, attempt %d", attempt)
            time.sleep(PAUSE_SECONDS)
        else:
            return


def downgrade_schema(database: Database, to: str) -> None:
    """Migrate down to a schema version."""
    command.downgrade(make_alembic_config(database), to)
