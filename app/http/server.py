"""The server's connections: those that are slow, or say too much, are not waited for.

Uvicorn waits for ever for a request's head and for a reader of its answer, and takes heads of any
size; each such connection costs a reader that somebody else could be.
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.problems import problem

PATIENCE = 20.0
"""Seconds that the head of a request may take to come, and a reader to take what is ready."""
MOST_HEAD = 128 * 1024
"""Bytes of the address and the headers of a request, before no more are read."""
MOST_ADDRESS = 65_536
"""Bytes at which the parser of addresses ends."""


class Connection(HttpToolsProtocol):
    """A connection that ends where its other side does not go on."""

    _waiting: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None
    _begun = False
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        self._unstuck()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins to come."""
        super().on_message_begin()
        self._begun, self._head = True, 0
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._wait_no_more()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head goes on without end."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._waiting is not None:
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse(431, f"Address and headers have at most {MOST_HEAD} bytes.")

    def pause_writing(self) -> None:
        """The reader does not keep up."""
        super().pause_writing()
        self._unstuck()
        self._stuck = self.loop.call_later(PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._unstuck()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read is told so, as a problem."""
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
            self._refuse(408, f"The head of the request did not come in {PATIENCE:.0f} seconds.")
        else:  # nothing was asked: a browser that keeps a connection ready is told nothing
            self.transport.close()

    def _refuse(self, status: int, told: str) -> None:
        """Tell why, unless an answer to an earlier request is under way, and close."""
        self._wait_no_more()
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            answer = problem(status, told)
            lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "connection: close"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + bytes(answer.body))
        self.transport.close()
