"""Metrics of the service for Prometheus, by its official client library.

Several processes of one service share a folder of counts; the one that is scraped adds them up.
A new metric is defined here, documented in docs/operations.md, and set where it happens.
"""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series for each series: noise
METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
COUNTED_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
UNKNOWN_ROUTE = "none"
"""The route of requests that match none, so that addresses do not create new series."""
SECONDS_BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets of histograms, in seconds."""
_ROUTE = ("method", "route")

REQUESTS = Counter("entente_requests", "Requests that were answered.", (*_ROUTE, "status"))
REQUEST_SECONDS = Histogram(
    "entente_request_seconds", "Seconds until an answer began.", _ROUTE, buckets=SECONDS_BOUNDS
)
REQUESTS_IN_FLIGHT = Gauge(
    "entente_requests_in_flight",
    "Requests that are being answered.",
    multiprocess_mode="livesum",
)
RESPONSE_BYTES = Counter("entente_response_bytes", "Bytes of bodies that were sent.")
REFUSED = Counter(
    "entente_requests_refused", "Requests refused before they reached a handler.", ("reason",)
)
VERSION_WAITS = Counter(
    "entente_version_waits",
    "Requests whose version had not arrived at a standby, by who answered them.",
    ("outcome",),
)
WATCH_RESULTS = Counter(
    "entente_watch_attempts", "Attempts to deliver messages of watches, by result.", ("result",)
)
WATCH_SECONDS = Histogram(
    "entente_watch_seconds", "Seconds that receivers took for a message.", buckets=SECONDS_BOUNDS
)
WATCH_CHANGES = Counter("entente_watch_changes", "Changes that were compared with watches.")
DATABASE_SECONDS = Histogram(
    "entente_database_seconds",
    "Seconds that a connection to the database was in use.",
    ("use",),
    buckets=SECONDS_BOUNDS,
)


@lru_cache(maxsize=2048)
def _find_request_counter(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, status)


@lru_cache(maxsize=1024)
def _find_request_histogram(method: str, route: str) -> Histogram:
    return REQUEST_SECONDS.labels(method, route)


def count_answer(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer and the seconds until it began; costs some 3 µs."""
    method = method if method in COUNTED_METHODS else "other"
    _find_request_counter(method, route, status).inc()
    _find_request_histogram(method, route).observe(seconds)


_READ_SECONDS, _WRITE_SECONDS = (DATABASE_SECONDS.labels(use) for use in ("read", "write"))


def count_database_use(seconds: float, writes: bool) -> None:
    """Count that a connection was in use for so many seconds, and whether it was to write."""
    (_WRITE_SECONDS if writes else _READ_SECONDS).observe(seconds)


def count_version_wait(outcome: str) -> None:
    """Count a request whose version has not arrived: answered by the `writer`, or `refused`."""
    VERSION_WAITS.labels(outcome).inc()
