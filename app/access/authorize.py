"""FastAPI dependencies that authenticate the key of a request and check its scope."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.access.key_uses import KeyUseRecorder
from app.access.keys import KEY_PREFIX, Principal, Scope, authenticate_key
from app.db.engine import Database
from app.errors import ForbiddenError, ReadOnlyServiceError, UnauthorizedError
from app.http.dependencies import get_reader
from app.http.question_threads import run_in_question_thread
from app.http.rate_limit import WrongKeyThrottle

BEARER_SCHEME = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key `ent_…`, made by `entente keys create`."
)


def _authenticate_request(database: Database, token: str, scope: Scope) -> Principal:
    reading = scope == "read"
    place = database if reading else database.at_writer()
    try:
        with place.connect() as db:
            principal = authenticate_key(db, token)
    except UnauthorizedError:
        if not reading or not database.route.has_standbys:
            raise
        with database.at_writer().connect() as db:  # a new key arrives at a standby later
            principal = authenticate_key(db, token)
    if not reading and principal.has_scope(scope) and not database.accepts_writes():
        raise ReadOnlyServiceError  # before a body is read
    return principal


async def _require_scope(request: Request, scope: Scope) -> Principal:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("Send a key: Authorization: Bearer ent_…")
    database: Database = request.app.state.database
    throttle: WrongKeyThrottle = request.app.state.wrong_keys
    token = token.strip()
    throttle.require_patience(request, token)
    try:
        principal = await run_in_question_thread(
            request, _authenticate_request, database=database, token=token, scope=scope
        )
    except UnauthorizedError:
        throttle.note_wrong_key(request)
        raise
    throttle.note_right_key(token)
    if scope == "read":  # a write records the use in its own transaction
        uses: KeyUseRecorder = request.app.state.key_uses
        uses.record_use(principal)
    request.scope["state"]["key_name"] = principal.name  # for the log
    get_reader(request).readable = principal.readable
    if not principal.has_scope(scope):
        raise ForbiddenError(f"The key has the scope {principal.scope}; this needs {scope}.")
    return principal


def _make_scope_dependency(scope: Scope) -> Callable[[Request], Awaitable[Principal]]:
    async def check_scope(request: Request) -> Principal:
        return await _require_scope(request, scope)

    return check_scope


async def require_read_access(request: Request) -> None:
    """Require a key for reading, unless the setting `open_reading` lets all readers in.

    A key that is sent all the same is checked: it may read closed datasets.
    """
    if not request.app.state.settings.open_reading or _has_key(request):
        await _require_scope(request, "read")


def _has_key(request: Request) -> bool:
    """Whether a request has a key of this service; proxies add other credentials of their own."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and token.strip().startswith(KEY_PREFIX)


MONITOR_MEMORY_SECONDS = 3600.0
"""Seconds for which a key that read the metrics may read them while the database is away."""
MONITOR_WAIT_SECONDS = 0.1
"""Seconds that such a key waits for the database."""


async def require_metrics_access(request: Request) -> None:
    """Require a key like `require_read_access`, but remember it for while the database is away."""
    if request.app.state.settings.open_reading:
        return
    remembered: dict[bytes, float] = request.app.state.monitors
    token = hashlib.sha256(request.headers.get("authorization", "").encode()).digest()
    until = remembered.get(token, 0.0)
    checked = asyncio.ensure_future(_require_scope(request, "read"))
    checked.add_done_callback(_ignore_late_failure)
    is_known = time.monotonic() < until
    await asyncio.wait({checked}, timeout=MONITOR_WAIT_SECONDS if is_known else None)
    if is_known and (not checked.done() or _is_database_failure(checked.exception())):
        return
    remembered.pop(token, None)
    await checked
    remembered[token] = time.monotonic() + MONITOR_MEMORY_SECONDS


def _is_database_failure(error: BaseException | None) -> bool:
    return isinstance(error, DBAPIError | PoolTimeoutError)


def _ignore_late_failure(checked: asyncio.Future[Principal]) -> None:
    if not checked.cancelled():
        checked.exception()  # otherwise the event loop logs that no one has read it


Editor = Annotated[Principal, Depends(_make_scope_dependency("write"))]
"""The authenticated key of a write; every handler that writes takes it as a parameter."""

Keeper = Annotated[Principal, Depends(_make_scope_dependency("watch"))]
"""The authenticated key of who keeps watches."""


async def _find_keeper(request: Request) -> Principal | None:
    if "token" in request.query_params:
        return None
    return await _require_scope(request, "watch")


MaybeKeeper = Annotated[Principal | None, Depends(_find_keeper)]
"""The key of who keeps watches; None where the address of a feed has a token instead."""
