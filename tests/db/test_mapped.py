"""What is read of a file of SQLite is mapped as far as SQLite can."""

import pytest

from app.db.engine import Database

USUAL_LIMIT = 0x7FFF0000
"""What SQLite is mostly compiled for."""


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_connection_maps_as_much_as_sqlite_was_compiled_for(database: Database) -> None:
    with database.connect() as db:
        mapped = db.exec_driver_sql("PRAGMA mmap_size").scalar_one()
        most = db.exec_driver_sql(f"PRAGMA mmap_size={1 << 62}").scalar_one()
    assert mapped >= min(most, USUAL_LIMIT)
