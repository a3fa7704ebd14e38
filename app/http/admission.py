"""Overload is refused at once, instead of being waited for by everybody."""

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.problems import problem

MOST_WAITING = 256
"""Requests that wait for a thread. At some 500 answers a second the last of them waits half a
second; whoever comes then had better come again."""
ALWAYS = {"/healthz", "/metrics"}
"""Addresses of those who look after the service."""


class AdmissionMiddleware:
    """Answers 503 with `Retry-After` while too many requests wait already."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or not."""
        if scope["type"] == "http" and scope["path"] not in ALWAYS:
            waiting = to_thread.current_default_thread_limiter().statistics().tasks_waiting
            if waiting >= MOST_WAITING:
                answer = problem(
                    503, "Too many requests wait already; nothing was done. Try again."
                )
                answer.headers["Retry-After"] = "1"
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)
