"""Answer what readers ask most before a process takes questions, so that none waits for it.

The framework prepares routes when they are first asked, statements are compiled then, and each
thread opens its connection: 28 ms of CPU before the first page and 30 before the first timeline,
which those who come together, to a process that was replaced under load, all wait for.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from fastapi import FastAPI
from starlette.types import Message, Scope

MAX_SECONDS = 2.0
"""Seconds after which the process takes questions all the same, where the database is slow."""
log = logging.getLogger("entente.start")


async def answer_first_questions(app: FastAPI, addresses: Sequence[str], together: int) -> None:
    """Answer the addresses one after the other, each as often at once as there are threads.

    They are not counted, logged or compressed. Whatever fails is left to who asks next.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(MAX_SECONDS):
            for address in addresses:
                await asyncio.gather(*(_answer_question(app, address) for _ in range(together)))


async def _answer_question(app: FastAPI, address: str) -> None:
    path, _, query = address.partition("?")
    scope: Scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "headers": [], "app": app, "state": {}, "root_path": "",
        "scheme": "http", "server": ("localhost", 80), "client": None, "http_version": "1.1",
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        return

    try:
        await app.router(scope, receive, send)
    except Exception as failed:
        log.debug("%s was not answered at the start: %r", path, failed)
