"""Write and restore copies of a whole database while other processes write.

An SQLite backup is a database file, made by SQLite's backup interface: copying the file would lose
what is still in its write-ahead log. A PostgreSQL backup is a zip of every table in COPY's text
format, read in one transaction, so that no `pg_dump` of a matching version is needed.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine

from app.db.backup_postgresql import (
    RESTORED,
    BackupError,
    restore_postgresql_backup,
    write_postgresql_backup,
)
from app.db.dialect import find_sqlite_file
from app.db.engine import Database
from app.db.lineage_table import begin_lineage


def write_backup(database: Database, to: Path) -> int:
    """Write a backup file, replacing an older one, and return the version that it contains.

    The file appears under its name only when it is complete. Raises `BackupError` where the folder
    does not exist.
    """
    to = to.absolute()
    if not to.parent.is_dir():
        raise BackupError(f"no folder {to.parent}")
    with TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as folder:
        made = Path(folder) / "made"
        file = find_sqlite_file(database.engine)
        version = (
            write_postgresql_backup(database, made) if file is None else _copy_sqlite(file, made)
        )
        made.chmod(0o600)  # the database contains the hashes of keys
        os.replace(made, to)
    return version


def restore_backup(database: Database, file: Path) -> int:
    """Replace the content of the database by a backup, and return the version it is at then.

    A lineage begins at that version, since the numbers after it will be given out again. The
    previous content of an SQLite file is kept in the same folder as `….before-restore`. Raises
    `BackupError`, and changes nothing, where the file is no backup of this kind of database.
    """
    if not file.is_file():
        raise BackupError(f"no file {file}")
    current = find_sqlite_file(database.engine)
    return (
        restore_postgresql_backup(database, file)
        if current is None
        else _restore_sqlite(file, current)
    )


# ── SQLite ────────────────────────────────────────────────────────────────────────────────────
def _copy_sqlite(file: Path, to: Path) -> int:
    with closing(_open_read_only(file)) as source, closing(sqlite3.connect(to)) as made:
        source.backup(made)  # in one step: copying page by page restarts at every commit meanwhile
        # So that the backup is one file, without -wal and -shm.
        made.execute("PRAGMA journal_mode=DELETE")
        return _read_checked_version(made, file)


def _restore_sqlite(file: Path, current: Path) -> int:
    if current.resolve() == file.resolve():
        raise BackupError(f"{file} is the database itself")
    with closing(_open_read_only(file)) as source:
        version = _read_checked_version(source, file)
        if current.exists():
            _copy_aside(current, current.with_name(f"{current.name}.before-restore"))
        with TemporaryDirectory(prefix=f".{current.name}-", dir=current.parent) as folder:
            _restore_forked(source, Path(folder) / "forked", current)
        return version


def _restore_forked(source: sqlite3.Connection, forked: Path, current: Path) -> None:
    """Restore a copy that has the new lineage already: a write may follow at once."""
    with closing(sqlite3.connect(forked)) as copy:
        source.backup(copy)
    engine = create_engine(f"sqlite:///{forked}")
    with engine.begin() as db:
        begin_lineage(db, RESTORED)
    engine.dispose()
    with (
        closing(sqlite3.connect(forked)) as copy,
        closing(sqlite3.connect(current, timeout=30)) as target,
    ):
        target.execute("PRAGMA journal_mode=WAL")
        copy.backup(target)


def _copy_aside(file: Path, to: Path) -> None:
    """Copy a database that may be damaged, replacing an older copy, without checking it."""
    to.unlink(missing_ok=True)
    with closing(_open_read_only(file)) as source, closing(sqlite3.connect(to)) as made:
        source.backup(made)
    to.chmod(0o600)


def _open_read_only(file: Path) -> sqlite3.Connection:
    try:
        made = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
        made.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{file} cannot be read as an SQLite database: {error}") from error
    return made


def _read_checked_version(current: sqlite3.Connection, file: Path) -> int:
    """Return the version of an SQLite database; raise `BackupError` unless its check passes."""
    try:
        [(found,)] = current.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise BackupError(f"{file} is damaged: {found}")
        [(schema,)] = current.execute("SELECT version_num FROM alembic_version").fetchall()
        [(version,)] = current.execute("SELECT coalesce(max(seq), 0) FROM revisions").fetchall()
    except (sqlite3.DatabaseError, ValueError) as error:
        raise BackupError(f"{file} is no backup of an Entente database: {error}") from error
    assert schema
    return int(version)
