"""Reads begin and end in few messages, and nothing of one is left to the next."""

from pathlib import Path

import make
import pytest
from sqlalchemy import Connection, func, literal_column, select, text
from sqlalchemy.exc import DBAPIError

from app.actors.changes import merge_actor, write_actors
from app.actors.parameters import resolve_query_actor
from app.actors.schemas import Actor
from app.db.dialect import get_psycopg_connection
from app.db.dialect.fast_statements import compile_statement
from app.db.dialect.one_state import expect_plans
from app.db.engine import Database
from app.db.failures import classify_failure
from app.db.lineage_table import read_version
from app.db.reader import get_state

on_postgresql = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


@pytest.fixture
def content() -> str:
    """The bundled actors alone."""
    return "actors"


def end_session(database: Database, db: Connection) -> None:
    """Let the server end the session of a connection."""
    pid = get_psycopg_connection(db).info.backend_pid
    with database.engine.connect() as other:
        assert other.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


@on_postgresql
def test_a_session_that_ended_in_the_pool_is_replaced(database: Database) -> None:
    with database.connect() as db:
        before = read_version(db)
    with database.connect() as db:
        end_session(database, db)
    with database.connect() as db:
        assert read_version(db) == before


@on_postgresql
@pytest.mark.parametrize("begins", [True, False])
def test_a_session_that_ends_during_a_read_says_so_and_is_replaced(
    database: Database, begins: bool
) -> None:
    one = select(literal_column("1"))
    with pytest.raises(DBAPIError) as lost, database.connect() as db:  # noqa: PT012 its end too
        if begins:
            read_version(db)
        end_session(database, db)
        compile_statement("postgresql", one, steady=True).fetch_rows(db, {})
    assert classify_failure(lost.value) == "unreachable"
    with database.connect() as db:
        assert read_version(db) == db.scalar(text("SELECT max(seq) FROM revisions"))


@on_postgresql
@pytest.mark.parametrize("fast", [True, False])
def test_readers_see_one_state_and_writers_the_newest(database: Database, fast: bool) -> None:
    level = text("SELECT current_setting('transaction_isolation')")
    apart = Database(
        database.engine.url.render_as_string(hide_password=False), fast_statements=fast
    )
    for _ in range(2):
        with apart.connect() as db:
            assert db.scalar(level) == "repeatable read"
        with apart.write() as db:
            assert db.scalar(level) == "read committed"
    apart.close()


@on_postgresql
def test_plans_of_each_time_are_asked_for_until_the_end_of_the_read(database: Database) -> None:
    mode = compile_statement(
        "postgresql", select(func.current_setting("plan_cache_mode")), steady=True
    )
    for expected in (False, True, False):
        with database.connect() as db:
            if expected:
                expect_plans(db)
            read_version(db)
            [(found,)] = mode.fetch_rows(db, {})
            assert found == ("force_custom_plan" if expected else "auto")


@on_postgresql
def test_a_read_of_the_version_takes_two_messages(database: Database, tmp_path: Path) -> None:
    with database.connect() as db:
        read_version(db)
        server = get_psycopg_connection(db).pgconn
    with (tmp_path / "sent").open("w") as file:
        server.trace(file.fileno())
        with database.connect() as db:
            read_version(db)
        server.untrace()
    lines = [line.split("\t") for line in (tmp_path / "sent").read_text().splitlines()]
    begun, ended = (line for line in lines if "F" in line[:2])
    assert "EXECUTE" in begun[-1]
    assert "ROLLBACK" in ended[-1]


def test_a_name_means_what_it_means_in_the_version_that_is_read(database: Database) -> None:
    def resolve(name: str) -> str:
        with database.connect() as db:
            read_version(db)
            return resolve_query_actor(db, "actor", name)

    made = Actor(code="ZZA", name="Aland of Tests", kind="state")
    with database.write() as db:
        write_actors(db, [made], make.BY)
    assert [resolve(made.code) for _ in range(2)] == ["ZZA"] * 2
    with database.write() as db:
        merge_actor(db, made, "ARM", make.BY)
    assert [resolve(made.code) for _ in range(2)] == ["ARM"] * 2


def test_a_version_that_was_read_is_not_taken_for_that_of_the_next_read(
    database: Database,
) -> None:
    with database.connect() as db:
        label = read_version(db).label
        assert get_state(db) == label
    database.route.read_reached()  # apart from any request
    with database.connect() as db:
        assert get_state(db) is None
    with database.write() as db:
        read_version(db)
        assert get_state(db) is None  # which its own changes go on from
