"""A body that does not come is not waited for."""

import asyncio
import json
from typing import Any

import pytest
from examples import key_of

from app.db.engine import Database
from app.http import body
from app.main import create_app
from app.settings import Settings


def test_a_body_that_does_not_come_is_a_408(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "PATIENCE", 0.2)
    url = database.engine.url.render_as_string(hide_password=False)
    app = create_app(Settings(database_url=url, cursor_key="test"))
    headers = [(b"authorization", f"Bearer {key_of(database)}".encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/v1/events", "raw_path": b"/v1/events", "query_string": b"",
        "headers": headers, "client": ("test", 1), "server": ("test", 80), "root_path": "",
    }  # fmt: skip
    pieces = [b'{"key": ', b'"k"', b', "title"']
    told: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    async def send(message: Any) -> None:
        told.append(message)

    async def ask() -> None:
        async with app.router.lifespan_context(app):
            await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(ask())
    start, said = told[0], json.loads(told[1]["body"])
    assert (start["status"], said["status"], said["type"]) == (408, 408, "/problems/timeout")
    assert said["detail"].startswith("Only 20 bytes of the body came in time")
    assert (b"connection", b"close") in start["headers"]
