"""Refuse questions during overload, early and cheaply, instead of letting all of them wait.

Overload is more work than the processors can do, so it is predicted from processor time: the
questions that are not answered yet, times what one has cost of late. What they waited for a
processor counts like what they used, since others may use it too. A slow disk or database makes
questions wait as well, but needs no processor, and is not taken for overload.
"""

import asyncio
import logging
import os
import re
import time
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress

from fastapi import Response

from app.http.metrics import REFUSED
from app.http.problems import render_problem
from app.http.task_line import TaskLine
from app.processors import count_processors

MIN_OPEN, MAX_OPEN = 32, 256
"""Open questions that are always admitted, and the most that are."""
MAX_WORK_SECONDS = 0.1
"""Seconds of processor time that the open questions may need, beyond `MIN_OPEN`."""
OPEN_IN_OVERLOAD = 2
"""Open questions in overload: one in work, one that waits, and one in the parts that overlap.

Each more makes every answer later by its own time. Where questions wait for something else than a
processor, more are needed to use it: the line grows until they do."""
OPEN_TOGETHER = 3
"""The same where questions that are handed over together cost less each (decisions 037 and 045),
unless most are refused."""
MANY_REFUSED_SHARE = 0.6
"""Share of refused questions from which on refusals make every answer later themselves."""
GROWTH = 1.5
"""How fast the line grows in overload while the processor is not used, each tick."""
BUSY_SHARE = 0.5
"""Share of a processor from which on the processor, and not a disk, is what questions wait for."""
FULL_SHARE = 0.8
"""Share of a processor from which on a longer line would not have more questions answered."""
IDLE_SHARE = 0.2
"""Share of all processors that has to be idle for a longer line to have more questions answered."""
CALM_SHARE = 0.1
"""Share of refused questions below which the overload has ended, if all of them find room then."""
MAX_LAG_SECONDS = 0.1
"""Lateness of the event loop that counts as overload by itself, if the process is busy."""
TICK_SECONDS = 0.1
LATEST_TICKS = 12
"""Ticks by which overload is judged. Clients that are refused at once come back at once, after
`RETRY_SECONDS`; judged by less, an overload would end and begin again between."""
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
_PLAIN_START = re.compile(
    rb"GET (?!/healthz|/readyz|/metrics|/explorer/)/[\x21-\x7e]* HTTP/1\.1\r\n[^\r\n]"
)
_UNUSUAL = re.compile(
    rb"\r\n(?:content-length|transfer-encoding|upgrade|expect|x-forwarded-for|forwarded|via"
    rb"|connection:(?!\s*keep-alive\r)|accept:[^\r]*text/html)",
    re.IGNORECASE,
)
log = logging.getLogger("entente.admission")


class Admission:
    """Decides which questions a process takes on; used on its event loop only."""

    def __init__(self, *, hands_over_together: bool = False) -> None:
        self._open_in_crowd = OPEN_TOGETHER if hands_over_together else OPEN_IN_OVERLOAD
        self.open = 0
        """Admitted questions whose answers have not begun."""
        self.lag = 0.0
        """How late the event loop was last, in seconds."""
        self.is_overloaded = False
        self._most_open = MAX_OPEN
        self._short_line = float(OPEN_IN_OVERLOAD)
        self._cost = 0.001
        self._arrived = self._refused = self._answered = 0
        self._latest = deque[tuple[int, int]](maxlen=LATEST_TICKS)
        """Questions, and those refused, of the latest ticks of an overload."""
        self.rests, self.patience = TaskLine(), TaskLine()
        """Ends of the rests of refused connections, and of the patience with them after it."""
        self._uncounted = 0
        """Refusals that the metrics, which take as long as the rest of one, do not have yet."""
        self._needed, self._due = read_needed_seconds(), 0.0
        self._idle = time.monotonic(), read_idle_seconds()
        self._timer: asyncio.TimerHandle | None = None
        self._refusals = REFUSED.labels("overload")
        self._choose_most_open(is_busy=False)

    def start_measuring(self) -> None:
        """Begin to measure the processor time of questions and the lag of the running loop."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + TICK_SECONDS
        self._timer = loop.call_at(self._due, self._measure_tick, loop)

    def stop_measuring(self) -> None:
        """Stop measuring, and reading refused connections again."""
        self.rests.stop_tasks()
        self.patience.stop_tasks()
        if self._timer is not None:
            self._timer.cancel()

    def admit_question(self, state: MutableMapping[str, object]) -> bool:
        """Return whether one more question is admitted, and note it in the state of its request."""
        if self.open >= self._most_open:
            self.refuse_question()
            return False
        self._arrived += 1
        self.open += 1
        state[_ADMITTED] = True
        return True

    def is_full(self) -> bool:
        """Return whether the next question is refused."""
        return self.open >= self._most_open

    def refuse_question(self) -> None:
        """Count a refused question."""
        self._arrived += 1
        self._refused += 1
        self._uncounted += 1
        if not self.is_overloaded:
            log.warning("overload: questions are refused", extra={"fields": self._describe()})
            self.is_overloaded, self._short_line = True, float(OPEN_IN_OVERLOAD)
            self._latest.clear()
            self._idle = time.monotonic(), read_idle_seconds()
            self._choose_most_open(is_busy=True)

    def withdraw_question(self, state: MutableMapping[str, object]) -> None:
        """Note that the answer to a question has begun, or never will; also more than once."""
        if state.pop(_ADMITTED, False):
            self.open -= 1
            self._answered += 1

    def _choose_most_open(self, *, is_busy: bool) -> None:
        is_late = is_busy and self.lag > MAX_LAG_SECONDS
        short = is_late or self.is_overloaded
        room = self._count_room()
        self._most_open = min(room, int(self._short_line)) if short else room

    def _count_room(self) -> int:
        """Return how many questions may be open outside overload."""
        return max(MIN_OPEN, min(MAX_OPEN, int(MAX_WORK_SECONDS / self._cost)))

    def _measure_tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now, needed = loop.time(), read_needed_seconds()
        self.lag = now - self._due
        used, self._needed = max(0.0, needed - self._needed), needed
        share = used / (TICK_SECONDS + max(0.0, self.lag))
        if self._answered:
            weight = min(0.5, self._answered / 50)
            self._cost += weight * (max(1e-4, used / self._answered) - self._cost)
        least = self._judge_overload()
        if self.is_overloaded and share < FULL_SHARE and self._has_idle_processors():
            self._short_line = min(MAX_OPEN, self._short_line * GROWTH)
        else:
            self._short_line = max(least, self._short_line / GROWTH)
        self._refusals.inc(self._uncounted)
        self._arrived = self._refused = self._answered = self._uncounted = 0
        self._choose_most_open(is_busy=share > BUSY_SHARE)
        self._due = now + TICK_SECONDS
        self._timer = loop.call_at(self._due, self._measure_tick, loop)

    def _judge_overload(self) -> int:
        """End an overload that is over; returns how many questions are open at least in one."""
        self._latest.append((self._arrived, self._refused))
        arrived, refused = map(sum, zip(*self._latest, strict=True))
        few = refused <= CALM_SHARE * arrived and refused <= self._count_room()
        if self.is_overloaded and few and len(self._latest) == LATEST_TICKS:
            self.is_overloaded = False
            log.warning("the overload has ended", extra={"fields": self._describe()})
        is_crowd = self.is_overloaded and refused < MANY_REFUSED_SHARE * arrived
        return self._open_in_crowd if is_crowd else OPEN_IN_OVERLOAD

    def _has_idle_processors(self) -> bool:
        """Return whether processors were idle since this was asked last, or for a while before."""
        now, idle = time.monotonic(), read_idle_seconds()
        (since, before), self._idle = self._idle, (now, idle)
        return idle - before > IDLE_SHARE * count_processors() * (now - since)

    def _describe(self) -> dict[str, object]:
        return {
            "open": self.open,
            "most_open": self._most_open,
            "cost_ms": round(1000 * self._cost, 2),
            "lag_ms": round(1000 * self.lag),
        }


def is_plain_question(data: bytes) -> bool:
    """Return whether bytes are the whole of one question that may be refused without parsing.

    That is a GET without a body, by no proxy, of which the connection stays open and no page is
    asked for.
    """
    return (
        data.endswith(b"\r\n\r\n")
        and _PLAIN_START.match(data) is not None
        and data.find(b"\r\n\r\n") == len(data) - 4
        and _UNUSUAL.search(data) is None
    )


def read_needed_seconds() -> float:
    """Return the seconds that this process has used of processors, or waited for one.

    Only Linux says how long threads have waited.
    """
    waited = 0
    with suppress(OSError):
        for thread in os.scandir("/proc/self/task"):
            with suppress(OSError, IndexError), open(f"{thread.path}/schedstat", "rb") as stat:
                waited += int(stat.read().split()[1])
    return time.process_time() + waited / 1e9


def read_idle_seconds() -> float:
    """Return the seconds that all processors of the machine together have been idle, on Linux.

    Elsewhere time itself is returned, as if one of them were idle all the time.
    """
    try:
        with open("/proc/stat", "rb") as stat:
            _, _user, _nice, _system, idle, waiting = stat.readline().split()[:6]
    except (OSError, ValueError):
        return time.monotonic()
    return (int(idle) + int(waiting)) / os.sysconf("SC_CLK_TCK")


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
