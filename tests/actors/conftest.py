"""Tests of names read one database, which none of them changes."""

from collections.abc import Iterator

import pytest

from app.db.engine import Database
from app.db.lineage_table import read_version


@pytest.fixture
def database(bundled_database: Database) -> Iterator[Database]:
    """The database that all tests share: a copy for each would take longer than the tests."""
    with bundled_database.connect() as db:
        before = read_version(db)
    yield bundled_database
    with bundled_database.connect() as db:
        assert read_version(db) == before, "a test that writes needs a database of its own"
