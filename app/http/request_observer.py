"""Observe every request: its id, its metrics, and its line in the log.

The line names method, route, path, status, milliseconds, bytes and the name of the key; never a
key, a query or a body. All of it costs some 25 µs a request, of which writing the line takes most.
"""

import logging
import re
import time
from random import getrandbits
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.admission import Admission
from app.http.metrics import (
    REQUESTS_IN_FLIGHT,
    RESPONSE_BYTES,
    UNKNOWN_ROUTE,
    count_answer,
)
from app.http.reader_headers import list_reader_headers
from app.logs import REQUEST_ID, log_fields
from app.tracing import get_span_maker

if TYPE_CHECKING:
    from app.spans import RequestSpan

QUIET_PATHS = {"/healthz", "/readyz", "/metrics"}
"""Paths that monitoring asks all the time: their lines have the level `debug` unless they fail."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_CONTENT_POLICY = (
    b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:;"
    b" frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""What an answer may do that a browser shows as a page, such as a drawing: nothing but look."""
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    b" img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:;"
    b" frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The same for pages that bring no policy of their own: those of the API's documentation."""
log = logging.getLogger("entente.requests")


class RequestObserver:
    """The outermost layer: whatever is answered or fails inside is counted and logged.

    A valid `X-Request-Id` of the client is accepted, any other is replaced; the answer has it, and
    so has every line of the log. A `traceparent` gives the line its `trace_id`. Where traces are
    wanted, the request has a span.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and observe its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        maker = get_span_maker()
        if maker is None or scope["path"] in QUIET_PATHS:
            await self._observe_request(scope, receive, send, None)
            return
        sent = scope["headers"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent}
        with maker.trace_request(scope["method"], scope["path"], headers) as span:
            await self._observe_request(scope, receive, send, span)

    async def _observe_request(
        self, scope: Scope, receive: Receive, send: Send, span: "RequestSpan | None"
    ) -> None:
        begun = time.perf_counter()
        request_id, trace_id = _read_ids(scope)
        trace_id = trace_id if span is None else span.trace_id
        REQUEST_ID.set(request_id)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())
        status, sent = 0, 0

        admission: Admission | None = state.get("admission")  # none without a server's lifespan

        def count_begun_answer(code: int) -> None:
            nonlocal status
            status = code
            if admission is not None:
                admission.withdraw_question(state)
            seconds = time.perf_counter() - begun
            count_answer(scope["method"], _find_route(scope), code, seconds)

        async def send_observed(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                count_begun_answer(message["status"])
                headers = [*message.get("headers", ()), header]
                if (reader := state.get("reader")) is not None:
                    headers += list_reader_headers(reader)
                message = {**message, "headers": headers + _list_missing_headers(headers)}
            else:
                sent += len(message.get("body", b""))
            await send(message)

        REQUESTS_IN_FLIGHT.inc()
        try:
            await self.app(scope, receive, send_observed)
        except Exception:
            if not status:
                count_begun_answer(500)
            raise
        finally:
            REQUESTS_IN_FLIGHT.dec()
            if admission is not None:
                admission.withdraw_question(state)
            RESPONSE_BYTES.inc(sent)
            if span is not None:
                span.note_answer(scope["method"], _find_route(scope), status, request_id)
            level = _choose_level(scope["path"], status)
            if log.isEnabledFor(level):
                _log_request(level, scope, status, time.perf_counter() - begun, sent, trace_id)


def _read_ids(scope: Scope) -> tuple[str, str | None]:
    """Return the id of a request, its client's or a new one, and the id of its trace."""
    request_id = trace_id = None
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace_id = found[1].decode()
    return request_id or f"{getrandbits(64):016x}", trace_id


def _list_missing_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """List the security headers that an answer does not have yet."""
    known = dict(headers)
    missing = [pair for pair in _SAFE_HEADERS if pair[0] not in known]
    if b"content-security-policy" not in known:
        is_page = known.get(b"content-type", b"").startswith(b"text/html")
        policy = _PAGE_POLICY if is_page else _CONTENT_POLICY
        missing.append((b"content-security-policy", policy))
    return missing


def _find_route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", None) or UNKNOWN_ROUTE


def _choose_level(path: str, status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if path in QUIET_PATHS and status < 400 else logging.INFO


def _log_request(
    level: int, scope: Scope, status: int, seconds: float, sent: int, trace_id: str | None
) -> None:
    fields = {
        "method": scope["method"],
        "route": _find_route(scope),
        "path": scope["path"],
        "status": status or None,  # none: the client was gone before the answer
        "ms": round(1000 * seconds, 2),
        "bytes": sent,
        "key": scope["state"].get("key_name"),
        "trace_id": trace_id,
    }
    log_fields(log, level, "request", fields)
