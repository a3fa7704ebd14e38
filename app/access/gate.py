"""FastAPI dependencies that authenticate the key of a request and check its scope."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from app.access.keys import Holder, Scope, holder, note_use
from app.db.engine import Database
from app.http.problems import ForbiddenError, UnauthorizedError

BEARER = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key `ent_…`, made by `entente keys create`."
)


def _identified(database: Database, token: str, *, reading: bool) -> Holder:
    with database.connect() as db:
        principal = holder(db, token)
    if reading and principal.unnoted:  # a write records it in its own transaction
        with database.write() as db:
            note_use(db, principal)
    return principal


async def _asking(request: Request, scope: Scope) -> Holder:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("Send a key: Authorization: Bearer ent_…")
    database: Database = request.app.state.database
    reading = scope == "read"
    principal = await run_in_threadpool(_identified, database, token.strip(), reading=reading)
    if not principal.may(scope):
        raise ForbiddenError(f"The key has the scope {principal.scope}; this needs {scope}.")
    return principal


def _needs(scope: Scope) -> Callable[[Request], Awaitable[Holder]]:
    async def gate(request: Request) -> Holder:
        return await _asking(request, scope)

    return gate


async def may_read(request: Request) -> None:
    """Require a key for reading, unless the setting `open_reading` lets all readers in."""
    if not request.app.state.settings.open_reading:
        await _asking(request, "read")


Editor = Annotated[Holder, Depends(_needs("write"))]
"""The authenticated key of a write; every handler that writes takes it as a parameter."""
