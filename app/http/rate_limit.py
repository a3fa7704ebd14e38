"""Limits on requests per minute: for each key, each address, and for wrong keys.

Counts are of this process. Health checks, metrics and the change stream are never limited.
"""

import hashlib
import ipaddress
import math
import time
from dataclasses import dataclass, field

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooManyRequestsError
from app.http.metrics import REFUSED
from app.http.problems import render_problem
from app.settings import Settings

WINDOW_SECONDS = 60
MAX_CLIENTS = 20_000
"""Clients that are counted at once; beyond that the oldest windows are forgotten."""
UNLIMITED_PATHS = {"/healthz", "/readyz", "/metrics", "/v1/changes/stream"}


@dataclass(slots=True)
class Window:
    """The requests of a client within one minute."""

    begun: float
    count: int = 0

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, math.ceil(self.begun + WINDOW_SECONDS - time.monotonic()))


@dataclass(slots=True)
class RequestCounter:
    """Counts requests by client in windows of a minute."""

    windows: dict[str, Window] = field(default_factory=dict)

    def find_window(self, client: str) -> Window:
        """Return the current window of a client, a new one where the last is over."""
        now = time.monotonic()
        found = self.windows.get(client)
        if found is None or now - found.begun >= WINDOW_SECONDS:
            self.windows.pop(client, None)  # so that the dictionary is ordered by age
            if len(self.windows) >= MAX_CLIENTS:
                del self.windows[next(iter(self.windows))]
            found = self.windows[client] = Window(now)
        return found


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
        self._wrong = RequestCounter()
        self._right = dict[bytes, None]()

    def require_patience(self, request: Request, token: str) -> None:
        """Raise `TooManyRequestsError` where the address has to wait."""
        window = self._wrong.find_window(find_client_address(request.scope))
        if self.most and window.count >= self.most and _hash_token(token) not in self._right:
            REFUSED.labels("wrong-keys").inc()
            raise TooManyRequestsError(
                f"This address has sent {self.most} wrong keys within a minute.",
                window.seconds_left,
            )

    def note_wrong_key(self, request: Request) -> None:
        """Count a wrong key."""
        self._wrong.find_window(find_client_address(request.scope)).count += 1

    def note_right_key(self, token: str) -> None:
        """Remember a right key, by its hash."""
        digest = _hash_token(token)
        if digest not in self._right:
            if len(self._right) >= MAX_CLIENTS:
                del self._right[next(iter(self._right))]
            self._right[digest] = None


def _hash_token(token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=16).digest()


class RateLimitMiddleware:
    """Answers 429 to a client that has used its requests of this minute; others see what is left.

    A request with a key counts for the key, any other for its address.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._limits = {"key": settings.key_rate, "address": settings.address_rate}
        self._counter = RequestCounter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the headers of its limit, or refuse it."""
        kind, client = _identify_client(scope)
        most = self._limits[kind] if scope["type"] == "http" else 0
        if not most or scope["path"] in UNLIMITED_PATHS:
            await self.app(scope, receive, send)
            return
        window = self._counter.find_window(client)
        window.count += 1
        headers = {
            "RateLimit-Policy": f'"{kind}";q={most};w={WINDOW_SECONDS}',
            "RateLimit": f'"{kind}";r={max(0, most - window.count)};t={window.seconds_left}',
        }
        if window.count > most:
            REFUSED.labels(f"{kind}-rate").inc()
            answer = render_problem(429, f"This {kind} may send {most} requests a minute.")
            answer.headers.update({**headers, "Retry-After": str(window.seconds_left)})
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
