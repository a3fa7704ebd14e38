"""HTTP route for the change stream: Server-Sent Events, each change once and in order."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import Field

from app.db.engine import Database
from app.db.lineage_table import read_version
from app.errors import Fault, InvalidBodyError
from app.examples import load_examples
from app.history import read
from app.history.change_notifier import ChangeNotifier
from app.history.router import ChangesFilter, Seq, require_existing_seq
from app.history.schemas import Change
from app.http.dependencies import DatabaseDep
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES, render_problem
from app.http.query_route import QueryRoute
from app.lineages import StateGoneError, Version
from app.settings import STREAM_READS

router = PrefixRouter(
    prefix="/v1", tags=["history"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
BATCH_SIZE = 200
"""Changes in memory for one reader: a slow reader takes no more, and no connection."""
HEARTBEAT = 15.0
"""Seconds without a change after which a comment is sent to keep the connection open."""
MAX_READERS = 500
"""The most readers at once, in all processes together."""
_EVENT_ID = re.compile(r"([0-9]{1,16})(?:\.([0-9a-f]{8}))?")
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
    database: Database, asked: ChangeStreamQuery, after: Version, limit: int
) -> tuple[read.ChangeBatch[Change], Version]:
    with database.connect() as db:
        newest = read_version(db)
        if newest.ancestry.current != after.ancestry.current:  # restored meanwhile
            newest.ancestry.require_version(after.lineage, after)
        # Resolved for every batch: a stream may run for days, and an actor be merged meanwhile.
        if newest < after:  # another standby than before, which is behind that one
            return read.ChangeBatch(list[Change](), after, True), newest
        part = read.read_changes(db, asked.resolve_selection(db), after, limit)
        if part.done:
            return read.ChangeBatch(part.found, newest, True), newest
        return part, newest


@router.get(
    "/changes/stream",
    operation_id="streamChanges",
    response_class=Response,
    responses={
        200: {
            "description": "Events named `change`; the id of each is `seq.lineage`.",
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
        Header(description="The `id` last received; browsers send it when they reconnect."),
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
    position = None if last_event_id is None else _EVENT_ID.fullmatch(last_event_id)
    if last_event_id is not None and position is None:
        fault = Fault(loc=["header", "Last-Event-ID"], message="must be an id of this stream")
        raise InvalidBodyError([fault])
    with database.connect() as db:
        newest = read_version(db)
        after, lineage = asked.after, asked.lineage
        if position is not None:
            after, lineage = int(position[1]), position[2]
        if after is not None:
            require_existing_seq(after, lineage, newest)
        begin = Version(newest if after is None else after, newest.ancestry)
        asked.resolve_selection(db)  # an unknown name has to fail before the stream begins
    unlimited = database.without_time_limit()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_send_changes(unlimited, notifier, asked, begin), headers=headers)


async def _send_changes(
    database: Database, notifier: ChangeNotifier, asked: ChangeStreamQuery, after: Version
) -> AsyncIterator[bytes]:
    left = asked.limit
    yield format_sse_event(retry=2000, comment="changes")
    with notifier.add_follower() as woken:
        while not notifier.is_ended:
            woken.clear()  # before reading, so that a write during the read wakes this reader again
            most = BATCH_SIZE if left is None else min(BATCH_SIZE, left)
            try:
                part, newest = await to_thread.run_sync(
                    _read_batch, database, asked, after, most, limiter=_READS
                )
            except StateGoneError:
                return  # the reader comes back with its last id, and gets a 410
            for change in part.found:
                label = Version(change.seq, newest.ancestry).label
                yield format_sse_event(data_str=change.model_dump_json(), event="change", id=label)
            after = Version(part.upto, newest.ancestry)
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
