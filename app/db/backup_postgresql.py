"""Write and restore PostgreSQL backups: one zip of all tables in COPY's text format."""

import json
import zipfile
from pathlib import Path
from typing import TypedDict

from sqlalchemy import func, inspect, select, text

from app.db.dialect import lock_for_writing
from app.db.dialect.bulk_copy import copy_in, copy_out
from app.db.engine import Database
from app.db.lineage_table import begin_lineage
from app.db.migrate import upgrade_schema
from app.db.schema import read_schema_version
from app.db.tables import metadata, revisions

MANIFEST = "manifest.json"
RESTORED = "a backup was restored"
"""Why a lineage begins."""
BACKUP_FORMAT = "entente-backup-1"


class BackupError(Exception):
    """A backup that cannot be written or restored; the message says why."""


def write_postgresql_backup(database: Database, to: Path) -> int:
    """Write all tables as one transaction sees them, and return the version they are at."""
    schema = read_schema_version(database)
    if schema is None:
        raise BackupError("the database is empty")
    with (
        database.connect() as db,
        zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, True, 1) as archive,
    ):
        version = int(db.scalar(select(func.coalesce(func.max(revisions.c.seq), 0))) or 0)
        tables = _list_columns()
        manifest: Manifest = {
            "form": BACKUP_FORMAT,
            "schema": schema,
            "version": version,
            "tables": tables,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        for name, columns in tables.items():
            with archive.open(name, "w", force_zip64=True) as out:
                for piece in copy_out(db, name, columns):
                    out.write(piece)
    return version


class Manifest(TypedDict):
    """What a backup says of itself."""

    form: str
    schema: str
    version: int
    tables: dict[str, list[str]]
    """Column names by table, in the order in which tables are filled."""


def _list_columns() -> dict[str, list[str]]:
    """Return the column names of every table; a table comes after those it references."""
    found: dict[str, list[str]] = {
        table.name: [column.name for column in table.columns] for table in metadata.sorted_tables
    }
    return found | {"event_words": ["seq", "words"]}


def restore_postgresql_backup(database: Database, file: Path) -> int:
    """Replace all tables by those of a backup and return its version, or change nothing."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest: Manifest = json.loads(archive.read(MANIFEST))
            if manifest["form"] != BACKUP_FORMAT or archive.testzip() is not None:
                raise BackupError(f"{file} is damaged, or was written by another program")
            _prepare_schema(database, str(manifest["schema"]))
            _fill_tables(database, archive, manifest["tables"])
            return int(manifest["version"])
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise BackupError(f"{file} is no backup of an Entente database on PostgreSQL") from error


def _prepare_schema(database: Database, schema: str) -> None:
    """Migrate an empty database to the backup's schema; raise where another schema is present."""
    current = read_schema_version(database)
    if current is None:
        upgrade_schema(database, schema)
    elif current != schema:
        raise BackupError(
            f"the backup has schema {schema}, the database {current}: restore into an empty one"
        )


def _fill_tables(
    database: Database, archive: zipfile.ZipFile, tables: dict[str, list[str]]
) -> None:
    with database.engine.begin() as db:
        lock_for_writing(db)
        # Compared with the tables in the database, not with today's `metadata`: a backup of an
        # older schema may have fewer.
        if set(tables) != set(inspect(db).get_table_names()) - {"alembic_version"}:
            raise BackupError("the backup and the database have different tables")
        names = ", ".join(f'"{name}"' for name in tables)
        db.execute(text("SET LOCAL lock_timeout = '30s'"))
        db.execute(text(f"TRUNCATE {names}"))
        for name, columns in tables.items():
            with archive.open(name) as rows:
                copy_in(db, name, columns, iter(lambda: rows.read(1 << 20), b""))
        begin_lineage(db, RESTORED)
