"""Connections that do not go on, or say too much, end; the others do not notice."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from serving import run_apart

from app.http import server
from app.http.server import AnswerWriter, BoundedHttpConnection

pytestmark = pytest.mark.slow

PIECE = b"x" * 100_000


MUCH = 2_000
"""Pieces of an answer that no client takes: more than the system's own buffers have room for."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers /much at length, everything else with two letters."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(MUCH if scope["path"] == "/much" else 0):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(server, "PATIENCE", 0.5)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=BoundedHttpConnection, ws="none", lifespan="off", log_level="error"
        )
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield int(listening.getsockname()[1])
        running.should_exit = running.force_exit = True
        thread.join(10)


def send_bytes(port: int, *pieces: bytes) -> tuple[int, Any]:
    """Status and problem of the answer to some bytes; the connection has to end."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        for piece in pieces:
            line.sendall(piece)
        got = b""
        while more := line.recv(65536):
            got += more
    if not got:
        return 0, None
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    document = json.loads(body)
    assert document["status"] == int(head.split()[1])
    return document["status"], document["type"]


GET = b"GET /x HTTP/1.1\r\nHost: here\r\n"


def test_unfinished_request_head_is_408(port: int) -> None:
    begun = time.monotonic()
    assert send_bytes(port, GET) == (408, "/problems/timeout")
    assert time.monotonic() - begun < 5


def test_idle_connection_is_closed_silently(port: int) -> None:
    assert send_bytes(port) == (0, None)


def test_headers_without_end_are_a_431(port: int) -> None:
    assert send_bytes(port, GET + b"X: " + b"a" * 140_000) == (431, "/problems/headers")


def test_an_address_that_is_too_long_is_a_414(port: int) -> None:
    asked = b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n"
    assert send_bytes(port, asked) == (414, "/problems/address")


def test_malformed_http_is_400(port: int) -> None:
    assert send_bytes(port, b"hello\r\n\r\n") == (400, "/problems/unreadable")


def test_two_requests_on_one_connection_are_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        for _ in range(2):
            line.sendall(GET)
            time.sleep(0.1)
            line.sendall(b"\r\n")
            got = b""
            while not got.endswith(b"0\r\n\r\n"):
                got += line.recv(1000)
            assert got.startswith(b"HTTP/1.1 200")


def test_stalled_reader_is_disconnected(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"GET /much HTTP/1.1\r\nHost: here\r\n\r\n")
        time.sleep(2)
        taken = 0
        try:
            while more := line.recv(1 << 20):
                taken += len(more)
        except ConnectionError:
            pass
    assert 0 < taken < MUCH * len(PIECE) / 2


class Recorder(asyncio.Transport):
    """Notes the calls that write to it."""

    def __init__(self) -> None:
        self.calls: list[bytes | str] = []

    def write(self, data: Any) -> None:
        self.calls.append(bytes(data))

    def writelines(self, pieces: Any) -> None:
        self.calls.append(b"|".join(pieces))

    def close(self) -> None:
        self.calls.append("closed")


def test_the_head_of_an_answer_goes_out_with_its_body_and_no_later_than_the_loop_comes_round() -> (
    None
):
    async def write_answers() -> list[list[bytes | str]]:
        found = []
        for pieces, waits, closes in (
            ((b"head", b"body", b"more"), False, False),
            ((b"head", b"event"), True, False),
            ((b"head",), False, True),
        ):
            line = Recorder()
            writer = AnswerWriter(line, asyncio.get_running_loop())
            for piece in pieces:
                writer.write(piece)
                if waits:
                    await asyncio.sleep(0)
            if closes:
                writer.close()
            await asyncio.sleep(0)
            found.append(line.calls)
        return found

    assert run_apart(write_answers()) == [
        [b"head|body", b"more"],
        [b"head", b"event"],
        [b"head", "closed"],
    ]


def test_answers_without_a_body_keep_their_place_among_pipelined_ones(port: int) -> None:
    asked = [b"HEAD", b"GET", b"HEAD", b"HEAD", b"GET"]
    lines = [method + b" /%d HTTP/1.1\r\nHost: x\r\n" % n for n, method in enumerate(asked)]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"\r\n".join(lines) + b"Connection: close\r\n\r\n")
        got = b""
        while more := line.recv(65536):
            got += more
    heads = got.split(b"HTTP/1.1 200 OK")[1:]
    assert [part.endswith(b"2\r\nok\r\n0\r\n\r\n") for part in heads] == [
        method == b"GET" for method in asked
    ]
