"""Statements straight at the driver fail, and see one state, as those of SQLAlchemy do."""

import sqlite3
from threading import Thread
from time import sleep
from typing import Any

import make
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    BigInteger,
    Connection,
    Float,
    Integer,
    String,
    bindparam,
    column,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.exc import DBAPIError

from app.db.dialect import format_array_literal, in_list, in_list_params
from app.db.dialect.fast_statements import (
    MAX_PREPARED_STATEMENTS,
    compile_prepared,
    compile_statement,
)
from app.db.engine import Database
from app.db.journal import Writer
from app.db.lineage_table import read_version
from app.db.tables import actor_names, actors, revisions
from app.events.changes import write_resolved_events
from app.events.record import EventRecord


def test_a_fault_of_the_driver_is_one_of_the_database(database: Database) -> None:
    wrong = select(column("nothing")).select_from(table("nowhere"))
    with database.connect() as db, pytest.raises(DBAPIError):
        compile_statement(db.dialect.name, wrong).fetch_rows(db, {})


def is_in_transaction(db: Connection) -> bool:
    raw: Any = db.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        return raw.in_transaction
    return bool(raw.info.transaction_status == TransactionStatus.INTRANS)


@pytest.mark.parametrize("steady", [False, True])
def test_the_first_statement_begins_the_transaction(database: Database, steady: bool) -> None:
    one = select(literal_column("1"))
    for _ in range(2):  # what the pool hands on is in none
        with database.connect() as db:
            assert not is_in_transaction(db)
            ours = compile_statement(db.dialect.name, one, steady=steady)
            assert ours.fetch_rows(db, {}) == [(1,)]
            assert is_in_transaction(db)
            assert db.scalar(one) == 1  # SQLAlchemy joins it


def test_a_connection_sees_one_state(database: Database) -> None:
    with database.connect() as db:
        before = read_version(db)
        with database.write() as writing:
            make.dataset(writing)
        assert read_version(db) == before
        assert db.scalar(select(func.max(revisions.c.seq))) == before
    with database.connect() as db:
        assert read_version(db) > before


def test_only_a_plan_that_never_changes_is_kept(database: Database, kind: str) -> None:
    asked = select(actors.c.kind).where(actors.c.code == bindparam("asked"))
    kept = text(
        "SELECT coalesce(sum(generic_plans), 0), coalesce(sum(custom_plans), 0)"
        " FROM pg_prepared_statements"
    )
    for steady in (False, True):
        run = compile_statement(kind, asked, steady=steady)
        with database.connect() as db:
            found = [run.fetch_rows(db, {"asked": code}) for code in ("ARM", "nobody", "ARM") * 5]
            assert found == [[("state",)], [], [("state",)]] * 5
            if kind == "postgresql":
                generic, custom = db.execute(kept).one()
                assert (generic > 0) is steady
                assert (custom > 0) is steady


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_what_is_asked_often_is_read_once_and_planned_each_time(
    database: Database, kind: str
) -> None:
    asked = select(actors.c.code).where(actors.c.code == bindparam("asked"))
    often = compile_statement(kind, asked, often=True)
    steady = compile_statement(kind, asked.where(actors.c.kind == "state"), steady=True)
    plans = text(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
        " WHERE (statement LIKE '%actors.kind%') = :steady AND name LIKE 'kept%'"
    )
    for _ in range(2):
        with database.connect() as db:
            for code in ("ARM", "USA") * 5:
                assert often.fetch_rows(db, {"asked": code}) == [(code,)]
    with database.connect() as db:
        for code in ("ARM", "USA") * 5:  # where a plan is kept, it still is
            assert steady.fetch_rows(db, {"asked": code}) == [(code,)]
        assert db.execute(plans, {"steady": False}).all() == [(0, 20)]
        assert db.execute(plans, {"steady": True}).one()[0] > 0


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_what_is_asked_often_is_not_prepared_for_types_of_its_first_values(
    database: Database, kind: str
) -> None:
    counted = select(func.count()).select_from(revisions)
    below = counted.where(revisions.c.seq < bindparam("asked", type_=Float))
    often = compile_statement(kind, below, often=True)
    with database.connect() as db:
        for value, count in ((3, 2), (3.5, 3), (None, 0), (-0.25, 0)):
            assert often.fetch_rows(db, {"asked": value}) == [(count,)]
        kept = text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'kept%'")
        assert db.scalar(kept) == 1  # of the whole number and of none


@pytest.mark.slow
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_list_of_any_texts_arrives_as_it_is(database: Database, words: list[str]) -> None:
    listed = table("listed", column("word"))
    with database.connect() as db:
        db.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS listed (word text)"))
        db.execute(text("DELETE FROM listed"))
        wanted = {*words, "NULL", "{}", "none of them"}
        db.execute(listed.insert(), [{"word": w} for w in wanted])
        found = db.scalars(
            select(listed.c.word).where(in_list(db, listed.c.word)), in_list_params(db, words)
        )
        assert sorted(found) == sorted(set(words))
        db.rollback()


def test_an_array_is_written_as_postgresql_reads_it(database: Database, kind: str) -> None:
    texts, numbers = ['a"b', "c\\d", "", "NULL", "{e,f}", "g h"], [3, -1, 0]
    if kind == "postgresql":
        asked = text("SELECT CAST(CAST(:texts AS text) AS text[]), CAST(CAST(:n AS text) AS int[])")
        with database.connect() as db:
            fields = {"texts": format_array_literal(texts), "n": format_array_literal(numbers)}
            assert list(db.execute(asked, fields)) == [(texts, numbers)]
    assert format_array_literal([]) == "{}"


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_what_was_prepared_outlives_reads_and_faults(database: Database, kind: str) -> None:
    run = compile_statement(
        kind, select(actors.c.kind).where(actors.c.code == bindparam("asked")), steady=True
    )
    other = compile_prepared(kind, select(func.count()).select_from(actors))
    count_prepared = text(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%actors.kind%'"
    )
    with database.connect() as db:
        assert run.fetch_rows(db, {"asked": "ARM"}) == [("state",)]
    with database.write() as db:
        rows = [{"scheme": "name", "value": f"n{n}", "actor": "ARM"} for n in range(3)]
        db.execute(
            insert(actor_names), [{**row, "since": "", "until": "", "seq": 1} for row in rows]
        )
    with pytest.raises(DBAPIError), database.connect() as db:  # noqa: PT012
        assert db.scalar(count_prepared) == 1
        db.execute(text("SELECT nothing"))
    with database.connect() as db:
        assert other.fetch_rows(db, {})[0][0] > 200
        assert run.fetch_rows(db, {"asked": "nobody"}) == []
        assert db.scalar(count_prepared) == 1


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_connection_keeps_so_many_statements(database: Database, kind: str) -> None:
    count = text("SELECT count(*) FROM pg_prepared_statements")
    with database.connect() as db:
        for n in [*range(MAX_PREPARED_STATEMENTS + 20), 0, 1, 0]:
            run = compile_statement(kind, select(literal_column(f"{n}")), steady=True)
            assert run.fetch_rows(db, {}) == [(n,)]
        assert db.scalar(count) == MAX_PREPARED_STATEMENTS


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_discarded_statements_are_prepared_again(database: Database, kind: str) -> None:
    run = compile_statement(kind, select(literal_column("1")), steady=True)
    with database.connect() as db:
        assert run.fetch_rows(db, {}) == [(1,)]
        db.execute(text("DEALLOCATE ALL"))
        with pytest.raises(DBAPIError):
            run.fetch_rows(db, {})
        db.rollback()
        assert run.fetch_rows(db, {}) == [(1,)]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_nul_in_a_parameter_is_an_error(database: Database, kind: str) -> None:
    run = compile_prepared(kind, select(actors.c.kind).where(actors.c.code == bindparam("asked")))
    with database.connect() as db, pytest.raises(DBAPIError, match="NUL"):
        run.fetch_rows(db, {"asked": "ARM\0x"})


def test_a_fault_of_a_kept_statement_says_which(database: Database, kind: str) -> None:
    wrong = select(column("nothing")).select_from(table("nowhere"))
    with database.connect() as db, pytest.raises(DBAPIError, match="nowhere"):
        compile_statement(kind, wrong, steady=True).fetch_rows(db, {})
    with database.connect() as db:  # the pool has rolled back
        assert db.scalar(select(literal_column("1"))) == 1


def test_reads_that_begin_with_a_kept_statement_see_one_state(
    database: Database, kind: str
) -> None:
    newest = compile_prepared(kind, select(func.max(revisions.c.seq)))
    new = EventRecord(key="new", title="x", date="2020")
    with database.connect() as db:
        [(before,)] = newest.fetch_rows(db, {})
        with database.write() as other:
            write_resolved_events(other, [("curated:new", new)], Writer("w", None))
        assert newest.fetch_rows(db, {}) == [(before,)]
    with database.connect() as db:
        assert newest.fetch_rows(db, {})[0][0] > before


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_threads_go_on_while_a_kept_statement_runs(database: Database, kind: str) -> None:
    slow, counted = compile_prepared(kind, select(func.pg_sleep(0.5))), 0
    with database.connect() as db:
        waiting = Thread(target=slow.fetch_rows, args=(db, {}))
        waiting.start()
        while waiting.is_alive():
            sleep(0.01)
            counted += 1
        waiting.join()
    assert counted > 10


def test_values_of_any_type_arrive(database: Database, kind: str) -> None:
    fields = {"whole": -5, "real": 0.1, "text": "5", "none": None, "many": 1 << 40}
    types = {"whole": Integer, "real": Float, "text": String, "none": String, "many": BigInteger}
    asked = select(*(bindparam(name, type_=type_()) for name, type_ in types.items()))
    with database.connect() as db:
        assert compile_statement(kind, asked, steady=True).fetch_rows(db, fields) == [
            tuple(fields.values())
        ]
