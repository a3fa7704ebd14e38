"""FastAPI dependencies that authenticate the key of a request and check its scope."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from app.access.keys import Principal, Scope, authenticate_key, record_key_use
from app.db.engine import Database
from app.errors import ForbiddenError, UnauthorizedError

BEARER_SCHEME = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key `ent_…`, made by `entente keys create`."
)


def _authenticate_request(database: Database, token: str, *, reading: bool) -> Principal:
    with database.connect() as db:
        principal = authenticate_key(db, token)
    if reading and principal.last_used_is_stale:  # a write records it in its own transaction
        with database.write() as db:
            record_key_use(db, principal)
    return principal


async def _require_scope(request: Request, scope: Scope) -> Principal:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("Send a key: Authorization: Bearer ent_…")
    database: Database = request.app.state.database
    reading = scope == "read"
    principal = await run_in_threadpool(
        _authenticate_request, database, token.strip(), reading=reading
    )
    if not principal.has_scope(scope):
        raise ForbiddenError(f"The key has the scope {principal.scope}; this needs {scope}.")
    return principal


def _make_scope_dependency(scope: Scope) -> Callable[[Request], Awaitable[Principal]]:
    async def check_scope(request: Request) -> Principal:
        return await _require_scope(request, scope)

    return check_scope


async def require_read_access(request: Request) -> None:
    """Require a key for reading, unless the setting `open_reading` lets all readers in."""
    if not request.app.state.settings.open_reading:
        await _require_scope(request, "read")


Editor = Annotated[Principal, Depends(_make_scope_dependency("write"))]
"""The authenticated key of a write; every handler that writes takes it as a parameter."""
