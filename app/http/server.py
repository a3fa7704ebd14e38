"""HTTP connections with limits on the time and size of a request's head.

Uvicorn waits without limit for a request's head and for a reader of its answer, and accepts heads
of any size; such connections would take the place of other readers.
"""

import asyncio
from functools import partial
from http import HTTPStatus

from fastapi import FastAPI
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from app.http.admission import (
    ALWAYS_ADMITTED,
    CLOSING_REFUSAL,
    PAGE_REFUSALS,
    REFUSAL,
    RETRY_SECONDS,
    Admission,
    is_plain_question,
)
from app.http.problems import render_problem

PATIENCE = 20.0
"""Seconds for the head of a request to arrive, and for a reader to take what was sent."""
MAX_HEAD_BYTES = 128 * 1024
"""Bytes of address and headers of a request; longer ones are refused."""
_WHOLE_REFUSAL = b"".join(REFUSAL)
MAX_ADDRESS_BYTES = 65_536
"""Bytes of an address at which httptools' parser fails."""


class AnswerWriter(asyncio.Transport):
    """Writes the head of an answer together with what follows at once.

    Two writes are two calls of the system, of which the first wakes the reader for nothing. A head
    that stays alone, as that of a stream, is written when the loop comes round.
    """

    __slots__ = ("_begun", "_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head, self._begun = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what is first until more comes, and write all else."""
        if not self._begun:
            self._begun, self._head = True, bytes(data)
            self._loop.call_soon(self.flush_head)
        elif self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        else:
            self._transport.write(data)

    def flush_head(self) -> None:
        """Write the head if it is still kept."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Write what is kept, and close the connection."""
        self.flush_head()
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the connection closes."""
        return self._transport.is_closing()


class BoundedHttpConnection(HttpToolsProtocol):
    """A connection that closes when the client is too slow or its request's head too large."""

    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _writer: AnswerWriter | None = None
    _request_begun = False
    _is_refused = False
    _is_between_requests = True
    _rests = 0
    """How many rests after refusals have ended."""
    _is_unused = False
    """Whether nothing has arrived since the last of them."""
    _awaited_rest = 0
    """Rest after which a line looks whether anything has arrived; 0 while none does."""
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the head of the first request.

        Uvicorn asks for both addresses here. That lets go of the interpreter, which a question's
        thread then keeps: of thousands that connect in a second, some waited for half of one.
        """
        self.connections.add(self)
        self.transport, self.flow = transport, FlowControl(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_head_timer()
        self._stop_reader_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note that a request has begun, and start the timer for its head."""
        if self.scheme is None:
            self._read_addresses()
        super().on_message_begin()
        self._request_begun, self._is_refused, self._head_bytes = True, False, 0
        self._is_between_requests = False
        if self._head_timer is None:
            self._start_head_timer()

    def on_headers_complete(self) -> None:
        """Stop the timer, since the head is complete, and admit or refuse the request."""
        self._stop_head_timer()
        admission = self._get_admission()
        method = self.parser.get_method()
        # A pipelined request has to wait for the answers before it, and so for its refusal.
        is_first = self.cycle is None or self.cycle.response_complete
        if (
            admission is not None
            and is_first
            and method in (b"GET", b"HEAD")
            and not self.url.startswith(ALWAYS_ADMITTED)
            and not admission.admit_question(self.scope["state"])
        ):
            self._refuse_question(method, admission)
            return
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = self._writer = AnswerWriter(self.transport, self.loop)

    def on_response_complete(self) -> None:
        """Write the head of an answer that has no body, before anything else is answered."""
        if self._writer is not None:
            self._writer.flush_head()
        super().on_response_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of a body on, unless its request was refused."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request, which goes no further if it was refused."""
        self._is_between_requests = True
        if not self._is_refused:
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and refuse a head that is too large.

        In overload a question that arrives as a whole is refused before it is parsed.
        """
        if self.transport.is_closing():
            return
        self._is_unused = False
        admission = self._get_admission()
        if (
            admission is not None
            and admission.is_full()
            and self._is_between_requests
            and (self.cycle is None or self.cycle.response_complete)
            and is_plain_question(data)
        ):
            self._refuse_unparsed(admission)
            return
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_request(
                    431, f"Address and headers have at most {MAX_HEAD_BYTES} bytes."
                )

    def pause_writing(self) -> None:
        """Start the timer for a reader that does not keep up."""
        super().pause_writing()
        self._stop_reader_timer()
        self._reader_timer = self.loop.call_later(PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer: the reader keeps up again."""
        super().resume_writing()
        self._stop_reader_timer()

    def shutdown(self) -> None:
        """Signal the change streams to end, so that the server need not wait for their readers."""
        app = None if self.cycle is None else dict(self.cycle.scope).get("app")
        if isinstance(app, FastAPI):
            app.state.change_notifier.dismiss_followers()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be parsed, with a problem."""
        if len(self.url or b"") >= MAX_ADDRESS_BYTES:
            self._refuse_request(414, f"An address has less than {MAX_ADDRESS_BYTES} bytes.")
        else:
            self._refuse_request(400, msg)

    def _read_addresses(self) -> None:
        """Read who is connected to what, which a connection needs once a question is parsed."""
        self.server = get_local_addr(self.transport)
        self.client = get_remote_addr(self.transport)
        self.scheme = "https" if is_ssl(self.transport) else "http"

    def _get_admission(self) -> Admission | None:
        return self.app_state.get("admission")

    def _refuse_unparsed(self, admission: Admission) -> None:
        admission.refuse_question()
        self._unset_keepalive_if_required()
        self._stop_head_timer()
        self._request_begun = True
        self.transport.write(_WHOLE_REFUSAL)
        self._rest_after_refusal(admission)

    def _refuse_question(self, method: bytes, admission: Admission) -> None:
        """Answer that the service is overloaded; costs less than creating a request would.

        A client that asks again at once waits in its own queue until `Retry-After` is over. Behind
        a proxy others share the connection, so it is closed instead.
        """
        self._is_refused = True
        shared = any(name in (b"x-forwarded-for", b"forwarded", b"via") for name, _ in self.headers)
        closes = shared or not self.parser.should_keep_alive()
        is_page = any(name == b"accept" and b"text/html" in value for name, value in self.headers)
        head, body = (PAGE_REFUSALS if is_page else (REFUSAL, CLOSING_REFUSAL))[closes]
        self.transport.write(head if method == b"HEAD" else head + body)
        if closes:
            self.transport.close()
            return
        self._rest_after_refusal(admission)

    def _rest_after_refusal(self, admission: Admission) -> None:
        """Do not read for as long as `Retry-After` asks to wait."""
        self.flow.pause_reading()
        admission.rests.add_task(RETRY_SECONDS, self._end_rest)

    def _end_rest(self) -> None:
        admission = self._get_admission()
        if not self.transport.is_closing() and admission is not None:
            self.flow.resume_reading()
            self._rests += 1
            self._is_unused = True
            if not self._awaited_rest:
                self._await_use(admission)

    def _await_use(self, admission: Admission) -> None:
        """Look later whether anything has arrived; once for all rests until then."""
        self._awaited_rest = self._rests
        admission.patience.add_task(self.timeout_keep_alive, partial(self._end_await, admission))

    def _end_await(self, admission: Admission) -> None:
        """Close the connection if nothing has arrived, or look again after a later rest."""
        awaited, self._awaited_rest = self._awaited_rest, 0
        if self._is_unused and not self.transport.is_closing():
            if awaited == self._rests:
                self.transport.close()
            else:
                self._await_use(admission)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(PATIENCE, self._close_slow_request)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_reader_timer(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _close_slow_request(self) -> None:
        self._head_timer = None
        if self._request_begun:
            self._refuse_request(
                408, f"The head of the request did not arrive within {PATIENCE:.0f} seconds."
            )
        else:  # no request: a browser's spare connection is closed without an answer
            self.transport.close()

    def _refuse_request(self, status: int, detail: str) -> None:
        """Send a problem, unless an answer to an earlier request is being sent, and close."""
        self._stop_head_timer()
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            answer = render_problem(status, detail)
            lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "connection: close"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + bytes(answer.body))
        self.transport.close()
