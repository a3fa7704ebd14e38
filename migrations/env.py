"""How migrations run: one at a time, never waiting long for a lock."""

from alembic import context
from sqlalchemy import Connection, Engine, text

from app.db.tables import metadata

engine: Engine = context.config.attributes["engine"]


def run_on_postgresql(db: Connection) -> None:
    """Run migrations in one transaction; questions wait for the locks that it has to wait for."""
    db.execute(text(f"SET lock_timeout = {context.config.attributes['lock_milliseconds']}"))
    db.execute(text("SET statement_timeout = '1h'"))
    db.execute(text("SELECT pg_advisory_lock(7140311)"))
    run_in_transaction(db)
    db.execute(text("SELECT pg_advisory_unlock(7140311)"))
    db.commit()


def run_on_sqlite(db: Connection) -> None:
    """Run migrations in one transaction, in which tables may be replaced by changed ones."""
    db.exec_driver_sql("COMMIT")
    db.exec_driver_sql("PRAGMA foreign_keys=OFF")
    db.exec_driver_sql("BEGIN IMMEDIATE")
    run_in_transaction(db)
    broken = db.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration would break {len(broken)} references")
    db.commit()
    db.exec_driver_sql("PRAGMA foreign_keys=ON")


def run_in_transaction(db: Connection) -> None:
    """Run the migrations that are asked for."""
    context.configure(connection=db, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


with engine.connect() as db:
    try:
        (run_on_postgresql if engine.dialect.name == "postgresql" else run_on_sqlite)(db)
    finally:
        db.invalidate()  # with its settings, and the lock that the session has after a failure
