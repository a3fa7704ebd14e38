"""Migrations that are killed or have to wait: the database stays as it was, and is served."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db import migrate
from app.db.engine import Database
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.schema import HEAD, read_schema_version, require_current_schema

ROOT = Path(__file__).parents[2]
KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from alembic import op
from app.db.engine import Database
from app.db.migrate import upgrade_schema
op.create_index = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
upgrade_schema(Database(sys.argv[1]), "20261201_closed")
"""
"""The migration adds columns to three tables before it makes an index."""
BEFORE = "20261201_unsent"


@pytest.mark.slow
def test_a_killed_migration_leaves_the_database_as_it_was_and_served(database: Database) -> None:
    downgrade_schema(database, BEFORE)
    url = database.engine.url.render_as_string(hide_password=False)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_MIDDLE, url], cwd=ROOT, check=False
    )
    assert killed.returncode == -9
    assert read_schema_version(database) == BEFORE
    with database.engine.begin() as db:  # read and written as before, with no lock left
        assert db.scalar(text("SELECT count(*) FROM actors"))
        db.execute(text("UPDATE datasets SET name = name"))
        columns = db.execute(text("SELECT * FROM datasets LIMIT 0")).keys()
    assert "access" not in columns
    upgrade_schema(database)
    require_current_schema(database)


def test_a_migration_lets_others_go_on_while_it_waits_for_a_long_transaction(
    database: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "sqlite":
        pytest.skip("readers of SQLite are never in the way of a migration")
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.05)
    downgrade_schema(database, BEFORE)
    with database.engine.begin() as long:
        long.execute(text("SELECT count(*) FROM datasets"))
        migration = threading.Thread(target=upgrade_schema, args=(database,))
        migration.start()
        for _ in range(5):  # each would wait for ever behind a migration that waits for ever
            with database.engine.begin() as db:
                db.execute(text("SET LOCAL lock_timeout = '5s'"))
                assert db.scalar(text("SELECT count(*) FROM datasets")) is not None
        assert read_schema_version(database) == BEFORE
    migration.join(30)
    assert read_schema_version(database) == HEAD
