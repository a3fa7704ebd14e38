"""Execute writes over HTTP, and store their answers for requests that are sent again."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy import Connection

from app.access.authorize import Editor
from app.access.keys import Principal, record_key_use
from app.db.engine import Database
from app.editing.outcome import Outcome
from app.editing.preconditions import Preconditions
from app.editing.stored_outcomes import find_stored_outcome, store_outcome
from app.errors import ConflictError, Fault, InvalidBodyError, MovedError
from app.http.body import BodyBytes
from app.http.dependencies import DatabaseDep

_KEY = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class WriteCall:
    """What every write takes from its request: who sent it, the body, and its headers."""

    request: Request
    database: Database
    holder: Principal
    body: bytes

    @property
    def preconditions(self) -> Preconditions:
        """The headers that say which revision the write is meant for."""
        sent = self.request.headers
        return Preconditions(sent.get("if-match"), sent.get("if-none-match", ""))


async def _read_write_call(
    request: Request, database: DatabaseDep, holder: Editor, body: BodyBytes
) -> WriteCall:
    return WriteCall(request, database, holder, body)


WriteCallDep = Annotated[WriteCall, Depends(_read_write_call)]
"""What a handler that writes takes as a parameter: a key of the scope `write` is required."""


def execute_write(call: WriteCall, write: Callable[[Connection], Outcome]) -> Response:
    """Run a write in one transaction; a request with an `Idempotency-Key` runs only once.

    The answer is stored in the same transaction, and only one transaction writes at a time: a
    second request with the key waits for the first, and then gets its stored answer.
    """
    key = _read_idempotency_key(call.request)
    asked = _hash_request(call.request, call.body)
    with call.database.write() as db:
        record_key_use(db, call.holder)
        if key is not None and (stored := find_stored_outcome(db, call.holder.id, key, asked)):
            return _build_response(stored, {"Idempotency-Replayed": "true"})
        try:
            outcome = write(db)
        except MovedError as moved:
            # A client that followed a redirect would change what it never read.
            message = f"It was merged: read {moved.location}, and write to it instead."
            raise ConflictError(message) from moved
        if key is not None:
            store_outcome(db, call.holder.id, key, asked, outcome)
    return _build_response(outcome, {})


def _build_response(outcome: Outcome, more: dict[str, str]) -> Response:
    headers = {**outcome.headers, **more}
    return Response(outcome.body, outcome.status, headers, media_type="application/json")


def _read_idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        fault = Fault(
            loc=["header", "Idempotency-Key"], message="must be 1 to 200 ASCII characters"
        )
        raise InvalidBodyError([fault])
    return key


def _hash_request(request: Request, body: bytes) -> str:
    digest = blake2b(digest_size=16)
    parts = (request.method, str(request.url.path), request.url.query)
    named = ("if-match", "if-none-match")
    for part in (*parts, *(request.headers.get(name, "") for name in named)):
        digest.update(part.encode() + b"\x00")
    digest.update(body)
    return digest.hexdigest()
