"""One question for all requests that wait: none takes an answer that is older than itself."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import make
import pytest
from serving import run_apart
from sqlalchemy import text

from app.db.dialect.shared_question import SharedQuestion
from app.db.engine import Database
from app.db.lineage_table import (
    name_database_state,
    read_open_state,
    read_version,
    write_version_question,
)
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset

pytestmark = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


@pytest.fixture
def content() -> str:
    """The bundled actors alone."""
    return "actors"


Work = Callable[[SharedQuestion], Coroutine[Any, Any, None]]


def run_with_question(database: Database, work: Work) -> None:
    """Run a coroutine that asks for the version of a database."""
    written = write_version_question(database.engine.dialect.name)
    assert written is not None

    async def ask_and_stop() -> None:
        question = SharedQuestion(database.engine, written)
        try:
            await work(question)
        finally:
            await question.stop_asking()

    run_apart(ask_and_stop())


def add_dataset(database: Database, code: str, access: str = "open") -> str:
    """Commit a change; returns the name of the state afterwards."""
    fields = {"code": code, "name": code, "version": "1", "licence": "none", "citation": code}
    with database.write() as db:
        write_datasets(db, [Dataset.model_validate({**fields, "access": access})], make.BY)
    with database.connect() as db:
        return name_database_state(read_version(db))


async def read_state(question: SharedQuestion) -> str | None:
    row = await question.ask_database()
    return None if row is None else read_open_state(row)


def test_a_question_that_was_sent_before_a_commit_answers_none_asked_after_it(
    database: Database,
) -> None:
    async def ask_around_commits(question: SharedQuestion) -> None:
        before = await read_state(question)
        for n in range(5):
            early = [asyncio.create_task(read_state(question)) for _ in range(3)]
            for _ in range(3):  # it is sent at the end of a turn of the loop
                await asyncio.sleep(0)
            # The loop stands still meanwhile: the answer lies there, and nobody has it yet.
            after = add_dataset(database, f"made{n}")
            late = [asyncio.create_task(read_state(question)) for _ in range(3)]
            assert set(await asyncio.gather(*early)) == {before}
            assert set(await asyncio.gather(*late)) == {after} != {before}
            before = after

    run_with_question(database, ask_around_commits)


def test_requests_that_wait_at_the_same_time_ask_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send = SharedQuestion._send

    def count(self: SharedQuestion) -> None:
        sent.append(len(self._waiting))
        send(self)

    monkeypatch.setattr(SharedQuestion, "_send", count)

    async def ask_together(question: SharedQuestion) -> None:
        await question.ask_database()
        sent.clear()
        rows = await asyncio.gather(*(question.ask_database() for _ in range(20)))
        assert len(set(rows)) == 1
        assert rows[0] is not None
        assert [n for n in sent if n] == [20]
        one, other = (asyncio.create_task(question.ask_database()) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()  # a reader who goes away takes nobody's answer along
        assert await other == rows[0]

    run_with_question(database, ask_together)


def test_where_anything_is_closed_requests_ask_for_themselves(database: Database) -> None:
    add_dataset(database, "made", "closed")

    async def ask_once(question: SharedQuestion) -> None:
        assert await question.ask_database() is not None
        assert await read_state(question) is None
        opened = add_dataset(database, "made")
        assert await read_state(question) == opened

    run_with_question(database, ask_once)


def test_without_an_answer_requests_ask_for_themselves(database: Database) -> None:
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND query LIKE 'SELECT (SELECT max(revisions.seq)%'"
    )

    async def ask_what_is_gone(question: SharedQuestion) -> None:
        assert await question.ask_database() is not None
        with database.engine.connect() as db:
            assert any(db.execute(end).scalars())
        both = await asyncio.gather(question.ask_database(), question.ask_database())
        assert both == [None, None]
        assert await question.ask_database() is None  # nor is it opened again at once

    run_with_question(database, ask_what_is_gone)


def test_a_connection_of_the_pool_that_is_lost_has_this_one_opened_again(
    database: Database,
) -> None:
    async def ask_after_loss(question: SharedQuestion) -> None:
        before = await question.ask_database()
        connection = question._connection
        with database.engine.connect() as db:
            db.invalidate()  # as where the server has ended it, and another may be in its place
        assert await question.ask_database() in (None, before)
        assert question._opening is not None
        await asyncio.wait_for(question._opening, 20)
        assert await question.ask_database() == before
        assert question._connection is not connection
        assert connection is not None
        assert connection.closed

    run_with_question(database, ask_after_loss)


def test_of_several_servers_the_one_that_can_be_reached_is_asked(database: Database) -> None:
    url = database.engine.url
    hosts = ("127.0.0.1:1", f"{url.host}:{url.port}")
    asked = {"host": hosts, "target_session_attrs": "read-write"}
    several = url.set(host=None, port=None, query={**url.query, **asked})
    apart = Database(several.render_as_string(hide_password=False))

    async def ask_once(question: SharedQuestion) -> None:
        assert await question.ask_database() is not None

    run_with_question(apart, ask_once)
    apart.close()


def test_what_is_stopped_is_not_opened_again(database: Database) -> None:
    async def ask_after_the_end(question: SharedQuestion) -> None:
        assert await question.ask_database() is not None
        await question.stop_asking()
        assert await question.ask_database() is None

    run_with_question(database, ask_after_the_end)


def test_a_slow_server_keeps_nobody_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask_slowly() -> None:
        loop = asyncio.get_running_loop()
        question = SharedQuestion(database.engine, b"SELECT pg_sleep(2)::text")
        assert await question._wait_for_connection(loop)
        monkeypatch.setattr("app.db.dialect.shared_question.PATIENCE_SECONDS", 0.05)
        begun = loop.time()
        assert await question.ask_database() is None
        assert loop.time() - begun < 1
        await question.stop_asking()

    run_apart(ask_slowly())
