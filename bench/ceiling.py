"""Serve a page of the same size by the framework alone, and without a framework.

Run by uvicorn: `/v1/events` takes the parameters of the service and answers a constant body,
`/plain` takes seven plain ones, and `/bare` answers it before any framework sees the request.
"""

import os
from typing import Annotated

from fastapi import FastAPI, Query, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.events.filter import EventQuery

BODY = b'{"data":[' + b"x" * int(os.environ.get("BENCH_BODY", "24000")) + b"]}"
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]

framework = FastAPI()


@framework.get("/v1/events")
async def answer_constant(_: Annotated[EventQuery, Query()]) -> Response:
    """Answer every query with the same body."""
    return Response(BODY, media_type="application/json")


@framework.get("/plain")
def answer_plainly(
    actor: str = "",
    since: str = "",
    until: str = "",
    cameo: str = "",
    limit: int = 50,
    cursor: str = "",
    sort: str = "-date",
) -> Response:
    """Answer a query of seven plain parameters with the same body, in a thread."""
    del actor, since, until, cameo, limit, cursor, sort
    return Response(BODY, media_type="application/json")


class BareServer:
    """An ASGI app that answers `/bare` itself and passes other requests on."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer in two messages."""
        if scope["type"] != "http" or scope["path"] != "/bare":
            await self.inner(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


app = BareServer(framework)
