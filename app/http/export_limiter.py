"""Stream exports in threads of their own, so that they cannot block other requests."""

from collections.abc import AsyncIterator, Iterator

from anyio import CapacityLimiter, to_thread


async def stream_in_limited_threads(
    limiter: CapacityLimiter, parts: Iterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield the parts of an export, each made in a thread from the limiter.

    Between two parts no thread is occupied, so a slow reader does not block one.
    """
    while True:
        part = await to_thread.run_sync(next, parts, None, limiter=limiter)
        if part is None:
            return
        if part:
            yield part
