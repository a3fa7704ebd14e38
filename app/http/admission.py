"""Refuse questions during overload, early and cheaply, instead of letting all of them wait.

Overload is more work than the processor can do, so it is predicted from processor time: the
questions that are not answered yet, times what one has cost of late. A slow disk or database makes
questions wait too, but costs no processor time, and is not taken for overload.
"""

import asyncio
import logging
import time
from collections.abc import MutableMapping

from fastapi import Response

from app.http.metrics import REFUSED
from app.http.problems import render_problem

MIN_OPEN, MAX_OPEN = 32, 256
"""Open questions that are always admitted, and the most that are."""
MAX_WORK_SECONDS = 0.25
"""Seconds of processor time that the open questions may need, beyond `MIN_OPEN`."""
OPEN_IN_OVERLOAD = 4
"""Open questions, besides one for each thread, while the processor is overloaded.

A short line is worked off as fast as a long one, and those in it are answered soon."""
BUSY_SHARE = 0.5
"""Share of a processor from which on the processor, and not a disk, is what questions wait for."""
CALM_SHARE = 0.1
"""Share of refused questions below which the overload has ended."""
MAX_LAG_SECONDS = 0.1
"""Lateness of the event loop that counts as overload by itself, if the process is busy."""
CONTENDED_LAG_SECONDS = 0.02
"""Lateness of the event loop that shows that processor time is short."""
TICK_SECONDS = 0.1
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'",
    "X-Content-Type-Options": "nosniff",
}
RETRY_SECONDS = 1
"""What `Retry-After` says, and for how long the connection of a refused question is not read."""
ALWAYS_ADMITTED = (b"/healthz", b"/readyz", b"/metrics", b"/explorer/")
"""Beginnings of paths that are always admitted: monitoring, and files that are kept in memory.

A page of which one file is refused would stay blank."""
_ADMITTED = "admitted"
log = logging.getLogger("entente.admission")


class Admission:
    """Decides which questions a process takes on; used on its event loop only."""

    def __init__(self, threads: int) -> None:
        self.open = 0
        """Admitted questions whose answers have not begun."""
        self.lag = 0.0
        """How late the event loop was last, in seconds."""
        self.is_overloaded = False
        self._threads = threads
        self._cost = 0.001
        self._is_busy = False
        self._arrived = self._refused = self._answered = 0
        self._cpu, self._due = time.process_time(), 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._refusals = REFUSED.labels("overload")

    def start_measuring(self) -> None:
        """Begin to measure the processor time of questions and the lag of the running loop."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + TICK_SECONDS
        self._timer = loop.call_at(self._due, self._measure_tick, loop)

    def stop_measuring(self) -> None:
        """Stop measuring."""
        if self._timer is not None:
            self._timer.cancel()

    def admit_question(self, state: MutableMapping[str, object]) -> bool:
        """Return whether one more question is admitted, and note it in the state of its request."""
        self._arrived += 1
        if self.open >= self._find_most_open():
            if not self.is_overloaded:
                log.warning("overload: questions are refused", extra={"fields": self._describe()})
                self.is_overloaded = True
            self._refused += 1
            self._refusals.inc()
            return False
        self.open += 1
        state[_ADMITTED] = True
        return True

    def withdraw_question(self, state: MutableMapping[str, object]) -> None:
        """Note that the answer to a question has begun, or never will; also more than once."""
        if state.pop(_ADMITTED, False):
            self.open -= 1
            self._answered += 1

    def _find_most_open(self) -> int:
        # A disk makes nothing late; a processor that others use too makes the loop so.
        lacks_processor = self._is_busy or self.lag > CONTENDED_LAG_SECONDS
        late = self._is_busy and self.lag > MAX_LAG_SECONDS
        if late or (self.is_overloaded and lacks_processor):
            return OPEN_IN_OVERLOAD + self._threads
        by_work = int(MAX_WORK_SECONDS / self._cost)
        return max(MIN_OPEN, min(MAX_OPEN, by_work))

    def _measure_tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now, cpu = loop.time(), time.process_time()
        self.lag = now - self._due
        used, self._cpu = cpu - self._cpu, cpu
        self._is_busy = used > BUSY_SHARE * (TICK_SECONDS + self.lag)
        if self._answered:
            weight = min(0.5, self._answered / 50)
            self._cost += weight * (max(1e-4, used / self._answered) - self._cost)
        if self._arrived >= 10 or not self._arrived:
            if self.is_overloaded and self._refused <= CALM_SHARE * self._arrived:
                self.is_overloaded = False
                log.warning("the overload has ended", extra={"fields": self._describe()})
            self._arrived = self._refused = 0
        self._answered = 0
        self._due = now + TICK_SECONDS
        self._timer = loop.call_at(self._due, self._measure_tick, loop)

    def _describe(self) -> dict[str, object]:
        return {
            "open": self.open,
            "cost_ms": round(1000 * self._cost, 2),
            "lag_ms": round(1000 * self.lag),
        }


BUSY_WORDS = "Too many questions are waiting; nothing was done. Try again."
BUSY_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>The service is busy – Entente</title>"
    '<link rel="stylesheet" href="/explorer/style.css">'
    '<script src="/explorer/retry.js"></script></head><body data-busy><main id="content">'
    f"<h1>The service is busy</h1><p>{BUSY_WORDS}</p>"
    '<div id="retry" data-counting="Trying again in {seconds} s."><p><a href="">Try again</a></p>'
    "</div></main></body></html>"
)
"""What a browser shows of a refused page: words, and a script that asks again three times."""


def _build_refusal(*more: str, page: str | None = None) -> tuple[bytes, bytes]:
    """Build a whole refusal once, since building costs more than sending; returns head and body."""
    answer = render_problem(503, BUSY_WORDS, slug="overload")
    if page is not None:
        answer = Response(page, status_code=503, headers=PAGE_HEADERS, media_type="text/html")
    headers = [
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"retry-after: {RETRY_SECONDS}",
        "access-control-allow-origin: *",
        "access-control-expose-headers: Retry-After",
        *more,
    ]
    lines = ["HTTP/1.1 503 Service Unavailable", *headers, "", ""]
    return "\r\n".join(lines).encode(), bytes(answer.body)


REFUSAL, CLOSING_REFUSAL = _build_refusal(), _build_refusal("connection: close")
"""Head and body of a refusal, on a connection that stays open or is closed."""
PAGE_REFUSALS = (
    _build_refusal(page=BUSY_PAGE),
    _build_refusal("connection: close", page=BUSY_PAGE),
)
"""The same for a browser that asks for a page."""
