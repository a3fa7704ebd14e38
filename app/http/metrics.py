"""Counts of what was asked and how long it took, in the text form that Prometheus reads.

Of this process alone, since its start: several processes are told apart by their addresses.
"""

import time
from collections import Counter, defaultdict
from threading import Lock

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
"""Seconds up to which answers are counted together."""
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What a process counts."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(BOUNDS))
        self._seconds: dict[tuple[str, str], float] = defaultdict(float)
        self._answers: Counter[tuple[str, str]] = Counter()

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """An answer, and the seconds until it began."""
        key = (method if method in METHODS else "other", route)
        with self._lock:
            self._requests[*key, status] += 1
            self._answers[key] += 1
            self._seconds[key] += seconds
            held = self._buckets[key]
            for n, bound in enumerate(BOUNDS):
                held[n] += seconds <= bound

    def lines(self) -> list[str]:
        """The counts as text."""
        told = [
            "# HELP entente_requests_total Requests that were answered.",
            "# TYPE entente_requests_total counter",
        ]
        with self._lock:
            for (method, route, status), n in sorted(self._requests.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                told.append(f"entente_requests_total{{{labels}}} {n}")
            told += [
                "# HELP entente_request_seconds Seconds until an answer began.",
                "# TYPE entente_request_seconds histogram",
            ]
            for (method, route), n in sorted(self._answers.items()):
                labels = f'method="{method}",route="{route}"'
                for bound, below in zip(BOUNDS, self._buckets[method, route], strict=True):
                    told.append(f'entente_request_seconds_bucket{{{labels},le="{bound}"}} {below}')
                told.append(f'entente_request_seconds_bucket{{{labels},le="+Inf"}} {n}')
                told.append(f"entente_request_seconds_count{{{labels}}} {n}")
                seconds = self._seconds[method, route]
                told.append(f"entente_request_seconds_sum{{{labels}}} {seconds:.6f}")
        return told


def gauge(name: str, help_: str, *values: tuple[str, int]) -> list[str]:
    """A value as it is now, for each of some labels."""
    head = [f"# HELP entente_{name} {help_}", f"# TYPE entente_{name} gauge"]
    return head + [f"entente_{name}{labels} {value}" for labels, value in values]


class MetricsMiddleware:
    """Counts each answer under the route that gave it, so that ids make no new series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, answered = time.perf_counter(), False

        def note(status: int) -> None:
            nonlocal answered
            answered = True
            route = getattr(scope.get("route"), "path", None) or "none"
            seconds = time.perf_counter() - begun
            self.metrics.note(scope["method"], route, status, seconds)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception:
            if not answered:
                note(500)
            raise
