"""A body that does not come is not waited for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from examples import add_key
from fastapi import FastAPI
from serving import borrow_app

from app.db.engine import Database
from app.http import body
from app.ingest.jobs import router


def post_slowly(
    database: Database, path: bytes, receive: Callable[[], Awaitable[dict[str, Any]]], folder: Path
) -> tuple[Any, Any]:
    """The start of the answer to a POST, and its problem."""
    url = database.engine.url.render_as_string(hide_password=False)
    headers = [(b"authorization", f"Bearer {add_key(database)}".encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path.decode(), "raw_path": path, "query_string": b"",
        "headers": headers, "client": ("test", 1), "server": ("test", 80), "root_path": "",
    }  # fmt: skip
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    async def ask(app: FastAPI) -> None:
        async with app.router.lifespan_context(app):
            await asyncio.wait_for(app(scope, receive, send), 10)

    with (
        borrow_app(url, import_folder=str(folder)) as app,
        ThreadPoolExecutor(1) as apart,  # a browser may keep a loop in this thread
    ):
        apart.submit(lambda: asyncio.run(ask(app))).result()
    return messages[0], json.loads(messages[1]["body"])


def test_unfinished_body_is_408(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(body, "PATIENCE", 0.2)
    pieces = [b'{"key": ', b'"k"', b', "title"']

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    start, said = post_slowly(database, b"/v1/events", receive, tmp_path)
    assert (start["status"], said["status"], said["type"]) == (408, 408, "/problems/timeout")
    assert said["detail"].startswith("Only 20 bytes of the body arrived in time")
    assert (b"connection", b"close") in start["headers"]


def test_an_unfinished_question_of_an_assistant_is_408(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(body, "PATIENCE", 0.2)
    pieces = [b'{"jsonrpc": "2.0",']

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    start, said = post_slowly(database, b"/mcp", receive, tmp_path)
    assert (start["status"], said["status"], said["type"]) == (408, 408, "/problems/timeout")
    assert said["detail"].startswith("Only 18 bytes of the body arrived in time")
    assert (b"connection", b"close") in start["headers"]


def test_slow_upload_is_408(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(router, "PIECE_TIMEOUT_SECONDS", 0.3)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    start, said = post_slowly(database, b"/v1/imports", receive, tmp_path)
    assert (start["status"], said["status"]) == (408, 408)
    assert list(tmp_path.glob("arriving-*")) == []
