"""The public URL of the service, for standards that require absolute links."""

import re

from fastapi import Request

from app.settings import Settings

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")


def resolve_public_url(request: Request, settings: Settings) -> str:
    """Return the setting `public_url`, or else the scheme and host of the request."""
    if settings.public_url:
        return settings.public_url
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        server = request.scope.get("server") or ("localhost", None)
        host = f"{server[0]}:{server[1]}" if server[1] else server[0]
    return f"{request.scope['scheme']}://{host}"
