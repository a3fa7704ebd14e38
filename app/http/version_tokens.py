"""The version as a token: what a request needs, and what its answer is of (decision 024).

A request says what it needs by `Entente-Min-Version`, or implies it by `as_of`, `after`, a cursor
or `Last-Event-ID`. Where a standby answers, the request waits for the version on the event loop,
and takes no thread meanwhile; `app/db/reading.py` then decides who answers it.
"""

import asyncio
import base64
import json
import re
from urllib.parse import parse_qsl

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.engine import Database
from app.db.reading import MIN_VERSION_HEADER
from app.db.request_versions import REQUEST_VERSIONS, RequestVersions
from app.errors import Fault
from app.http.problems import render_problem
from app.http.raw_headers import find_header, read_request_header
from app.lineages import Version
from app.query_models import AsOf

WAIT_SECONDS = 0.3
"""Seconds that a request waits for its version to arrive at a standby."""
POLL_SECONDS = 0.01
_HEADER_NAME = MIN_VERSION_HEADER.lower().encode()
_TOKEN = re.compile(r"([0-9]{1,16})(?:\.([0-9a-f]{8}))?")
_POSITIONS = ("after", "as_of", "from", "to")
_SIGNATURE_BYTES = 16
"""Bytes of a cursor before its content; the route checks them."""


class VersionArrival:
    """Lets requests wait for a version to arrive at the standbys, with one look for all of them."""

    def __init__(self, database: Database) -> None:
        self._route = database.route
        self._limiter = CapacityLimiter(1)
        self._look: asyncio.Task[int] | None = None

    async def wait_for_version(self, number: int) -> None:
        """Wait until a version has arrived, but not for longer than `WAIT_SECONDS`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        while self._route.reader.reached < number and loop.time() < until:
            if self._look is None or self._look.done():
                self._look = loop.create_task(self._take_look())
            await asyncio.wait({self._look}, timeout=max(0, until - loop.time()))
            if self._route.reader.reached < number:
                await asyncio.sleep(POLL_SECONDS)

    async def _take_look(self) -> int:
        return await to_thread.run_sync(self._route.read_reached, limiter=self._limiter)


class VersionTokenMiddleware:
    """Waits for the version that a request needs, and adds `Entente-Version` to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as soon as its version has arrived, or after `WAIT_SECONDS`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope["app"].state
        required = read_request_header(scope, _HEADER_NAME)
        asked = RequestVersions()
        if required is not None:
            found = _TOKEN.fullmatch(required)
            if found is None:
                await _refuse_token(scope, receive, send)
                return
            asked.needed, asked.lineage, asked.is_required = int(found[1]), found[2], True
        if state.database.route.has_standbys:
            _add_implied_versions(scope, asked)
            if asked.needed:
                await state.arrival.wait_for_version(asked.needed)

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start" and asked.read is not None:
                _add_version(message, asked.read)
            await send(message)

        before = REQUEST_VERSIONS.set(asked)
        try:
            await self.app(scope, receive, send_with_version)
        finally:
            REQUEST_VERSIONS.reset(before)


def _add_version(message: Message, read: Version) -> None:
    """Add the headers of the version that was read, unless the answer has them."""
    headers = message["headers"] = list(message["headers"])
    if find_header(headers, b"entente-version") is None:
        headers.append((b"entente-version", str(int(read)).encode()))
    if find_header(headers, b"entente-lineage") is None:
        headers.append((b"entente-lineage", read.lineage.encode()))


async def _refuse_token(scope: Scope, receive: Receive, send: Send) -> None:
    hint = "Send the value of Entente-Version, or it and Entente-Lineage as 1234.3f9c2a7e."
    fault = Fault(loc=["header", MIN_VERSION_HEADER], message="must be a version", hint=hint)
    await render_problem(422, f"1 error: {MIN_VERSION_HEADER}", [fault])(scope, receive, send)


def _add_implied_versions(scope: Scope, asked: RequestVersions) -> None:
    """Add what the position of a question implies; its route refuses what is malformed."""
    position = read_request_header(scope, b"last-event-id")
    numbers = [] if position is None else [_read_number(position)]
    for name, value in parse_qsl(scope["query_string"].decode("latin-1")):
        if name in _POSITIONS:
            numbers.append(_read_number(value))
            if name != "after":
                asked.instant = _read_instant(value) or asked.instant
        elif name == "cursor":
            numbers.append(_read_cursor_version(value))
    asked.needed = max(asked.needed, *numbers, 0)


def _read_number(value: str) -> int:
    found = _TOKEN.fullmatch(value)
    return int(found[1]) if found else 0


def _read_instant(value: str) -> str | None:
    try:
        return AsOf(value).instant
    except ValueError:
        return None


def _read_cursor_version(cursor: str) -> int:
    """Return the version that a cursor was given out at; 0 where it says none."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        issued = json.loads(raw[_SIGNATURE_BYTES:])[2]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0
    return issued if isinstance(issued, int) and 0 <= issued < 2**53 else 0
