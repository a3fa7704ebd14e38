"""What each process measures of itself: threads, connections, followers, caches and failures.

A process that shares metrics with others measures itself every few seconds, since another one may
be scraped; one that is alone does so when it is scraped.
"""

import asyncio
from collections.abc import Callable
from functools import _CacheInfo

from prometheus_client import Counter, Gauge
from sqlalchemy import QueuePool
from starlette.datastructures import State

from app.db.dialect.fast_statements import compile_prepared
from app.db.engine import Database
from app.events.queries import compile_page_statement
from app.events.statement import select_matching_revisions
from app.http.question_threads import QuestionThreads

MEASURE_SECONDS = 2.0
"""Seconds between two measurements of a process that shares its metrics."""
CACHES: dict[str, Callable[[], _CacheInfo]] = {
    "page_statements": compile_page_statement.cache_info,
    "prepared_statements": compile_prepared.cache_info,
    "revision_statements": select_matching_revisions.cache_info,
}
"""Caches of this process whose hits and misses are reported."""


def _make_gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"entente_{name}", text, labels, multiprocess_mode="livesum")


_THREADS_BUSY = _make_gauge("threads_busy", "Threads at work.", "pool")
_THREADS = _make_gauge("threads", "Threads that may be at work at once.", "pool")
_THREADS_WAITING = _make_gauge(
    "threads_waiting", "Requests and parts of exports that wait for a thread.", "pool"
)
_CONNECTIONS = _make_gauge("database_connections", "Connections.", "state")
_FOLLOWERS = _make_gauge("stream_followers", "Readers of the change stream.")
_FAILURES = Counter("entente_database_failures", "Failures of the database, by kind.", ("kind",))
_CACHE_HITS = Counter("entente_cache_hits", "Look-ups that a cache answered.", ("cache",))
_CACHE_MISSES = Counter(
    "entente_cache_misses", "Look-ups that a cache could not answer.", ("cache",)
)
_COUNTED: dict[tuple[Counter, str], int] = {}
"""What was counted of the caches of this process, by counter and cache."""


class ProcessMeter:
    """Measures the process of one application; has to be asked on its event loop."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._failures: dict[str, int] = {}

    async def measure_for_ever(self) -> None:
        """Measure the process every `MEASURE_SECONDS`, until cancelled."""
        while True:
            self.measure_process()
            await asyncio.sleep(MEASURE_SECONDS)

    def measure_process(self) -> None:
        """Set every gauge, and add to the counters what has happened since the last call."""
        threads: QuestionThreads = self._state.threads
        exports = self._state.exports.statistics()
        for pool, busy, size, waiting in (
            ("requests", min(threads.open, threads.size), threads.size, threads.waiting),
            ("exports", exports.borrowed_tokens, exports.total_tokens, exports.tasks_waiting),
        ):
            _THREADS_BUSY.labels(pool).set(busy)
            _THREADS.labels(pool).set(size)
            _THREADS_WAITING.labels(pool).set(waiting)
        database: Database = self._state.database
        connections = database.engine.pool
        if isinstance(connections, QueuePool):
            _CONNECTIONS.labels("in_use").set(connections.checkedout())
            _CONNECTIONS.labels("idle").set(connections.checkedin())
        _FOLLOWERS.set(self._state.change_notifier.follower_count)
        for kind, n in database.health.counts.items():
            _FAILURES.labels(kind).inc(n - self._failures.get(kind, 0))
            self._failures[kind] = n
        for name, read_info in CACHES.items():
            info = read_info()
            for counter, total in ((_CACHE_HITS, info.hits), (_CACHE_MISSES, info.misses)):
                counter.labels(name).inc(max(0, total - _COUNTED.get((counter, name), 0)))
                _COUNTED[counter, name] = total
