"""Clients of the overload measurement, which cost the processors that they share little.

They are protocols without streams or tasks of their own: streams took as much processor time for a
question as the service does, and what was measured was the generator.
"""

import asyncio
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from bench.health_watch import watch_health

QUESTION = b"GET /v1/events?actor=RUS&limit=50 HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"GET /v1/events?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
STREAM = b"GET /v1/changes/stream HTTP/1.1\r\nHost: x\r\n\r\n"
REST_SECONDS = 1.0
"""How long a client keeps a connection unused after a refusal, as `Retry-After` asks."""
SLOW_BUFFER_BYTES = 4096
Work = Callable[["Load"], Coroutine[Any, Any, None]]


class Client(asyncio.Protocol):
    """A connection that asks one question after the other, and calls back with each status."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._status = self._missing = 0
        self._head = b""
        self._answered: Callable[[int], None] = lambda _: None
        self.rests_until = 0.0

    @classmethod
    async def open(cls, port: int) -> "Client":
        """Connect."""
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(cls, "127.0.0.1", port)
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Count what arrives of an answer."""
        if not self._missing:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head, self._status = b"", int(head[9:12])
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._missing = int(length)
        self._missing -= len(data)
        if not self._missing:
            self._answered(self._status)

    def connection_lost(self, _: Exception | None) -> None:
        """Answer 0, which no server does, if the connection ends."""
        self._transport = None
        self._answered(0)

    def send(self, question: bytes, answered: Callable[[int], None]) -> None:
        """Send a question; its status goes to the function."""
        self._answered = answered
        if self._transport is None:
            answered(0)
        else:
            self._transport.write(question)

    async def ask(self, question: bytes = QUESTION) -> int:
        """Send a question and wait for its status."""
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.send(question, waiting.set_result)
        status = await waiting
        self._answered = lambda _: None
        return status

    def close(self) -> None:
        """Close the connection."""
        self._answered = lambda _: None
        if self._transport is not None:
            self._transport.close()


@dataclass(slots=True)
class Load:
    """A stretch of load on a server, and what came of it."""

    port: int
    until: float
    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    """Seconds from when an admitted question was sent to its answer."""
    lateness: list[float] = field(default_factory=list)
    """Seconds by which the generator sent questions later than they were due."""
    health: list[float] = field(default_factory=list)
    lost: int = 0
    """Connections that ended without an answer."""

    def note_answer(self, status: int, sent: float) -> None:
        """Count an answer, and keep how long an admitted one took."""
        self.statuses[status] += 1
        if status == 200:
            self.waits.append(time.monotonic() - sent)


def ask_in_turns(clients: int) -> Work:
    """Return clients that ask again as soon as they are answered, whatever the answer."""

    async def ask_again(load: Load) -> None:
        client = await Client.open(load.port)
        status = 200
        while time.monotonic() < load.until:
            sent, rested = time.monotonic(), status == 503
            status = await client.ask()
            if rested and status == 200:  # it was not read until `Retry-After` was over
                load.statuses[status] += 1
            else:
                load.note_answer(status, sent)
        client.close()

    async def run(load: Load) -> None:
        await asyncio.gather(*(ask_again(load) for _ in range(clients)))

    return run


def ask_at_rate(rate: float) -> Work:
    """Return clients that ask at a rate, whether or not earlier questions are answered."""

    async def run(load: Load) -> None:
        ready: deque[Client] = deque()
        resting: deque[Client] = deque()
        opening: set[asyncio.Task[None]] = set()
        asked: set[Client] = set()

        def ask(client: Client) -> None:
            sent = time.monotonic()
            asked.add(client)

            def note(status: int) -> None:
                asked.discard(client)
                load.note_answer(status, sent)
                if status == 503:
                    client.rests_until = time.monotonic() + REST_SECONDS
                    resting.append(client)
                elif status:
                    ready.append(client)

            client.send(QUESTION, note)

        async def open_and_ask() -> None:
            ask(await Client.open(load.port))

        begun, sent = time.monotonic(), 0
        while (now := time.monotonic()) < load.until:
            while resting and resting[0].rests_until <= now:
                ready.append(resting.popleft())
            while (due := begun + sent / rate) <= now:
                load.lateness.append(now - due)
                if ready:
                    ask(ready.popleft())
                else:
                    opening.add(task := asyncio.create_task(open_and_ask()))
                    task.add_done_callback(opening.discard)
                sent += 1
            await asyncio.sleep(0.001)
        await asyncio.gather(*opening)
        while asked and time.monotonic() < load.until + 10:
            await asyncio.sleep(0.01)
        for client in (*ready, *resting, *asked):
            client.close()

    return run


async def read_slowly(port: int, question: bytes, began: asyncio.Semaphore) -> None:
    """Ask until admitted, then take little of the answer until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        with socket.socket() as taking:
            taking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER_BYTES)
            taking.setblocking(False)
            await loop.sock_connect(taking, ("127.0.0.1", port))
            await loop.sock_sendall(taking, question)
            with suppress(ConnectionError):
                if (await loop.sock_recv(taking, 512))[9:12] == b"200":
                    began.release()
                    while await loop.sock_recv(taking, 512):
                        await asyncio.sleep(1)
                    return
        await asyncio.sleep(REST_SECONDS)


async def run_load(port: int, seconds: float, work: Work, slow: tuple[bytes, ...] = ()) -> Load:
    """Run clients for some seconds, once slow readers have begun to read these questions."""
    began = asyncio.Semaphore(0)
    readers = [asyncio.create_task(read_slowly(port, question, began)) for question in slow]
    for _ in readers:
        await asyncio.wait_for(began.acquire(), 60)
    load = Load(port, time.monotonic() + seconds)
    with watch_health(port) as load.health:
        await work(load)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    load.lost = load.statuses.pop(0, 0)
    load.waits.sort()
    load.lateness.sort()
    load.health.sort()
    return load
