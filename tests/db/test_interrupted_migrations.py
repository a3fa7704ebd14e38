"""Migrations that are killed or have to wait: the database stays as it was, and is served."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import op
from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.db import migrate
from app.db.dialect import lock_for_writing
from app.db.engine import Database
from app.db.migrate import downgrade_schema, make_alembic_config, upgrade_schema
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
"""The last migration adds columns to three tables before it makes an index."""
BEFORE, EARLIER = "20261201_unsent", "20261201_pulls"
OLDEST = "20261124_families"
"""The schema of the first release."""


@pytest.mark.slow
def test_a_killed_upgrade_leaves_what_was_complete_and_a_database_that_is_served(
    database: Database,
) -> None:
    downgrade_schema(database, EARLIER)
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


def test_a_migration_outwaits_the_vacuum_of_the_database(database: Database, kind: str) -> None:
    """A vacuum gives way where somebody waits until the database looks who waits for whom."""
    if kind == "sqlite":
        pytest.skip("SQLite runs no vacuum by itself")
    asked = "SELECT CAST(setting AS integer) FROM pg_settings WHERE name = 'deadlock_timeout'"
    with database.engine.connect() as db:
        looked_after = int(db.scalar(text(asked)) or 0)
    waits = [
        make_alembic_config(database, attempt).attributes["lock_milliseconds"]
        for attempt in (0, migrate.PATIENT_ATTEMPT)
    ]
    assert waits[0] < looked_after < waits[1]


def test_a_migration_and_a_writer_never_wait_for_each_other(database: Database, kind: str) -> None:
    """The writer has what the migration needs last, and then needs what it changes first."""
    if kind == "sqlite":
        pytest.skip("on SQLite there is one lock for all")
    downgrade_schema(database, BEFORE)
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'virtualxid'")
    with database.engine.begin() as db, database.engine.connect() as watcher:
        db.execute(text("SET LOCAL deadlock_timeout = '1ms'"))  # this one would be ended
        lock_for_writing(db)
        db.execute(text("UPDATE keys SET name = name"))
        db.execute(text("LOCK TABLE keys IN ROW EXCLUSIVE MODE"))
        migration = threading.Thread(target=upgrade_schema, args=(database,))
        migration.start()
        while not watcher.scalar(waiting):
            watcher.rollback()
        db.execute(text("UPDATE datasets SET name = name"))
    migration.join(30)
    assert read_schema_version(database) == HEAD


def test_what_fills_a_table_stops_none_of_its_readers(
    database: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "sqlite":
        pytest.skip("readers of SQLite never wait for a writer")
    downgrade_schema(database, OLDEST)
    tried: list[str] = []
    execute = op.execute

    def execute_and_read(statement: str, *more: object, **others: object) -> None:
        execute(statement, *more, **others)  # type: ignore[arg-type]
        if filled := re.match(r"UPDATE (\w+)", str(statement)):
            with database.engine.begin() as db:
                db.execute(text("SET LOCAL lock_timeout = '100ms'"))
                db.execute(text(f"SELECT * FROM {filled[1]} LIMIT 1"))
            tried.append(filled[1])

    monkeypatch.setattr(op, "execute", execute_and_read)
    upgrade_schema(database)
    assert {"sources", "signals", "past_signals", "participations"} <= set(tried)


@pytest.mark.on_both
@pytest.mark.parametrize("revision", ["20261127_cited", "20261201_spans", "20261201_narrowed"])
def test_a_migration_that_was_interrupted_after_adding_columns_goes_on(
    database: Database, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    downgrade_schema(database, OLDEST)
    execute = op.execute

    def fail(statement: str, *more: object, **others: object) -> None:
        if str(statement).startswith("UPDATE"):
            raise KeyboardInterrupt
        execute(statement, *more, **others)  # type: ignore[arg-type]

    script = ScriptDirectory.from_config(make_alembic_config(database))
    before = script.get_revision(revision).down_revision
    assert isinstance(before, str)
    upgrade_schema(database, before)
    monkeypatch.setattr(op, "execute", fail)
    with pytest.raises(KeyboardInterrupt):
        upgrade_schema(database)
    monkeypatch.undo()
    assert read_schema_version(database) == before
    upgrade_schema(database)
    require_current_schema(database)
