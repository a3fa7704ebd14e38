"""The feed of changes as Server-Sent Events: each change once, in order, as it is written."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import Field

from app.db.engine import Database
from app.db.journal import version_of
from app.examples import examples
from app.history import read
from app.history.pulse import Pulse
from app.history.router import ChangesFilter, Seq, beyond
from app.http.database import Held
from app.http.problems import RESPONSES, Fault, InvalidBodyError, problem

router = APIRouter(prefix="/v1", tags=["history"], responses=RESPONSES)
PART = 200
"""Changes held for one reader; a slow one holds no more, and no connection."""
HEARTBEAT = 15.0
"""Seconds of silence after which a line is sent to keep the connection."""
MOST = 500
"""Readers at once in one process."""
_READS = CapacityLimiter(4)


class StreamQuery(ChangesFilter):
    """Which changes, from where, and how many."""

    after: Seq | None = Field(None, description="The last `seq` known; the newest unless given.")
    limit: int | None = Field(None, ge=1, description="End after so many changes; else never.")


def _part(database: Database, asked: StreamQuery, after: int, limit: int) -> read.Part:
    with database.connect() as db:
        part = read.changes(db, asked.wanted(db), after, limit)
        return read.Part(part.found, version_of(db), True) if part.done else part


@router.get(
    "/changes/stream",
    operation_id="streamChanges",
    response_class=Response,
    responses={
        200: {
            "description": "Events named `change`; the id of each is its `seq`.",
            "content": {"text/event-stream": {"example": examples()["streamChanges"]["answer"]}},
        }
    },
)
def stream_changes(
    asked: Annotated[StreamQuery, Query()],
    request: Request,
    database: Held,
    last_event_id: Annotated[
        str | None, Header(description="What a browser sends when it connects again.")
    ] = None,
) -> Response:
    """Changes as they are written, from now on, or from `after`; `Last-Event-ID` goes on."""
    pulse: Pulse = request.app.state.pulse
    if pulse.followers >= MOST:
        answer = problem(503, f"{MOST} follow already; ask /v1/changes instead.")
        answer.headers["Retry-After"] = "10"
        return answer
    if last_event_id is not None and not (last_event_id.isdecimal() and len(last_event_id) < 17):
        fault = Fault(loc=["header", "Last-Event-ID"], message="must be a seq")
        raise InvalidBodyError([fault])
    with database.connect() as db:
        newest = version_of(db)
        after = newest if asked.after is None else asked.after
        if last_event_id is not None:
            after = int(last_event_id)
        beyond(after, newest)
        asked.wanted(db)  # a name that nobody has is told now, not in the stream
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_told(database, pulse, asked, after), headers=headers)


async def _told(
    database: Database, pulse: Pulse, asked: StreamQuery, after: int
) -> AsyncIterator[bytes]:
    left = asked.limit
    yield format_sse_event(retry=2000, comment="changes")
    with pulse.follower() as woken:
        while not pulse.ended:
            woken.clear()  # before reading: what is written meanwhile wakes again
            most = PART if left is None else min(PART, left)
            part = await to_thread.run_sync(_part, database, asked, after, most, limiter=_READS)
            for change in part.found:
                yield format_sse_event(
                    data_str=change.model_dump_json(), event="change", id=str(change.seq)
                )
            after = part.upto
            if left is not None:
                left -= len(part.found)
                if left == 0:
                    return
            if part.done and not await _news(woken):
                yield format_sse_event(comment="still here")


async def _news(woken: asyncio.Event) -> bool:
    """Wait for news; False after a while without."""
    try:
        await asyncio.wait_for(woken.wait(), HEARTBEAT)
    except TimeoutError:
        return False
    return True
