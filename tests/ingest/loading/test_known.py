"""What rows refer to: the database looks it up, but for a loader that may say that it is known."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.errors import ForeignKeyViolation
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import IntegrityError

from app.db.dialect.bulk_copy import bulk_insert, prepare_bulk_load, skip_reference_checks
from app.db.engine import Database
from app.db.tables import reports
from app.events.index_rows import COLUMNS_BY_TABLE
from ingest.loading import find_faults, list_counts, load_file, write_file
from ingest.rows import join_events, make_event


def add_report(db: Connection, number: int) -> None:
    """A report of a source that is not there."""
    row = ("curated:e", number, "no-such-source", "p", None, None, None, "reports", 1)
    bulk_insert(db, reports.name, COLUMNS_BY_TABLE[reports.name], [row])


@pytest.fixture
def plain(database: Database) -> Iterator[Database]:
    """The same database for a role that may but read and write; SQLite has no roles."""
    role, password = f"plain_{uuid4().hex[:8]}", uuid4().hex
    if database.engine.dialect.name == "sqlite":
        yield database
        return
    with database.write() as db:
        db.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
        db.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"))
    url = make_url(database.engine.url).set(username=role, password=password)
    made = Database(url.render_as_string(hide_password=False))
    yield made
    made.close()
    with database.write() as db:
        db.execute(text(f"DROP OWNED BY {role}"))
        db.execute(text(f"DROP ROLE {role}"))


def test_privileged_loader_skips_foreign_key_checks(database: Database) -> None:
    with database.connect() as db:
        prepare_bulk_load(db)
    with database.write() as db:
        with skip_reference_checks(db):
            add_report(db, 1)
        if db.dialect.name == "postgresql":
            with pytest.raises(ForeignKeyViolation):  # the driver's own, within the block
                add_report(db, 2)
        db.rollback()


def test_verify_detects_rows_with_missing_references(database: Database) -> None:
    assert find_faults(database) == []
    with database.connect() as db:
        prepare_bulk_load(db)
    with database.write() as db, skip_reference_checks(db):
        add_report(db, 1)
    message = "reports: 1 rows of the source 'no-such-source', which does not exist"
    assert message in find_faults(database)


def test_unprivileged_loader_checks_foreign_keys(plain: Database) -> None:
    with pytest.raises(IntegrityError), plain.write() as db, skip_reference_checks(db):
        add_report(db, 1)


def test_granted_role_skips_foreign_key_checks(plain: Database, database: Database) -> None:
    """On PostgreSQL a role is granted it; on SQLite a connection is set up for it."""
    role, grants = plain.engine.url.username, database.engine.dialect.name == "postgresql"
    named = "SET ON PARAMETER session_replication_role"
    if grants:
        with database.write() as db:
            db.execute(text(f"GRANT {named} TO {role}"))
    else:
        with plain.connect() as db:
            prepare_bulk_load(db)
    with plain.write() as db:
        with skip_reference_checks(db):
            add_report(db, 1)
        db.rollback()
    if grants:
        with database.write() as db:
            db.execute(text(f"REVOKE {named} FROM {role}"))


def test_a_role_that_may_do_no_more_than_read_and_write_loads(
    plain: Database, tmp_path: Path
) -> None:
    path = write_file(tmp_path / "a.ndjson", join_events(*(make_event(f"k{n}") for n in range(20))))
    assert list_counts(load_file(plain, path)[0]) == {"rows": 20, "new": 20}
    assert find_faults(plain) == []


def test_foreign_key_checks_are_restored_after_an_error(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as db, skip_reference_checks(db):
        raise ZeroDivisionError
    with pytest.raises(IntegrityError), database.write() as db:
        add_report(db, 1)
