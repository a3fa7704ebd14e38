"""Statements straight at the driver fail, and see one state, as those of SQLAlchemy do."""

import pytest
from sqlalchemy import column, literal_column, select, table
from sqlalchemy.exc import DBAPIError

from app.db.dialect import compiled
from app.db.engine import Database


def test_a_fault_of_the_driver_is_one_of_the_database(database: Database) -> None:
    wrong = select(column("nothing")).select_from(table("nowhere"))
    with database.connect() as db, pytest.raises(DBAPIError):
        compiled(db.dialect.name, wrong).rows(db, {})


def test_the_first_statement_begins_the_transaction(database: Database) -> None:
    with database.connect() as db:
        assert compiled(db.dialect.name, select(literal_column("1"))).rows(db, {}) == [(1,)]
        assert db.in_transaction()
