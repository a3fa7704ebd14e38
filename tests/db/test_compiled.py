"""Statements straight at the driver fail, and see one state, as those of SQLAlchemy do."""

import pytest
from sqlalchemy import bindparam, column, literal_column, select, table, text
from sqlalchemy.exc import DBAPIError

from app.db.dialect.statements import compiled
from app.db.engine import Database
from app.db.tables import actors


def test_a_fault_of_the_driver_is_one_of_the_database(database: Database) -> None:
    wrong = select(column("nothing")).select_from(table("nowhere"))
    with database.connect() as db, pytest.raises(DBAPIError):
        compiled(db.dialect.name, wrong).rows(db, {})


def test_the_first_statement_begins_the_transaction(database: Database) -> None:
    with database.connect() as db:
        assert compiled(db.dialect.name, select(literal_column("1"))).rows(db, {}) == [(1,)]
        assert db.in_transaction()


def test_only_a_plan_that_never_changes_is_kept(database: Database, kind: str) -> None:
    asked = select(actors.c.kind).where(actors.c.code == bindparam("asked"))
    kept = text(
        "SELECT coalesce(sum(generic_plans), 0), coalesce(sum(custom_plans), 0)"
        " FROM pg_prepared_statements"
    )
    for steady in (False, True):
        run = compiled(kind, asked, steady=steady)
        with database.connect() as db:
            found = [run.rows(db, {"asked": code}) for code in ("ARM", "nobody", "ARM") * 5]
            assert found == [[("state",)], [], [("state",)]] * 5
            if kind == "postgresql":
                generic, custom = db.execute(kept).one()
                assert (generic > 0) is steady
                assert (custom > 0) is steady
