"""Cross-origin access for browser pages (CORS: the Fetch standard, section 3.2).

Cookies and other credentials that a browser adds by itself are never accepted: a key is sent in a
header by a page that knows it.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, Content-Encoding, Entente-Min-Version, Idempotency-Key,"
    " If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Request-Id, traceparent"
)
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Entente-Closed, Entente-Lineage,"
    " Entente-Version, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit,"
    " RateLimit-Policy, Repr-Digest, Retry-After, WWW-Authenticate, X-Request-Id"
)
PREFLIGHT_MAX_AGE = "86400"
"""Seconds that a browser may cache the answer to a preflight request."""


class CorsMiddleware:
    """Allows pages of some origins, or of all (`*`), to read, and to write with a key."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self.app, self.origins = app, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflight requests, and add CORS headers to other answers."""
        sent = Headers(scope=scope) if scope["type"] == "http" else Headers()
        allowed = self._allow_origin(sent.get("origin"))
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_preflight = {"origin", "access-control-request-method"} <= set(sent.keys())
        if allowed and scope["method"] == "OPTIONS" and is_preflight:
            headers = {
                "Access-Control-Allow-Methods": ALLOWED_METHODS,
                "Access-Control-Allow-Headers": ALLOWED_HEADERS,
                "Access-Control-Max-Age": PREFLIGHT_MAX_AGE,
            }
            answer = Response(status_code=204, headers=headers)
            self._add_headers(answer.headers, allowed)
            await answer(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                self._add_headers(headers, allowed)
                if allowed:
                    headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            await send(message)

        await self.app(scope, receive, send_marked)

    def _allow_origin(self, origin: str | None) -> str | None:
        if "*" in self.origins:
            return "*"  # to all, since a cache may answer a page with what another reader got
        if origin is None or not self.origins:
            return None
        return origin if origin in self.origins else None

    def _add_headers(self, headers: MutableHeaders, allowed: str | None) -> None:
        if allowed:
            headers["Access-Control-Allow-Origin"] = allowed
        if self.origins and "*" not in self.origins:  # so that caches keep one answer per origin
            headers.add_vary_header("Origin")
