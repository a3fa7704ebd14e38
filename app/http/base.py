"""Absolute links, where a standard needs them."""

import re

from fastapi import Request

from app.settings import Settings

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")


def base(request: Request, settings: Settings) -> str:
    """Scheme and host of absolute links: as set, or as the request was addressed."""
    if settings.public_url:
        return settings.public_url
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        server = request.scope.get("server") or ("localhost", None)
        host = f"{server[0]}:{server[1]}" if server[1] else server[0]
    return f"{request.scope['scheme']}://{host}"
