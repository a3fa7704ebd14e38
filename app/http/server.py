"""HTTP connections with limits on the time and size of a request's head.

Uvicorn waits without limit for a request's head and for a reader of its answer, and accepts heads
of any size; such connections would take the place of other readers.
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.problems import problem

PATIENCE = 20.0
"""Seconds for the head of a request to arrive, and for a reader to take what was sent."""
MOST_HEAD = 128 * 1024
"""Bytes of address and headers of a request; longer ones are refused."""
MOST_ADDRESS = 65_536
"""Bytes of an address at which httptools' parser fails."""


class Connection(HttpToolsProtocol):
    """A connection that closes when the client is too slow or its request's head too large."""

    _waiting: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None
    _begun = False
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the head of the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._wait_no_more()
        self._unstuck()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note that a request has begun, and start the timer for its head."""
        super().on_message_begin()
        self._begun, self._head = True, 0
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Stop the timer: the head is complete."""
        self._wait_no_more()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and refuse a head that is too large."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._waiting is not None:
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse(431, f"Address and headers have at most {MOST_HEAD} bytes.")

    def pause_writing(self) -> None:
        """Start the timer for a reader that does not keep up."""
        super().pause_writing()
        self._unstuck()
        self._stuck = self.loop.call_later(PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer: the reader keeps up again."""
        super().resume_writing()
        self._unstuck()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be parsed, with a problem."""
        if len(self.url or b"") >= MOST_ADDRESS:
            self._refuse(414, f"An address has less than {MOST_ADDRESS} bytes.")
        else:
            self._refuse(400, msg)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(PATIENCE, self._too_slow)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _unstuck(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _too_slow(self) -> None:
        self._waiting = None
        if self._begun:
            self._refuse(
                408, f"The head of the request did not arrive within {PATIENCE:.0f} seconds."
            )
        else:  # no request: a browser's spare connection is closed without an answer
            self.transport.close()

    def _refuse(self, status: int, detail: str) -> None:
        """Send a problem, unless an answer to an earlier request is being sent, and close."""
        self._wait_no_more()
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            answer = problem(status, detail)
            lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "connection: close"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + bytes(answer.body))
        self.transport.close()
