"""Statements straight at the driver fail, and see one state, as those of SQLAlchemy do."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, column, literal_column, select, table, text
from sqlalchemy.exc import DBAPIError

from app.db.dialect import among, array, listed
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


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_list_of_any_texts_arrives_as_it_is(database: Database, words: list[str]) -> None:
    held = table("held", column("word"))
    with database.connect() as db:
        db.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS held (word text)"))
        db.execute(text("DELETE FROM held"))
        wanted = {*words, "NULL", "{}", "none of them"}
        db.execute(held.insert(), [{"word": w} for w in wanted])
        found = db.scalars(select(held.c.word).where(among(db, held.c.word)), listed(db, words))
        assert sorted(found) == sorted(set(words))
        db.rollback()


def test_an_array_is_written_as_postgresql_reads_it(database: Database, kind: str) -> None:
    texts, numbers = ['a"b', "c\\d", "", "NULL", "{e,f}", "g h"], [3, -1, 0]
    if kind == "postgresql":
        asked = text("SELECT CAST(CAST(:texts AS text) AS text[]), CAST(CAST(:n AS text) AS int[])")
        with database.connect() as db:
            given = {"texts": array(texts), "n": array(numbers)}
            assert list(db.execute(asked, given)) == [(texts, numbers)]
    assert array([]) == "{}"


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_what_was_prepared_outlives_the_read(database: Database, kind: str) -> None:
    """A rollback would throw it away: the next request would prepare all of it anew."""
    asked = select(actors.c.kind).where(actors.c.code == bindparam("asked"))
    run = compiled(kind, asked, steady=True)
    held = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%actors.kind%'")
    with database.connect() as db:
        assert run.rows(db, {"asked": "ARM"}) == [("state",)]
    with database.connect() as db:
        assert db.scalar(held) == 1
        with pytest.raises(DBAPIError):
            db.execute(text("SELECT nothing"))
    with database.connect() as db:
        assert db.scalar(text("SELECT 1")) == 1
