"""Cross-origin access for browser pages (CORS: the Fetch standard, section 3.2).

Cookies and other credentials that a browser adds by itself are never accepted: a key is sent in a
header by a page that knows it.
"""

from collections.abc import Collection

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.raw_headers import RawHeaders, find_header, read_request_header, replace_header

ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, Content-Encoding, Entente-Min-Version, Idempotency-Key,"
    " If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Request-Id, traceparent"
)
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Entente-Closed, Entente-Lineage,"
    " Entente-Partly-Recorded, Entente-Unsearched, Entente-Version, Idempotency-Replayed, Link,"
    " Location, Preference-Applied, RateLimit, RateLimit-Policy, Repr-Digest, Retry-After,"
    " WWW-Authenticate, X-Request-Id"
)
_EXPOSED = EXPOSED_HEADERS.encode()
PREFLIGHT_MAX_AGE = "86400"
"""Seconds that a browser may cache the answer to a preflight request."""


class CorsMiddleware:
    """Allows pages of some origins, or of all (`*`), to read, and to write with a key."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self.app, self.origins = app, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflight requests, and add CORS headers to other answers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origin = read_request_header(scope, b"origin")
        allowed = self._allow_origin(origin)
        if allowed and scope["method"] == "OPTIONS" and origin is not None and _asks_first(scope):
            headers = {
                "Access-Control-Allow-Methods": ALLOWED_METHODS,
                "Access-Control-Allow-Headers": ALLOWED_HEADERS,
                "Access-Control-Max-Age": PREFLIGHT_MAX_AGE,
            }
            answer = Response(status_code=204, headers=headers)
            self._add_headers(answer.raw_headers, allowed)
            await answer(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = list(message.get("headers", ()))
                self._add_headers(headers, allowed)
                if allowed:
                    replace_header(headers, b"access-control-expose-headers", _EXPOSED)
            await send(message)

        await self.app(scope, receive, send_marked)

    def _allow_origin(self, origin: str | None) -> str | None:
        if "*" in self.origins:
            return "*"  # to all, since a cache may answer a page with what another reader got
        if origin is None or not self.origins:
            return None
        return origin if origin in self.origins else None

    def _add_headers(self, headers: RawHeaders, allowed: str | None) -> None:
        if allowed:
            replace_header(headers, b"access-control-allow-origin", allowed.encode("latin-1"))
        if self.origins and "*" not in self.origins:  # so that caches keep one answer per origin
            varies = [value for name, value in headers if name == b"vary"]
            replace_header(headers, b"vary", b", ".join([*varies, b"Origin"]))


def _asks_first(scope: Scope) -> bool:
    """Whether a request asks what another one may send."""
    return find_header(scope["headers"], b"access-control-request-method") is not None
