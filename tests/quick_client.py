"""A test client that asks the application in one call into its loop.

Starlette's makes a dozen, two for each part of an answer: half of the time of a small request. It
still asks for what is read while it arrives.
"""

from typing import Any
from urllib.parse import unquote

import anyio
import httpx2
from fastapi.testclient import TestClient
from starlette.types import Message, Scope

WHOLE = "whole"
"""The extension of a request whose answer is read as a whole."""


class _QuickTransport(httpx2.BaseTransport):
    """Collects the answer where the application runs; leaves all else to Starlette's transport."""

    def __init__(self, client: "QuickClient", other: Any) -> None:
        self._client, self._other = client, other

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if WHOLE not in request.extensions or self._client.portal is None:
            answer: httpx2.Response = self._other.handle_request(request)
            return answer
        request.read()
        messages: list[Message] = []
        try:
            self._client.portal.call(self._ask, request, messages)
        except Exception:
            if self._other.raise_server_exceptions:
                raise
        if not messages:
            assert not self._other.raise_server_exceptions, "there is no answer"
            return httpx2.Response(500, request=request)
        head, *parts = messages
        body = b"".join(part.get("body", b"") for part in parts)
        return httpx2.Response(
            head["status"],
            headers=[(name.decode(), value.decode()) for name, value in head.get("headers", [])],
            stream=httpx2.ByteStream(b"" if request.method == "HEAD" else body),
            request=request,
        )

    def close(self) -> None:
        """End what is still read."""
        self._other.close()

    async def _ask(self, request: httpx2.Request, messages: list[Message]) -> None:
        asked, ended = [request.content], anyio.Event()

        async def receive() -> Message:
            if asked:
                return {"type": "http.request", "body": asked.pop()}
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            assert not ended.is_set(), "the answer has ended"
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                ended.set()

        await self._other.app(self._make_scope(request), receive, send)

    def _make_scope(self, request: httpx2.Request) -> Scope:
        url = request.url
        return {
            "type": "http", "http_version": "1.1", "method": request.method, "scheme": url.scheme,
            "path": unquote(url.path), "raw_path": url.raw_path.split(b"?", 1)[0],
            "root_path": "", "query_string": url.query,
            "headers": [(k.lower().encode(), v.encode()) for k, v in request.headers.multi_items()],
            "client": self._other.client, "server": [url.host, url.port or 80],
            "state": self._other.app_state.copy(),
        }  # fmt: skip


class QuickClient(TestClient):
    """Starlette's client with a transport that asks in one call."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self._transport = _QuickTransport(self, self._transport)

    def send(self, request: httpx2.Request, *, stream: bool = False, **more: Any) -> Any:
        """Send a request, whose answer is read as a whole unless it is streamed."""
        if not stream:
            request.extensions = {**request.extensions, WHOLE: True}
        return super().send(request, stream=stream, **more)
