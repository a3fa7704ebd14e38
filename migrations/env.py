"""How migrations run: one after the other, each in a transaction of its own.

Where nothing was migrated before, nobody else uses the database, and one transaction is faster.
"""

import time

from alembic import context
from sqlalchemy import Connection, Engine, event, inspect, text

from app.db.dialect import lock_for_writing
from app.db.tables import metadata

engine: Engine = context.config.attributes["engine"]
LOCK_MILLISECONDS: int = context.config.attributes["lock_milliseconds"]
WRITER_LOCK_MILLISECONDS = 60_000
"""How long a migration waits for its turn among the writers, whom that does not delay."""
NOTICED_SECONDS, PAUSE_SECONDS = 0.1, 0.15
"""After a migration that took longer than the one, those who wait have the other. SQLite's writers
look for the lock every tenth of a second."""


class Turns:
    """What comes before each migration and after it."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._begun = time.monotonic()
        self.is_new = not inspect(db).has_table("alembic_version")
        self._tables = self._read_tables()

    def begin_migration(self, db: Connection) -> None:
        """Take the lock of writers before all others, so that no two wait for each other."""
        self._begun = time.monotonic()
        if db.dialect.name == "postgresql":
            db.execute(text(f"SET LOCAL lock_timeout = {WRITER_LOCK_MILLISECONDS}"))
            lock_for_writing(db)
            db.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}"))

    def end_migration(self, **_: object) -> None:
        """Commit a migration, and leave others some time."""
        if not self.is_new:
            self.commit()
            if time.monotonic() - self._begun > NOTICED_SECONDS:
                time.sleep(PAUSE_SECONDS)

    def commit(self) -> None:
        """Commit what has been done, unless it breaks references, which SQLite does not check."""
        if self._db.dialect.name == "sqlite":
            tables = self._read_tables()
            if not self._tables.items() <= tables.items():  # one was replaced by a changed one
                broken = self._db.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise RuntimeError(f"the migration would break {len(broken)} references")
            self._tables = tables
        self._db.commit()

    def _read_tables(self) -> dict[str, int]:
        """Read where the tables of an SQLite file begin."""
        if self._db.dialect.name != "sqlite":
            return {}
        asked = "SELECT name, rootpage FROM sqlite_master WHERE type = 'table'"
        return {str(name): int(page) for name, page in self._db.exec_driver_sql(asked)}


def run_migrations(db: Connection) -> None:
    """Run the migrations that are asked for."""
    turns = Turns(db)
    db.rollback()
    if db.dialect.name == "postgresql":
        db.execute(text("SET statement_timeout = '1h'"))
        db.execute(text("SELECT pg_advisory_lock(7140311)"))  # one upgrade at a time
        db.commit()
    else:
        raw = db.connection.dbapi_connection
        assert raw is not None
        raw.cursor().execute("PRAGMA foreign_keys=OFF")  # not within a transaction
    event.listen(db, "begin", turns.begin_migration)
    context.configure(
        connection=db, target_metadata=metadata, render_as_batch=True,
        on_version_apply=turns.end_migration,
    )  # fmt: skip
    db.begin()  # otherwise the transactions would be Alembic's
    with context.begin_transaction():
        context.run_migrations()
    turns.commit()


with engine.execution_options(entente_writes=True).connect() as db:
    try:
        run_migrations(db)
    finally:
        db.invalidate()  # with its settings, and the lock of the session
