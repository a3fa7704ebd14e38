"""Ids in paths: an id may contain a slash, which is percent-encoded in the address.

Servers decode a path before it is routed, so an encoded slash would divide the id. The middleware
puts a character in its place that no id may contain, and the convertor turns it back.
"""

import re
from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

from app.text import quote_id

SLASH = "\ue02f"
"""Stands for an encoded slash; it is for private use, and ids must be printable."""
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


class _IdConvertor(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value.replace(SLASH, "/")

    def to_string(self, value: str) -> str:
        return quote_id(value)


register_url_convertor("id", _IdConvertor())
EVENT_PATH = "/events/{event_id:id}"
"""The path of an event, for routes."""


def quote_path(path: str) -> str:
    """Percent-encode the path of a request, with the slashes of ids encoded as they were sent."""
    return quote(path, safe="/:@!$&'()*+,;=~").replace(quote(SLASH), "%2F")


class EncodedSlashMiddleware:
    """Keeps encoded slashes of a path apart from those that divide it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection."""
        raw = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%2" in raw:
            encoded = raw.partition(b"?")[0].decode("latin-1")
            scope["path"] = unquote(_ENCODED_SLASH.sub(quote(SLASH), encoded))
        await self.app(scope, receive, send)
