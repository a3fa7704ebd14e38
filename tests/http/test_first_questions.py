"""What is made once is made before a process takes questions, and nothing there stops its start."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from serving import run_apart
from sqlalchemy.pool import QueuePool

from app.db.engine import Database
from app.http import first_questions
from app.http.first_questions import answer_first_questions
from app.http.known_routes import KnownRoutes
from app.http.metrics import REQUESTS
from app.main import FIRST_QUESTIONS, create_app
from app.settings import Settings


def start_app(database: Database, *, in_background: bool, **more: Any) -> FastAPI:
    """Make an application of whose routes none was asked yet."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = Settings(database_url=url, cursor_key="test", **more)
    return create_app(settings, in_background=in_background)


def list_known_paths(app: FastAPI) -> set[str]:
    """List the paths that are found at once, since they were answered before."""
    first = app.router.routes[0]
    assert isinstance(first, KnownRoutes)
    return {path for _, path in first._known}


def count_connections(app: FastAPI) -> int:
    """Count the open connections that wait for a question."""
    pool = app.state.database.reading_engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedin()


def count_answers() -> float:
    """Count the requests that the metrics have."""
    samples: Iterator[Any] = (one for family in REQUESTS.collect() for one in family.samples)
    return sum(one.value for one in samples)


@pytest.mark.bundled
def test_routes_and_connections_are_ready_before_the_first_reader(database: Database) -> None:
    app = start_app(database, in_background=False)

    settings: Settings = app.state.settings

    async def ask() -> tuple[set[str], int]:
        async with app.router.lifespan_context(app):
            await answer_first_questions(app, FIRST_QUESTIONS, settings.thread_count)
            return list_known_paths(app), count_connections(app)

    before = count_answers()
    known, connections = run_apart(ask())
    assert known == {"/v1/events", "/v1/facets", "/v1/timeline"}
    assert connections >= min(2, settings.quick_threads)  # in one turn one thread answers all
    assert count_answers() == before  # nobody asked


def test_a_service_answers_them_before_it_takes_questions(database: Database) -> None:
    app = start_app(database, in_background=True)

    async def start() -> set[str]:
        async with app.router.lifespan_context(app):
            return list_known_paths(app)

    assert "/v1/events" in run_apart(start())


def test_what_is_refused_does_not_stop_the_start(database: Database) -> None:
    app = start_app(database, in_background=False, open_reading=False)

    async def ask() -> bool:
        async with app.router.lifespan_context(app):
            await answer_first_questions(app, ["/v1/events", "/none", "/v1/limits"], 2)
            return "/v1/limits" in list_known_paths(app)

    assert run_apart(ask())


@pytest.mark.by_turns
def test_a_slow_database_does_not_stop_the_start(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_questions, "MAX_SECONDS", 0.05)
    app = start_app(database, in_background=False)

    async def wait_long(*_: object) -> None:
        await asyncio.sleep(20)

    app.router.add_route("/slow", wait_long)

    async def ask() -> float:
        async with app.router.lifespan_context(app):
            begun = time.monotonic()
            await answer_first_questions(app, ["/slow"], 2)
            return time.monotonic() - begun

    assert run_apart(ask()) < 5
