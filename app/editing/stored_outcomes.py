"""Store answers to writes, for requests that are sent again with their `Idempotency-Key`."""

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from app.db.tables import attempts
from app.editing.outcome import Outcome
from app.errors import Fault, InvalidBodyError

OUTCOME_LIFETIME = timedelta(days=7)
"""How long the answer to a request with an `Idempotency-Key` is stored."""


def find_stored_outcome(db: Connection, writer: str, key: str, asked: str) -> Outcome | None:
    """Find the answer to a request that was sent before, or None.

    `asked` is the hash of the request. Raises `InvalidBodyError` where the key was sent with a
    different one.
    """
    a = attempts.c
    row = db.execute(select(attempts).where(a.writer == writer, a.key == key)).one_or_none()
    if row is None:
        return None
    if row.request != asked:
        message = "was used for a different request"
        hint = "Use a new key for each request, and send a retry unchanged."
        fault = Fault(loc=["header", "Idempotency-Key"], message=message, hint=hint)
        raise InvalidBodyError([fault])
    return Outcome(row.status, row.body, json.loads(row.headers))


def store_outcome(db: Connection, writer: str, key: str, asked: str, outcome: Outcome) -> None:
    """Store the answer to a request for `OUTCOME_LIFETIME`, and delete older ones."""
    form, now = "%Y-%m-%dT%H:%M:%SZ", datetime.now(UTC)
    db.execute(delete(attempts).where(attempts.c.at < (now - OUTCOME_LIFETIME).strftime(form)))
    row = {"writer": writer, "key": key, "request": asked, "at": now.strftime(form)}
    row |= {"headers": json.dumps(outcome.headers), "body": outcome.body}
    db.execute(insert(attempts).values(**row, status=outcome.status))
