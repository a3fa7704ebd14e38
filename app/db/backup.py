"""Copies of a whole database while others write: taken from one state of it, put back whole.

On SQLite a backup is a database, made by SQLite's own backup interface: copying the file would lose
what its log still holds. On PostgreSQL it is a zip of every table in COPY's text form, read in one
transaction, so that it needs no program beside ours and no version of one.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from app.db.dialect import file_of
from app.db.engine import Database
from app.db.packed import BackupError, pack, unpack


def backup(database: Database, to: Path) -> int:
    """Write a backup, in place of one that is there; the version that it is of.

    The file appears under its name only when it is whole.
    """
    to = to.absolute()
    if not to.parent.is_dir():
        raise BackupError(f"{to.parent} is no folder")
    with TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as place:
        made = Path(place) / "made"
        file = file_of(database.engine)
        version = pack(database, made) if file is None else _copy(file, made)
        made.chmod(0o600)  # it holds the digests of keys
        os.replace(made, to)
    return version


def restore(database: Database, file: Path) -> int:
    """Put a backup in place of all that stands; the version that stands then.

    What stood in an SQLite file is kept beside it, as `….before-restore`. Raises `BackupError`,
    and changes nothing, where the file is no backup of this kind of database.
    """
    if not file.is_file():
        raise BackupError(f"{file} is no file")
    held = file_of(database.engine)
    return unpack(database, file) if held is None else _copy_back(file, held)


# ── SQLite ────────────────────────────────────────────────────────────────────────────────────
def _copy(file: Path, to: Path) -> int:
    with closing(_opened(file)) as source, closing(sqlite3.connect(to)) as made:
        source.backup(made)  # in one step: what is committed meanwhile does not begin it anew
        made.execute("PRAGMA journal_mode=DELETE")  # one file, and nothing beside it
        return _sound(made, file)


def _copy_back(file: Path, held: Path) -> int:
    if held.resolve() == file.resolve():
        raise BackupError(f"{file} is the database itself")
    with closing(_opened(file)) as source:
        version = _sound(source, file)
        if held.exists():
            _keep(held, held.with_name(f"{held.name}.before-restore"))
        with closing(sqlite3.connect(held, timeout=30)) as target:
            target.execute("PRAGMA journal_mode=WAL")
            source.backup(target)
        return version


def _keep(file: Path, to: Path) -> None:
    """A copy, of what may be damaged."""
    to.unlink(missing_ok=True)
    with closing(_opened(file)) as source, closing(sqlite3.connect(to)) as made:
        source.backup(made)
    to.chmod(0o600)


def _opened(file: Path) -> sqlite3.Connection:
    try:
        made = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
        made.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as wrong:
        raise BackupError(f"{file} cannot be read as an SQLite database: {wrong}") from wrong
    return made


def _sound(held: sqlite3.Connection, file: Path) -> int:
    """The version of a database that SQLite finds whole."""
    try:
        [(found,)] = held.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise BackupError(f"{file} is damaged: {found}")
        [(schema,)] = held.execute("SELECT version_num FROM alembic_version").fetchall()
        [(version,)] = held.execute("SELECT coalesce(max(seq), 0) FROM revisions").fetchall()
    except (sqlite3.DatabaseError, ValueError) as wrong:
        raise BackupError(f"{file} is no backup of ours: {wrong}") from wrong
    assert schema
    return int(version)
