"""Count requests and their durations, in the text format that Prometheus reads.

Counts are of this process since its start; Prometheus distinguishes processes by their addresses.
"""

import time
from collections import Counter, defaultdict
from threading import Lock

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKET_BOUNDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
"""Upper bounds of the histogram's buckets, in seconds."""
COUNTED_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class RequestMetrics:
    """The request counters of a process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[tuple[str, str], list[int]] = defaultdict(
            lambda: [0] * len(BUCKET_BOUNDS)
        )
        self._seconds: dict[tuple[str, str], float] = defaultdict(float)
        self._answers: Counter[tuple[str, str]] = Counter()

    def record_answer(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record an answer and the seconds until it began."""
        key = (method if method in COUNTED_METHODS else "other", route)
        with self._lock:
            self._requests[*key, status] += 1
            self._answers[key] += 1
            self._seconds[key] += seconds
            buckets = self._buckets[key]
            for n, bound in enumerate(BUCKET_BOUNDS):
                buckets[n] += seconds <= bound

    def render_lines(self) -> list[str]:
        """Return the counters as lines of text."""
        lines = [
            "# HELP entente_requests_total Requests that were answered.",
            "# TYPE entente_requests_total counter",
        ]
        with self._lock:
            for (method, route, status), n in sorted(self._requests.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                lines.append(f"entente_requests_total{{{labels}}} {n}")
            lines += [
                "# HELP entente_request_seconds Seconds until an answer began.",
                "# TYPE entente_request_seconds histogram",
            ]
            for (method, route), n in sorted(self._answers.items()):
                labels = f'method="{method}",route="{route}"'
                for bound, below in zip(BUCKET_BOUNDS, self._buckets[method, route], strict=True):
                    lines.append(f'entente_request_seconds_bucket{{{labels},le="{bound}"}} {below}')
                lines.append(f'entente_request_seconds_bucket{{{labels},le="+Inf"}} {n}')
                lines.append(f"entente_request_seconds_count{{{labels}}} {n}")
                seconds = self._seconds[method, route]
                lines.append(f"entente_request_seconds_sum{{{labels}}} {seconds:.6f}")
        return lines


def render_gauge(name: str, help_: str, *values: tuple[str, int]) -> list[str]:
    """Return a gauge as lines of text, one for each labelled value."""
    head = [f"# HELP entente_{name} {help_}", f"# TYPE entente_{name} gauge"]
    return head + [f"entente_{name}{labels} {value}" for labels, value in values]


class MetricsMiddleware:
    """Counts each answer under its route pattern, so that ids do not create new series."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, answered = time.perf_counter(), False

        def record_status(status: int) -> None:
            nonlocal answered
            answered = True
            route = getattr(scope.get("route"), "path", None) or "none"
            seconds = time.perf_counter() - begun
            self.metrics.record_answer(scope["method"], route, status, seconds)

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                record_status(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_recorded)
        except Exception:
            if not answered:
                record_status(500)
            raise
