"""Measure the service under overload, with its clients on the same processors.

`python -m bench.overload --seconds 20` fills nothing: it serves a database with the bundled data.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from bench.http import run_server

QUESTION = b"GET /v1/events?actor=RUS&limit=50 HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"GET /v1/events?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
STREAM = b"GET /v1/changes/stream HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
REST_SECONDS = 1.0
"""How long a client keeps a connection unused after a refusal, as `Retry-After` asks."""
SLOW_READERS, STREAMS = 500, 200
Work = Callable[["Load"], Coroutine[Any, Any, None]]


class Client:
    """A connection that asks one question after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.rests_until = 0.0

    @classmethod
    async def open(cls, port: int, limit: int = 1 << 16) -> "Client":
        """Connect; `limit` is the most bytes that are kept before they are read."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=limit))

    async def ask(self, question: bytes = QUESTION) -> int:
        """Send a question, read the whole answer, and return its status."""
        self._writer.write(question)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(head[9:12])

    async def begin(self, question: bytes) -> bool:
        """Send a question, and return whether its answer has begun."""
        self._writer.write(question)
        return (await self._reader.readuntil(b"\r\n\r\n"))[9:12] == b"200"

    async def read_slowly(self) -> None:
        """Take a little of an answer from time to time, as long as it lasts."""
        with suppress(ConnectionError):
            while await self._reader.read(512):
                await asyncio.sleep(1)

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


@dataclass(slots=True)
class Load:
    """A stretch of load on a server, and what came of it."""

    port: int
    until: float
    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    """Seconds from when an admitted question was due to its answer."""
    health: list[float] = field(default_factory=list)

    def note_answer(self, status: int, due: float) -> None:
        """Count an answer, and keep how long an admitted one took."""
        self.statuses[status] += 1
        if status == 200:
            self.waits.append(time.monotonic() - due)

    async def watch_health(self) -> None:
        """Ask for `/healthz` ten times a second, each time on a new connection."""
        while time.monotonic() < self.until:
            begun = time.monotonic()
            client = await Client.open(self.port)
            assert await client.ask(HEALTH) == 200
            client.close()
            self.health.append(time.monotonic() - begun)
            await asyncio.sleep(0.1)


def ask_in_turns(clients: int) -> Work:
    """Return clients that ask again as soon as they are answered, whatever the answer."""

    async def ask_again(load: Load) -> None:
        client = await Client.open(load.port)
        status = 200
        while time.monotonic() < load.until:
            due, rested = time.monotonic(), status != 200
            status = await client.ask()
            if rested and status == 200:  # it was not read until `Retry-After` was over
                load.statuses[status] += 1
            else:
                load.note_answer(status, due)
        client.close()

    async def run(load: Load) -> None:
        await asyncio.gather(*(ask_again(load) for _ in range(clients)))

    return run


def ask_at_rate(rate: float) -> Work:
    """Return clients that ask at a rate, whether or not earlier questions are answered."""

    async def run(load: Load) -> None:
        idle: list[Client] = []
        asking: set[asyncio.Task[None]] = set()

        async def ask_when_due(due: float) -> None:
            now = time.monotonic()
            free = next((c for c in idle if c.rests_until <= now), None)
            if free is not None:
                idle.remove(free)
            client = free or await Client.open(load.port)
            status = await client.ask()
            load.note_answer(status, due)
            if status != 200:
                client.rests_until = time.monotonic() + REST_SECONDS
            idle.append(client)

        begun, sent = time.monotonic(), 0
        while (now := time.monotonic()) < load.until:
            while begun + sent / rate <= now:
                task = asyncio.create_task(ask_when_due(begun + sent / rate))
                asking.add(task)
                task.add_done_callback(asking.discard)
                sent += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*asking)
        for client in idle:
            client.close()

    return run


async def _read_slowly(port: int, question: bytes, began: asyncio.Semaphore) -> None:
    """Ask until admitted, then take little of the answer until cancelled."""
    client = await Client.open(port, limit=1024)
    try:
        while not await client.begin(question):
            client.close()
            await asyncio.sleep(REST_SECONDS)
            client = await Client.open(port, limit=1024)
        began.release()
        await client.read_slowly()
    finally:
        client.close()


async def _run_load(port: int, seconds: float, work: Work, slow: Sequence[bytes] = ()) -> Load:
    """Run clients for some seconds, once slow readers have begun to read these questions."""
    began = asyncio.Semaphore(0)
    readers = [asyncio.create_task(_read_slowly(port, question, began)) for question in slow]
    for _ in readers:
        await began.acquire()
    load = Load(port, time.monotonic() + seconds)
    await asyncio.gather(load.watch_health(), work(load))
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    load.waits.sort()
    load.health.sort()
    return load


def _read_resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _pick(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def measure_overload(url: str, seconds: float) -> None:
    """Print what each load does to a server on a database."""
    with run_server(url) as (port, pid):
        asyncio.run(_run_load(port, 2, ask_in_turns(8)))  # everything is imported and cached
        idle = _pick(asyncio.run(_run_load(port, min(seconds, 5), ask_in_turns(1))).waits, 0.5)
        alone = asyncio.run(_run_load(port, seconds, ask_in_turns(8)))
        capacity = alone.statuses[200] / seconds
        print(f"idle p50 {1000 * idle:.1f} ms; capacity, 8 clients: {capacity:.0f} a second")
        print("load                       goodput  p50/idle    p99 ms  health p99  most    MB")
        slow = [LARGE] * SLOW_READERS + [STREAM] * STREAMS
        loads: list[tuple[str, Work, Sequence[bytes]]] = [
            ("open loop, 2 times", ask_at_rate(2 * capacity), ()),
            ("open loop, 4 times", ask_at_rate(4 * capacity), ()),
            ("256 that retry at once", ask_in_turns(256), ()),
            ("800 that retry at once", ask_in_turns(800), ()),
            ("8 beside 700 slow readers", ask_in_turns(8), slow),
        ]
        for name, work, beside in loads:
            load = asyncio.run(_run_load(port, seconds, work, beside))
            assert set(load.statuses) <= {200, 503}, load.statuses
            print(
                f"{name:26} {load.statuses[200] / seconds / capacity:7.0%}"
                f" {_pick(load.waits, 0.5) / idle:9.1f} {1000 * _pick(load.waits, 0.99):9.0f}"
                f" {1000 * _pick(load.health, 0.99):11.0f} {1000 * load.health[-1]:5.0f}"
                f" {_read_resident_bytes(pid) / 1e6:5.0f}",
                flush=True,
            )


def main() -> None:
    """Fill an SQLite database with the bundled data, or use `--url`, and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="per load")
    parser.add_argument("--url", help="a database that is filled already")
    asked = parser.parse_args()
    if asked.url:
        measure_overload(asked.url, asked.seconds)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        url = f"sqlite:///{place}/bench.db"
        database = Database(url)
        upgrade_schema(database)
        load_bundled_data(database)
        database.close()
        measure_overload(url, asked.seconds)


if __name__ == "__main__":
    main()
