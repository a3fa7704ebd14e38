"""Execute writes over HTTP, and store their answers for requests that are sent again."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from fastapi import Request, Response
from sqlalchemy import Connection, delete, insert, select

from app.access.keys import Principal, record_key_use
from app.db.engine import Database
from app.db.tables import attempts
from app.editing.outcome import Outcome
from app.editing.preconditions import Preconditions
from app.errors import ConflictError, Fault, InvalidBodyError, MovedError

OUTCOME_LIFETIME = timedelta(days=7)
"""How long the answer to a request with an `Idempotency-Key` is stored."""
_KEY = re.compile(r"[!-~]{1,200}")


def read_preconditions(request: Request) -> Preconditions:
    """Read the headers that say which revision a write is meant for."""
    sent = request.headers
    return Preconditions(sent.get("if-match"), sent.get("if-none-match", ""))


def execute_write(
    request: Request,
    database: Database,
    holder: Principal,
    body: bytes,
    write: Callable[[Connection], Outcome],
) -> Response:
    """Run a write in one transaction; a request with an `Idempotency-Key` runs only once.

    The answer is stored in the same transaction, and only one transaction writes at a time: a
    second request with the key waits for the first, and then gets its stored answer.
    """
    key = _read_idempotency_key(request)
    asked = _hash_request(request, body)
    with database.write() as db:
        record_key_use(db, holder)
        if key is not None and (stored := _find_stored_outcome(db, holder, key, asked)):
            return _build_response(stored, {"Idempotency-Replayed": "true"})
        try:
            outcome = write(db)
        except MovedError as moved:
            # A client that followed a redirect would change what it never read.
            message = f"It was merged: read {moved.location}, and write to it instead."
            raise ConflictError(message) from moved
        if key is not None:
            _store_outcome(db, holder, key, asked, outcome)
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


def _find_stored_outcome(db: Connection, holder: Principal, key: str, asked: str) -> Outcome | None:
    a = attempts.c
    row = db.execute(select(attempts).where(a.writer == holder.id, a.key == key)).one_or_none()
    if row is None:
        return None
    if row.request != asked:
        message = "was used for a different request"
        hint = "Use a new key for each request, and send a retry unchanged."
        fault = Fault(loc=["header", "Idempotency-Key"], message=message, hint=hint)
        raise InvalidBodyError([fault])
    return Outcome(row.status, row.body, json.loads(row.headers))


def _store_outcome(
    db: Connection, holder: Principal, key: str, asked: str, outcome: Outcome
) -> None:
    form, now = "%Y-%m-%dT%H:%M:%SZ", datetime.now(UTC)
    db.execute(delete(attempts).where(attempts.c.at < (now - OUTCOME_LIFETIME).strftime(form)))
    row = {"writer": holder.id, "key": key, "request": asked, "at": now.strftime(form)}
    row |= {"headers": json.dumps(outcome.headers), "body": outcome.body}
    db.execute(insert(attempts).values(**row, status=outcome.status))
