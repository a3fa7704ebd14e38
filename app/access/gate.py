"""Who may pass: dependencies that read the key of a request."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from app.access.keys import Holder, Scope, holder, note_use
from app.db.engine import Database
from app.http.problems import ForbiddenError, UnauthorizedError

BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="`ent_…`: entente keys create")


def _identified(database: Database, token: str, *, reading: bool) -> Holder:
    with database.connect() as db:
        who = holder(db, token)
    if reading and who.unnoted:  # a write notes it in its own transaction
        with database.write() as db:
            note_use(db, who)
    return who


async def _asking(request: Request, scope: Scope) -> Holder:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("Send a key: Authorization: Bearer ent_…")
    database: Database = request.app.state.database
    reading = scope == "read"
    who = await run_in_threadpool(_identified, database, token.strip(), reading=reading)
    if not who.may(scope):
        raise ForbiddenError(f"The key has the scope {who.scope}; this needs {scope}.")
    return who


def _needs(scope: Scope) -> Callable[[Request], Awaitable[Holder]]:
    async def gate(request: Request) -> Holder:
        return await _asking(request, scope)

    return gate


async def may_read(request: Request) -> None:
    """Pass everybody where reading is open, else whoever has a key."""
    if not request.app.state.settings.open_reading:
        await _asking(request, "read")


Editor = Annotated[Holder, Depends(_needs("write"))]
"""Who writes; a parameter of every handler that does."""
