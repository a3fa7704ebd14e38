"""Long answers, sent as they are made."""

from collections.abc import AsyncIterator, Iterator

from anyio import CapacityLimiter, to_thread


async def paced_by(limiter: CapacityLimiter, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Parts as they are made, in threads of the exports' own: readers of pages never wait for
    them. A slow reader holds no thread and no connection."""
    while True:
        part = await to_thread.run_sync(next, parts, None, limiter=limiter)
        if part is None:
            return
        if part:
            yield part
