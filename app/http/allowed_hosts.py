"""Refuse requests that call the service by another name than it has.

Absolute links are built from that name where `ENTENTE_PUBLIC_URL` is not set, so a forged one in a
shared cache would send readers elsewhere.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.problems import render_problem

MONITORED_PATHS = {"/healthz", "/readyz", "/metrics"}
"""Paths that load balancers and monitoring ask by address."""


class AllowedHostsMiddleware:
    """Answers 421 to a request whose `Host` is not among the allowed names."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] not in MONITORED_PATHS:
            sent = Headers(scope=scope).get("host", "").lower()
            name = sent.rpartition(":")[0] if sent.rpartition(":")[2].isdecimal() else sent
            if name not in self.hosts:
                answer = render_problem(421, "This service does not answer for that host name.")
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)
