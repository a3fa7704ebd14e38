"""The limits of this service, as it has them, for clients to read before they meet one."""

from pydantic import BaseModel, Field

from app.http.body import MAX_BODY_VALUES, MAX_DEPTH, MAX_OBJECT_NAMES
from app.http.rate_limit import WINDOW_SECONDS
from app.http.server import MAX_HEAD_BYTES, PATIENCE
from app.settings import (
    WATCH_ANSWER_SECONDS,
    WATCH_ATTEMPTS,
    WATCH_MESSAGE_BYTES,
    Settings,
)

MAX_ROWS = 1000
"""Rows on a page, and documents in a body."""


class RequestLimits(BaseModel):
    """Limits on what a request may contain."""

    head_bytes: int = Field(description="Bytes of address and headers.")
    head_seconds: float = Field(description="Seconds in which they have to arrive.")
    body_bytes: int = Field(description="Bytes of the body of a write.")
    body_values: int = Field(description="Values in it, in all.")
    body_depth: int = Field(description="Lists and objects within each other.")
    body_documents: int = Field(description="Documents in it.")
    object_names: int = Field(description="Names in one object.")


class AnswerLimits(BaseModel):
    """Limits on what an answer costs."""

    page_rows: int = Field(description="Rows on a page; `links.next` has the rest.")
    query_seconds: float = Field(
        description="Seconds that the database may read for a question, exports and streams"
        " excepted; 0: no limit."
    )
    question_events: int = Field(
        description="Events that a question may have counted one by one, by an estimate before any"
        " is read, exports and streams excepted; 0: no limit."
    )
    exports: int = Field(description="Exports that run at once in all processes; others wait.")


class ImportLimits(BaseModel):
    """Limits on an upload."""

    upload_bytes: int = Field(description="Bytes of an upload.")
    expanded_bytes: int = Field(description="Bytes that it may expand to.")


class RateLimits(BaseModel):
    """Limits on requests to all processes of the service within `seconds`; 0: no limit.

    Health checks and streams have none.
    """

    seconds: int
    key: int = Field(description="Requests with a key.")
    address: int = Field(description="Requests without a key, from an address.")
    wrong_keys: int = Field(description="Wrong keys from an address, before others have to wait.")


class WatchLimits(BaseModel):
    """Limits on watches."""

    per_key: int = Field(description="Watches that a key may keep; 0: none at all.")
    message_bytes: int = Field(description="Bytes of a message; a larger event is left out of it.")
    answer_seconds: float = Field(description="Seconds that a receiver has for a message.")
    attempts: int = Field(description="Attempts before a message is a dead letter.")


class Limits(BaseModel):
    """All limits of this service."""

    requests: RequestLimits
    answers: AnswerLimits
    imports: ImportLimits
    rates: RateLimits
    watches: WatchLimits = Field(description="Limits of watches.")


def describe_limits(settings: Settings) -> Limits:
    """Return the limits that follow from the settings, with the fixed ones."""
    return Limits(
        requests=RequestLimits(
            head_bytes=MAX_HEAD_BYTES,
            head_seconds=PATIENCE,
            body_bytes=settings.max_body_bytes,
            body_values=MAX_BODY_VALUES,
            body_depth=MAX_DEPTH,
            body_documents=MAX_ROWS,
            object_names=MAX_OBJECT_NAMES,
        ),
        answers=AnswerLimits(
            page_rows=MAX_ROWS,
            query_seconds=settings.query_seconds,
            question_events=settings.question_events,
            exports=settings.exports,
        ),
        imports=ImportLimits(
            upload_bytes=settings.max_import_bytes, expanded_bytes=settings.max_expanded_bytes
        ),
        rates=RateLimits(
            seconds=WINDOW_SECONDS,
            key=settings.key_rate,
            address=settings.address_rate,
            wrong_keys=settings.wrong_keys,
        ),
        watches=WatchLimits(
            per_key=settings.watches_per_key,
            message_bytes=WATCH_MESSAGE_BYTES,
            answer_seconds=WATCH_ANSWER_SECONDS,
            attempts=WATCH_ATTEMPTS,
        ),
    )
