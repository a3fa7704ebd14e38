"""Limits on requests per minute: for each key, each address, and for wrong keys.

Counts are of all processes of a service. Health checks, metrics and the change stream are never
limited.
"""

import hashlib
import ipaddress
import math
import time

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooManyRequestsError
from app.http.metrics import REFUSED
from app.http.problems import render_problem
from app.http.shared_counts import ClientCount, SharedCounts
from app.settings import Settings

WINDOW_SECONDS = 60
UNLIMITED_PATHS = {"/healthz", "/readyz", "/metrics", "/v1/changes/stream"}


def _count_seconds_left(found: ClientCount) -> int:
    """Return the whole seconds until a window ends, at least one."""
    return max(1, math.ceil(found.begun + WINDOW_SECONDS - time.monotonic()))


def find_client_address(scope: Scope) -> str:
    """Return the address that a request counts for: of IPv6 the network that one client has."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class WrongKeyThrottle:
    """Refuses keys from an address that has sent too many wrong ones within a minute.

    A key that was right before passes, so that a neighbour behind the same address is not locked
    out.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._wrong = SharedCounts("wrong-keys", WINDOW_SECONDS)
        self._right = SharedCounts("right-keys", math.inf)

    def require_patience(self, request: Request, token: str) -> None:
        """Raise `TooManyRequestsError` where the address has to wait."""
        wrong = self._wrong.read_count(find_client_address(request.scope))
        if self.most and wrong.count >= self.most and not self._right.read_count(token).count:
            REFUSED.labels("wrong-keys").inc()
            raise TooManyRequestsError(
                f"This address has sent {self.most} wrong keys within a minute.",
                _count_seconds_left(wrong),
            )

    def note_wrong_key(self, request: Request) -> None:
        """Count a wrong key."""
        self._wrong.count_client(find_client_address(request.scope))

    def note_right_key(self, token: str) -> None:
        """Remember a right key, by its hash."""
        if not self._right.read_count(token).count:
            self._right.count_client(token)


class RateLimitMiddleware:
    """Answers 429 to a client that has used its requests of this minute; others see what is left.

    A request with a key counts for the key, any other for its address.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._limits = {"key": settings.key_rate, "address": settings.address_rate}
        self._counter = SharedCounts("requests", WINDOW_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the headers of its limit, or refuse it."""
        kind, client = _identify_client(scope)
        most = self._limits[kind] if scope["type"] == "http" else 0
        if not most or scope["path"] in UNLIMITED_PATHS:
            await self.app(scope, receive, send)
            return
        window = self._counter.count_client(client)
        seconds_left = _count_seconds_left(window)
        headers = {
            "RateLimit-Policy": f'"{kind}";q={most};w={WINDOW_SECONDS}',
            "RateLimit": f'"{kind}";r={max(0, most - window.count)};t={seconds_left}',
        }
        if window.count > most:
            REFUSED.labels(f"{kind}-rate").inc()
            answer = render_problem(429, f"This {kind} may send {most} requests a minute.")
            answer.headers.update({**headers, "Retry-After": str(seconds_left)})
            await answer(scope, receive, send)
            return

        async def send_with_limit(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self.app(scope, receive, send_with_limit)


def _identify_client(scope: Scope) -> tuple[str, str]:
    for name, value in scope.get("headers", ()):
        if name == b"authorization":
            return "key", hashlib.blake2b(value, digest_size=16).hexdigest()
    return "address", find_client_address(scope)
