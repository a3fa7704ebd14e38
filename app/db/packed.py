"""A whole PostgreSQL database as one file: a zip of its tables in COPY's text form."""

import json
import zipfile
from pathlib import Path
from typing import Any

from sqlalchemy import func, inspect, select, text

from app.db.dialect import one_writer
from app.db.dialect.pouring import copied_in, copied_out
from app.db.engine import Database
from app.db.migrate import upgrade
from app.db.schema import schema_of
from app.db.tables import metadata, revisions

MANIFEST, FORM = "manifest.json", "entente-backup-1"


class BackupError(Exception):
    """A file that cannot be made, or from which nothing can be put back; says why."""


def pack(database: Database, to: Path) -> int:
    """Write the tables as one transaction sees them; the version that they are of."""
    schema = schema_of(database)
    if schema is None:
        raise BackupError("the database is empty: there is nothing to keep")
    with database.connect() as db, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, True, 1) as made:
        version = int(db.scalar(select(func.coalesce(func.max(revisions.c.seq), 0))) or 0)
        held = _columns()
        told = {"form": FORM, "schema": schema, "version": version, "tables": held}
        made.writestr(MANIFEST, json.dumps(told, indent=1))
        for name, columns in held.items():
            with made.open(name, "w", force_zip64=True) as out:
                for piece in copied_out(db, name, columns):
                    out.write(piece)
    return version


def _columns() -> dict[str, list[str]]:
    """The columns of every table, each after those that it refers to."""
    found: dict[str, list[str]] = {
        table.name: [column.name for column in table.columns] for table in metadata.sorted_tables
    }
    return found | {"event_words": ["seq", "words"]}


def unpack(database: Database, file: Path) -> int:
    """Put the tables of a file in place of those that stand, or change nothing."""
    try:
        with zipfile.ZipFile(file) as made:
            told: dict[str, Any] = json.loads(made.read(MANIFEST))
            if told["form"] != FORM or made.testzip() is not None:
                raise BackupError(f"{file} is damaged, or of another program")
            _prepare(database, str(told["schema"]))
            _fill(database, made, told["tables"])
            return int(told["version"])
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as wrong:
        raise BackupError(f"{file} is no backup of a PostgreSQL database of ours") from wrong


def _prepare(database: Database, schema: str) -> None:
    """An empty database gets the schema of the backup; another one has to have it."""
    current = schema_of(database)
    if current is None:
        upgrade(database, schema)
    elif current != schema:
        raise BackupError(
            f"it is of schema {schema}, the database is at {current}: restore into an empty one"
        )


def _fill(database: Database, made: zipfile.ZipFile, tables: dict[str, list[str]]) -> None:
    with database.engine.begin() as db:
        one_writer(db)
        # Of the schema of the backup, which may have fewer tables than today's.
        if set(tables) != set(inspect(db).get_table_names()) - {"alembic_version"}:
            raise BackupError("it has other tables than the database")
        names = ", ".join(f'"{name}"' for name in tables)
        db.execute(text("SET LOCAL lock_timeout = '30s'"))
        db.execute(text(f"TRUNCATE {names}"))
        for name, columns in tables.items():
            with made.open(name) as held:
                copied_in(db, name, columns, iter(lambda: held.read(1 << 20), b""))
