"""How migrations run: one at a time, never waiting long for a lock."""

from alembic import context
from sqlalchemy import Engine, text

from app.db.tables import metadata

engine: Engine = context.config.attributes["engine"]

with engine.connect() as db:
    if engine.dialect.name == "postgresql":
        db.execute(text("SET lock_timeout = '10s'"))
        db.execute(text("SET statement_timeout = '1h'"))
        db.execute(text("SELECT pg_advisory_lock(7140311)"))
    else:
        db.exec_driver_sql("COMMIT")
        db.exec_driver_sql("PRAGMA foreign_keys=OFF")
        db.exec_driver_sql("BEGIN IMMEDIATE")
    context.configure(connection=db, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    if engine.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_unlock(7140311)"))
        db.commit()
        db.invalidate()
    else:
        broken = db.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"the migration would break {len(broken)} references")
        db.commit()
        db.exec_driver_sql("PRAGMA foreign_keys=ON")
        db.invalidate()
