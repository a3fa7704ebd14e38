"""What the framework, and a server without one, cost for a page of the same size.

Run by uvicorn: `/v1/events` takes the parameters of the service and answers a constant body, and
`/bare` answers it before any framework sees the request.
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
async def constant(_: Annotated[EventQuery, Query()]) -> Response:
    """The same, whatever is asked."""
    return Response(BODY, media_type="application/json")


class Bare:
    """Answers at `/bare`, and passes the rest on."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One answer, in two messages."""
        if scope["type"] != "http" or scope["path"] != "/bare":
            await self.inner(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


app = Bare(framework)
