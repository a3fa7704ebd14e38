"""HTTP route for the change stream: Server-Sent Events, each change once and in order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import Field

from app.db.engine import Database
from app.db.journal import read_version
from app.errors import Fault, InvalidBodyError
from app.examples import load_examples
from app.history import read
from app.history.change_notifier import ChangeNotifier
from app.history.router import ChangesFilter, Seq, require_existing_seq
from app.history.schemas import Change
from app.http.dependencies import DatabaseDep
from app.http.problems import COMMON_RESPONSES, render_problem
from app.http.query_route import QueryRoute
from app.settings import STREAM_READS

router = APIRouter(
    prefix="/v1", tags=["history"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
BATCH_SIZE = 200
"""Changes in memory for one reader: a slow reader takes no more, and no connection."""
HEARTBEAT = 15.0
"""Seconds without a change after which a comment is sent to keep the connection open."""
MAX_READERS = 500
"""The most readers at once, in all processes together."""
_READS = CapacityLimiter(STREAM_READS)


class ChangeStreamQuery(ChangesFilter):
    """Parameters of the change stream."""

    after: Seq | None = Field(
        None, description="The last `seq` that the reader has; the newest by default."
    )
    limit: int | None = Field(
        None, ge=1, description="The stream ends after so many changes; by default never."
    )


def _read_batch(
    database: Database, asked: ChangeStreamQuery, after: int, limit: int
) -> read.ChangeBatch[Change]:
    with database.connect() as db:
        # Resolved for every batch: a stream may run for days, and an actor be merged meanwhile.
        part = read.read_changes(db, asked.resolve_selection(db), after, limit)
        return read.ChangeBatch(part.found, read_version(db), True) if part.done else part


@router.get(
    "/changes/stream",
    operation_id="streamChanges",
    response_class=Response,
    responses={
        200: {
            "description": "Events named `change`; the id of each is its `seq`.",
            "content": {
                "text/event-stream": {"example": load_examples()["streamChanges"]["answer"]}
            },
        }
    },
)
def stream_changes(
    asked: Annotated[ChangeStreamQuery, Query()],
    request: Request,
    database: DatabaseDep,
    last_event_id: Annotated[
        str | None,
        Header(description="The last `seq` received; browsers send it when they reconnect."),
    ] = None,
) -> Response:
    """Streams changes as they are written, from now on or after `after` or `Last-Event-ID`."""
    notifier: ChangeNotifier = request.app.state.change_notifier
    if notifier.follower_count >= request.app.state.settings.share_of(MAX_READERS):
        answer = render_problem(
            503, f"{MAX_READERS} readers are connected already; use /v1/changes instead."
        )
        answer.headers["Retry-After"] = "10"
        return answer
    if last_event_id is not None and not (last_event_id.isdecimal() and len(last_event_id) < 17):
        fault = Fault(loc=["header", "Last-Event-ID"], message="must be a seq")
        raise InvalidBodyError([fault])
    with database.connect() as db:
        newest = read_version(db)
        after = newest if asked.after is None else asked.after
        if last_event_id is not None:
            after = int(last_event_id)
        require_existing_seq(after, newest)
        asked.resolve_selection(db)  # an unknown name has to fail before the stream begins
    unlimited = database.without_time_limit()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_send_changes(unlimited, notifier, asked, after), headers=headers)


async def _send_changes(
    database: Database, notifier: ChangeNotifier, asked: ChangeStreamQuery, after: int
) -> AsyncIterator[bytes]:
    left = asked.limit
    yield format_sse_event(retry=2000, comment="changes")
    with notifier.add_follower() as woken:
        while not notifier.is_ended:
            woken.clear()  # before reading, so that a write during the read wakes this reader again
            most = BATCH_SIZE if left is None else min(BATCH_SIZE, left)
            part = await to_thread.run_sync(
                _read_batch, database, asked, after, most, limiter=_READS
            )
            for change in part.found:
                yield format_sse_event(
                    data_str=change.model_dump_json(), event="change", id=str(change.seq)
                )
            after = part.upto
            if left is not None:
                left -= len(part.found)
                if left == 0:
                    return
            if part.done and not await _wait_for_news(woken):
                yield format_sse_event(comment="still here")


async def _wait_for_news(woken: asyncio.Event) -> bool:
    """Wait for a write; False after `HEARTBEAT` seconds without one."""
    try:
        await asyncio.wait_for(woken.wait(), HEARTBEAT)
    except TimeoutError:
        return False
    return True
