"""A client without a network, for thousands of requests or for malformed ones."""

import asyncio
import json
import threading
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import unquote, urljoin, urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers

HOST = "http://testserver"


class InProcessResponse:
    """The response to a request."""

    def __init__(self, messages: list[Any]) -> None:
        self.status_code: int = messages[0]["status"]
        self.headers = Headers(raw=messages[0]["headers"])
        self.content = b"".join(part.get("body", b"") for part in messages[1:])

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)


class InProcessClient:
    """Runs the application and sends requests to it; redirects are not followed."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._lifespan = self.app.router.lifespan_context(self.app)
        self._run_coroutine(self._lifespan.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._run_coroutine(self._lifespan.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run_coroutine(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(120)

    def get(self, url: str) -> InProcessResponse:
        """Send a GET."""
        return self.request("GET", url)

    def head(self, url: str) -> InProcessResponse:
        """Send a HEAD."""
        return self.request("HEAD", url)

    def request(
        self,
        method: str,
        url: str,
        content: bytes = b"",
        headers: Mapping[str, str | bytes] | None = None,
    ) -> InProcessResponse:
        """Send any request, with the address exactly as written."""
        address = urlsplit(urljoin(HOST, url) if "://" in url else HOST + url)
        sent = {"host": "testserver", "content-length": str(len(content)), **(headers or {})}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(address.path), "root_path": "", "state": {},
            "raw_path": address.path.encode("ascii"), "query_string": address.query.encode(),
            "headers": [(name.lower().encode(), _encode(value)) for name, value in sent.items()],
            "client": ("test", 1), "server": ("testserver", 80),
        }  # fmt: skip
        return self._run_coroutine(self._send_request(scope, content))

    async def _send_request(self, scope: Any, content: bytes) -> InProcessResponse:
        parts = [{"type": "http.request", "body": content, "more_body": False}]
        messages: list[Any] = []
        ended = asyncio.Event()

        async def receive() -> Any:
            if parts:
                return parts.pop()
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ended.set()

        try:
            await self.app(scope, receive, send)
        except Exception:
            if not messages:  # what is raised after a 500 was sent is for the log of a server
                raise
        return InProcessResponse(messages)


def _encode(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
