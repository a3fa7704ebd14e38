"""Answers of an unchanged database are remembered, and no longer than that."""

import make
import pytest
from examples import add_key
from fastapi import Response
from recorded_statements import record_statements
from serving import open_client

from app.db.engine import Database
from app.http.answer_memory import AnswerMemory

QUESTION = "/v1/events?dataset=made&fields=id"


@pytest.fixture
def content() -> str:
    """The bundled actors alone."""
    return "actors"


def test_what_another_process_writes_is_in_the_next_answer(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
        made = [make.event(db, "ARM", "RUS", key="e1")]
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        for n in range(2, 4):
            first = api.get(QUESTION)
            assert [event["id"] for event in first.json()["data"]] == made[::-1]
            with record_statements(api) as executed:
                again = api.get(QUESTION)
            # PostgreSQL is asked for the version on the event loop; SQLite watches commits.
            assert not executed
            assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
            with database.write() as db:  # not through the application
                made.append(make.event(db, "ARM", key=f"e{n}"))


def test_a_remembered_answer_is_for_those_who_may_read(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
    key = {"Authorization": f"Bearer {add_key(database)}"}
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, open_reading=False) as api:
        assert api.get(QUESTION, headers=key).status_code == 200
        assert api.get(QUESTION).status_code == 401
        assert api.get(QUESTION, headers=key).status_code == 200


def test_the_memory_has_a_bound() -> None:
    memory = AnswerMemory(100_000)
    for n in range(200):
        body = bytes([n]) * (n * 30)
        made = memory.remember_answer(f"t{n}", Response(body, headers={"content-type": "text/csv"}))
        assert made is None or made.build_response("gzip, zstd").status_code == 200
        memory.find_answer(f"t{n}")
        kept = [found for m in range(n + 1) if (found := memory.find_answer(f"t{m}"))]
        assert sum(found.size for found in kept) <= 100_000
        assert (memory.find_answer(f"t{n}") is not None) == (1000 + n * 30 <= 6250), n
