"""The service within a test's process: asked without a network, or on a free port."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from quick_client import QuickClient

from app.http.server import BoundedHttpConnection
from app.main import create_app
from app.settings import Settings


def run_apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in a thread of its own: a browser may keep a loop in this one."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, work).result()


_idle: list[FastAPI] = []
OF_THE_MIDDLEWARE = {"cors_origins", "key_rate", "address_rate", "allowed_hosts"}
"""Settings that only a new application takes over."""


@contextmanager
def borrow_app(url: str, *, in_background: bool = False, **more: Any) -> Iterator[FastAPI]:
    """Lend an application on a database, whose routes another test may have used before.

    `in_background`: whether it works on imports, shifts and watches, for tests of these. To start
    that takes three times as long as all else, and five more connections.
    """
    settings = Settings(**{"database_url": url, "cursor_key": "test", **more})
    if OF_THE_MIDDLEWARE & more.keys():  # a part of the middleware, and so of the application
        yield create_app(settings, in_background=in_background)
        return
    # FastAPI prepares each route when it is first asked: up to a second of CPU per application.
    app = _idle.pop() if _idle else create_app(settings)
    app.state.settings, app.state.in_background = settings, in_background
    yield app
    _idle.append(app)


@contextmanager
def open_client(
    url: str, *, show_faults: bool = True, follow_redirects: bool = True, **more: Any
) -> Iterator[TestClient]:
    """Open a client of the service on a database; `show_faults` raises what would be a 500."""
    with (
        borrow_app(url, **more) as app,
        QuickClient(
            app, raise_server_exceptions=show_faults, follow_redirects=follow_redirects
        ) as client,
    ):
        yield client


@contextmanager
def serve_database(url: str, **more: Any) -> Iterator[str]:
    """Serve a database for as long as the block runs, and yield the address."""
    with borrow_app(url, **more) as app:
        yield from _serve(app)


def _serve(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="error", ws="none", http=BoundedHttpConnection)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < until, "the server did not start in time"
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
