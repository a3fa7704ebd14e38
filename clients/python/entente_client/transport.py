"""Requests that are repeated where that helps, and problems as errors."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from entente_client.errors import ProblemError, UnreachableError

Value = str | int | float | bool | None
Parameters = Mapping[str, "Value | list[Value] | tuple[Value, ...]"]
BUSY = (429, 502, 503, 504)
"""Statuses after which the same request may succeed later."""
FIRST_PAUSE = 0.5
"""Seconds before the second attempt where the service names none; each pause doubles."""


def encode_parameters(parameters: Parameters) -> list[tuple[str, Value]]:
    """Encode parameters: lists are repeated, `True` is `true`, and `None` is left out."""
    found: list[tuple[str, Value]] = []
    for name, value in parameters.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                text = str(one).lower() if isinstance(one, bool) else str(one)
                found.append((name.rstrip("_"), text))
    return found


class Transport:
    """Asks the service, and asks again where it was busy or out of reach."""

    def __init__(
        self, url: str, key: str | None, attempts: int, longest_pause: float, timeout: float
    ) -> None:
        headers = {"User-Agent": "entente-client/0.1"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self.http = httpx2.Client(
            base_url=url, headers=headers, timeout=timeout, follow_redirects=True
        )
        self._attempts, self._longest_pause = attempts, longest_pause

    def get(
        self, path: str, parameters: Parameters | None = None, **headers: str
    ) -> httpx2.Response:
        """Return the whole answer to GET; raises `ProblemError` and `UnreachableError`."""
        with self.stream(path, parameters, **headers) as answer:
            answer.read()
            return answer

    @contextmanager
    def stream(
        self, path: str, parameters: Parameters | None = None, **headers: str
    ) -> Iterator[httpx2.Response]:
        """Open the answer to GET, to be read in parts; raises as `get` does."""
        asked = encode_parameters(parameters) if parameters else None
        answer = self._send(self.http.build_request("GET", path, params=asked, headers=headers))
        try:
            yield answer
        finally:
            answer.close()

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        pause = FIRST_PAUSE
        for attempt in range(1, self._attempts + 1):
            is_last = attempt == self._attempts
            try:
                answer = self.http.send(request, stream=True)
            except httpx2.TransportError as failed:
                if is_last:
                    raise UnreachableError(f"{request.url}: {failed}") from failed
                self._wait(pause)
            else:
                if answer.status_code < 400:
                    return answer
                answer.read()
                if answer.status_code not in BUSY or is_last:
                    raise read_problem(answer)
                named = read_retry_after(answer.headers.get("retry-after"))
                if named is not None and named > self._longest_pause:
                    raise read_problem(answer)
                self._wait(pause if named is None else named)
            pause *= 2
        raise AssertionError("there is at least one attempt")

    def _wait(self, seconds: float) -> None:
        # Clients that were refused together must not come back together.
        time.sleep(min(seconds, self._longest_pause) * random.uniform(1, 1.2))


def read_retry_after(header: str | None) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or a date; None without one."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def read_problem(answer: httpx2.Response) -> ProblemError:
    """Return the error of an answer, which is a problem, or a page of a proxy."""
    problem: dict[str, Any] = {}
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = answer.json()
    else:
        problem["title"], problem["detail"] = answer.reason_phrase, answer.text[:200]
    return ProblemError(answer.status_code, problem)
