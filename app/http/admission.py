"""Refuse requests at once during overload, instead of letting all of them wait."""

import asyncio
import time

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.metrics import REFUSED
from app.http.problems import render_problem

MOST_WAITING = 256
"""Requests waiting for a thread, from which on new ones are refused."""
MAX_WAIT_SECONDS = 0.3
"""Seconds of waiting for a thread, beyond which new requests are refused."""
PROBE_INTERVAL = 0.05
"""Seconds between two measurements of the wait."""
ALWAYS_ADMITTED = {"/healthz", "/metrics"}
"""Paths for monitoring, which are always admitted."""


class ThreadWaitProbe:
    """Measures how long a request waits for a thread, by queueing a task that does nothing.

    The duration of requests says less: some always take long, and all do on a busy machine.
    """

    def __init__(self) -> None:
        self._last, self._ended = 0.0, -PROBE_INTERVAL
        self._begun: float | None = None
        self._task: asyncio.Task[None] | None = None

    def measure_wait(self) -> float:
        """Return the last measured wait, or the current one so far if that is longer."""
        now = time.perf_counter()
        if self._begun is None and now - self._ended >= PROBE_INTERVAL:
            self._begun = now
            self._task = asyncio.get_running_loop().create_task(self._time_one_wait())
        return max(self._last, 0.0 if self._begun is None else now - self._begun)

    async def _time_one_wait(self) -> None:
        begun = time.perf_counter() if self._begun is None else self._begun
        try:
            called = await to_thread.run_sync(time.perf_counter)
            self._last = called - begun
        finally:
            self._begun, self._ended = None, time.perf_counter()


class AdmissionMiddleware:
    """Answers 503 with `Retry-After` while too many requests wait, or wait too long."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._line = ThreadWaitProbe()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] not in ALWAYS_ADMITTED:
            waiting = to_thread.current_default_thread_limiter().statistics().tasks_waiting
            late = self._line.measure_wait() > MAX_WAIT_SECONDS
            if waiting >= MOST_WAITING or (late and waiting):
                REFUSED.labels("overload").inc()
                answer = render_problem(
                    503, "Too many requests are waiting; nothing was done. Try again."
                )
                answer.headers["Retry-After"] = "1"
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)
