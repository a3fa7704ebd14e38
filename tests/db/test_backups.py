"""A backup is of one state of the database, and puts it back whole."""

import json
import threading
from contextlib import closing
from pathlib import Path
from uuid import uuid4
from zipfile import ZipFile

import pytest
from sqlalchemy import func, inspect, select
from typer.testing import CliRunner, Result

from app import cli
from app.cli import terminal
from app.db.backup import restore_backup, write_backup
from app.db.backup_postgresql import BackupError
from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.journal import Writer
from app.db.migrate import upgrade_schema
from app.db.tables import revisions
from app.events.changes import write_resolved_events
from app.events.record import convert_record
from app.events.verify import find_event_faults

pytestmark = pytest.mark.slow


def write_event(database: Database, key: str) -> None:
    event = convert_record({"key": key, "title": key, "date": "2023"})
    with database.write() as db:
        write_resolved_events(db, [(f"curated:{key}", event)], Writer("tests"))


def read_last_seq(database: Database) -> int:
    with database.connect() as db:
        return int(db.scalar(select(func.max(revisions.c.seq))) or 0)


def read_content(database: Database) -> list[tuple[int, str]]:
    found = select(revisions.c.seq, document_of(revisions)).order_by(revisions.c.seq)
    with database.connect() as db:
        assert list(find_event_faults(db)) == []
        return [(seq, body) for seq, body in db.execute(found)]


@pytest.mark.bundled
def test_restore_reproduces_the_backed_up_database(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    write_event(database, "before")
    before = read_content(database)
    assert write_backup(database, file) == read_last_seq(database)
    assert file.stat().st_mode & 0o077 == 0
    write_event(database, "after")
    assert restore_backup(database, file) == len(before)
    assert read_content(database) == before
    write_event(database, "again")
    assert read_content(database)[-1][0] == len(before) + 1


def test_an_empty_database_is_filled(
    database: Database, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = read_content(database)
    write_backup(database, tmp_path / "kept")
    url = f"sqlite:///{tmp_path}/new.db"
    if kind == "postgresql":
        url = request.getfixturevalue("server").create_database(f"new-{uuid4().hex}")
    with closing(Database(url)) as new:
        assert restore_backup(new, tmp_path / "kept") == len(before)
        assert read_content(new) == before


def list_older_columns(request: pytest.FixtureRequest, schema: str) -> dict[str, set[str]]:
    """List the columns that each table had at an older schema."""
    url = request.getfixturevalue("server").create_database(f"schema-{uuid4().hex}")
    with closing(Database(url)) as made:
        upgrade_schema(made, schema)
        with made.connect() as db:
            found = inspect(db)
            return {
                name: {column["name"] for column in found.get_columns(name)}
                for name in found.get_table_names()
            }


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_backup_of_an_older_schema_fills_an_empty_database(
    database: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One that had fewer tables and columns: of SQLite the file itself is the backup."""
    write_backup(database, tmp_path / "new")
    kept = list_older_columns(request, "20261201_spans")
    with ZipFile(tmp_path / "new") as new, ZipFile(tmp_path / "old", "w") as old:
        document = json.loads(new.read("manifest.json"))
        for name, columns in document["tables"].items():
            if name in kept:
                at = [n for n, column in enumerate(columns) if column in kept[name]]
                rows = [line.split("\t") for line in new.read(name).decode().splitlines()]
                body = "".join("\t".join(row[n] for n in at) + "\n" for row in rows)
                old.writestr(name, body)
        tables = {
            name: [column for column in columns if column in kept[name]]
            for name, columns in document["tables"].items()
            if name in kept
        }
        older = {**document, "tables": tables, "schema": "20261201_spans"}
        old.writestr("manifest.json", json.dumps(older))
    url = request.getfixturevalue("server").create_database(f"older-{uuid4().hex}")
    with closing(Database(url)) as made:
        assert restore_backup(made, tmp_path / "old") == read_last_seq(database)
        upgrade_schema(made)
        assert read_content(made) == read_content(database)


def test_a_backup_is_whole_while_others_write(database: Database, tmp_path: Path) -> None:
    ended, written = threading.Event(), []

    def go_on() -> None:
        while not ended.is_set():
            write_event(database, f"n{len(written)}")
            written.append(read_last_seq(database))

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        kept = []
        for n in range(3):
            before = read_last_seq(database)
            kept.append(
                (before, write_backup(database, tmp_path / f"{n}"), read_last_seq(database))
            )
    finally:
        ended.set()
        writer.join()
    assert written
    for n, (before, version, after) in enumerate(kept):
        assert before <= version <= after
        assert restore_backup(database, tmp_path / f"{n}") == version
        assert [seq for seq, _ in read_content(database)] == list(range(1, version + 1))


def test_restoring_an_invalid_file_changes_nothing(database: Database, tmp_path: Path) -> None:
    before = read_content(database)
    good = tmp_path / "good"
    write_backup(database, good)
    cut = tmp_path / "cut"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    other = tmp_path / "other"
    other.write_text("not a backup")
    for file in (cut, other, tmp_path / "missing", tmp_path):
        with pytest.raises(BackupError):
            restore_backup(database, file)
    assert read_content(database) == before


def run_command(*words: str) -> Result:
    return CliRunner().invoke(cli.main, list(words))


def test_the_commands(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setattr(terminal.console, "width", 240)
    monkeypatch.setattr(terminal.errors, "width", 240)
    file, version = str(tmp_path / "kept"), read_last_seq(database)
    result = run_command("db", "backup", file)
    assert (result.exit_code, result.stdout) == (
        0, f"{file} contains the database as of version {version}.\n"
    )  # fmt: skip
    write_event(database, "after")
    result = run_command("db", "restore", file)
    assert (result.exit_code, result.stdout) == (
        0, f"The database is at version {version}.\n"
    )  # fmt: skip
    assert read_last_seq(database) == version
    for wrong in (["backup", str(tmp_path / "no" / "folder")], ["restore", "nowhere"]):
        result = run_command("db", *wrong)
        assert result.exit_code == 1
        assert "no file " in result.stderr or "no folder " in result.stderr
