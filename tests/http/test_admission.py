"""Under overload questions are refused early and cheaply, and monitoring never is."""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from service import Service
from serving import run_apart
from soak import IN_FULL, choose_size
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.db.engine import Database
from app.http import admission
from app.http.admission import (
    CLOSING_REFUSAL,
    LATEST_TICKS,
    MAX_OPEN,
    MIN_OPEN,
    OPEN_IN_OVERLOAD,
    OPEN_TOGETHER,
    PAGE_REFUSALS,
    REFUSAL,
    Admission,
)
from app.http.server import BoundedHttpConnection
from bench import overload

CLIENTS, SECONDS = choose_size(300, 800), choose_size(3, 60)
QUESTION = b"GET /v1/events?actor=RUS&limit=50 HTTP/1.1\r\nHost: x\r\n\r\n"


def run_ticks(line: Admission, monkeypatch: pytest.MonkeyPatch, *, cpu: float, lag: float) -> None:
    """Let a tenth of a second pass, in which the process needed so many seconds of processors."""
    needed = line._needed + cpu
    monkeypatch.setattr(admission, "read_needed_seconds", lambda: needed)

    class Loop:
        def time(self) -> float:
            return line._due + lag

        def call_at(self, *_: Any) -> None:
            return None

    line._measure_tick(Loop())  # type: ignore[arg-type]


def admit_all(line: Admission) -> list[dict[str, object]]:
    """Admit questions until one is refused."""
    states: list[dict[str, object]] = []
    while line.admit_question(state := {}):
        states.append(state)
    return states


def answer_all(line: Admission, states: list[dict[str, object]]) -> None:
    """Let the answers to admitted questions begin."""
    for state in states:
        line.withdraw_question(state)


def test_a_slow_disk_is_not_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Admission()
    for _ in range(150):  # questions that cost little and take long
        state: dict[str, object] = {}
        assert line.admit_question(state)
        line.withdraw_question(state)
        run_ticks(line, monkeypatch, cpu=0.0003, lag=0)
    assert len(admit_all(line)) == MAX_OPEN


def test_a_busy_processor_is_overload_until_few_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Admission(hands_over_together=True)
    for _ in range(40):
        answer_all(line, [state for _ in range(2) if line.admit_question(state := {})])
        run_ticks(line, monkeypatch, cpu=0.095, lag=0)
    admitted = admit_all(line)
    assert len(admitted) == MIN_OPEN  # each costs 47 ms, and this many are always admitted
    assert not any(line.admit_question({}) for _ in range(10))
    assert line.is_overloaded
    answer_all(line, admitted)
    answer_all(line, admitted)  # is counted once
    assert line.open == 0
    run_ticks(line, monkeypatch, cpu=0.095, lag=0)
    short = admit_all(line)
    assert len(short) == OPEN_TOGETHER
    answer_all(line, short)
    for _ in range(LATEST_TICKS - 1):  # and the one before
        assert line.is_overloaded
        for state in [{} for _ in range(40)]:
            line.admit_question(state)
            line.withdraw_question(state)
        run_ticks(line, monkeypatch, cpu=0.095, lag=0)
    assert not line.is_overloaded


@pytest.mark.parametrize(
    ("together", "crowd", "answered", "most_open"),
    [
        (True, MAX_OPEN + 44, 60, OPEN_TOGETHER),  # comes back each second, as one wave
        (True, MAX_OPEN + 44, 600, OPEN_TOGETHER),  # few of all, but without room for them
        (True, 3000, 60, OPEN_IN_OVERLOAD),
        (False, MAX_OPEN + 44, 60, OPEN_IN_OVERLOAD),
    ],
)
def test_an_overload_lasts_while_a_crowd_comes_in_waves(
    monkeypatch: pytest.MonkeyPatch, together: bool, crowd: int, answered: int, most_open: int
) -> None:
    line = Admission(hands_over_together=together)
    admitted = admit_all(line)
    for tick in range(60):
        for _ in range(crowd if tick % 10 == 0 else 0):
            line.refuse_question()
        answer_all(line, admitted)
        for state in [{} for _ in range(answered)]:
            assert line.admit_question(state)
            line.withdraw_question(state)
        run_ticks(line, monkeypatch, cpu=0.0001 * answered, lag=0)
        assert line.is_overloaded
    assert line._most_open == most_open


@pytest.mark.parametrize(("idle", "grown"), [(0.08, [3, 4, 6, 4, 3]), (0.01, [2] * 5)])
def test_a_line_that_leaves_processors_idle_grows(
    monkeypatch: pytest.MonkeyPatch, idle: float, grown: list[int]
) -> None:
    clock = count(1, 0.1)
    monkeypatch.setattr(admission.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(admission, "count_processors", lambda: 1)
    monkeypatch.setattr(admission, "read_idle_seconds", lambda: idle * next(looks))
    looks = count()
    line = Admission()
    admitted = admit_all(line)
    for _ in range(1000):
        line.refuse_question()
    sizes = []
    for share in (0.2, 0.2, 0.2, 0.9, 0.9):
        run_ticks(line, monkeypatch, cpu=0.1 * share, lag=0)
        for _ in range(20):  # as many are refused as ever
            line.refuse_question()
        sizes.append(line._most_open)
    assert line.open == len(admitted)
    assert sizes == grown


def test_a_late_loop_of_a_busy_process_is_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    idle, busy = Admission(), Admission()
    run_ticks(idle, monkeypatch, cpu=0.01, lag=0.4)
    run_ticks(busy, monkeypatch, cpu=0.45, lag=0.4)
    assert len(admit_all(idle)) > len(admit_all(busy)) == OPEN_IN_OVERLOAD


def test_processors_are_idle_for_no_longer_than_time_passes() -> None:
    begun, before = time.monotonic(), admission.read_idle_seconds()
    time.sleep(0.02)
    passed = admission.read_idle_seconds() - before
    assert 0 <= passed <= (time.monotonic() - begun) * (os.cpu_count() or 1) + 0.1


def test_waiting_for_a_processor_counts_like_using_it() -> None:
    begun, waited = admission.read_needed_seconds(), time.process_time()
    while time.process_time() < waited + 0.02:
        pass
    assert admission.read_needed_seconds() >= begun + 0.02


class Pipe(asyncio.Transport):
    """A transport that collects what is written."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)})
        self.sent, self.is_paused, self.closed = b"", False, False

    def write(self, data: Any) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


async def answer_plainly(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def open_connection(line: Admission) -> tuple[BoundedHttpConnection, Pipe]:
    config = Config(answer_plainly, ws="none")
    made = BoundedHttpConnection(config, ServerState(), {"admission": line})
    made.connection_made(pipe := Pipe())
    return made, pipe


def test_a_refused_client_is_read_again_when_it_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        monkeypatch.setattr("app.http.server.RETRY_SECONDS", 0.05)
        line = Admission()
        line.open = MAX_OPEN
        connection, pipe = open_connection(line)
        connection.data_received(QUESTION)
        assert pipe.sent == b"".join(REFUSAL)
        assert pipe.is_paused
        await asyncio.sleep(0.1)
        assert not pipe.is_paused
        line.open = 0
        connection.data_received(QUESTION)
        await asyncio.sleep(0.05)
        assert pipe.sent.count(b"HTTP/1.1 200 OK") == 1
        assert line.open == 1  # what observes requests withdraws it
        line.open, pipe.sent = MAX_OPEN, b""
        connection.data_received(QUESTION.replace(b"/v1/events", b"/healthz"))
        await asyncio.sleep(0.05)
        assert b" 200 OK" in pipe.sent
        pipe.sent = b""
        connection.data_received(QUESTION.replace(b"/v1/events", b"/explorer/main.js"))
        await asyncio.sleep(0.05)
        assert b" 200 OK" in pipe.sent
        browser, shown = open_connection(line)
        browser.data_received(QUESTION.replace(b"Host", b"Accept: text/html,*/*\r\nHost"))
        assert shown.sent == b"".join(PAGE_REFUSALS[False])
        assert b'src="/explorer/retry.js"' in shown.sent
        other, shared = open_connection(line)
        other.data_received(QUESTION.replace(b"Host", b"X-Forwarded-For: 192.0.2.1\r\nHost"))
        assert shared.sent == b"".join(CLOSING_REFUSAL)
        assert shared.closed
        head, pipe = open_connection(line)
        head.data_received(b"HEAD" + QUESTION[3:])
        assert pipe.sent == REFUSAL[0]
        for each in (connection, browser, other, head):
            each.connection_lost(None)

    run_apart(ask())
    head, body = REFUSAL
    assert json.loads(body)["type"] == "/problems/overload"
    assert b"content-length: %d\r\n" % len(body) in head
    assert b"retry-after: 1\r\n" in head


PLAIN = b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"


def test_only_a_whole_plain_question_is_refused_unparsed() -> None:
    assert admission.is_plain_question(PLAIN)
    assert admission.is_plain_question(QUESTION)
    others = [
        PLAIN[:-1],
        PLAIN + PLAIN,
        PLAIN + b"x",
        PLAIN.replace(b"GET", b"HEAD"),
        PLAIN.replace(b"GET", b"POST"),
        PLAIN.replace(b"/v1/events", b"/healthz"),
        PLAIN.replace(b"/v1/events", b"/explorer/main.js"),
        PLAIN.replace(b"/v1/events", b"http://x/healthz"),
        PLAIN.replace(b"1.1", b"1.0"),
        PLAIN.replace(b"keep-alive", b"close"),
        PLAIN.replace(b"Host: x", b"Content-Length: 5"),
        PLAIN.replace(b"Host: x", b"transfer-encoding: chunked"),
        PLAIN.replace(b"Host: x", b"Via: 1.1 proxy"),
        PLAIN.replace(b"Host: x", b"X-Forwarded-For: 192.0.2.1"),
        PLAIN.replace(b"*/*", b"text/html,*/*"),
    ]
    assert not [data for data in others if admission.is_plain_question(data)]


def test_a_refused_question_neither_reaches_the_parser_nor_disturbs_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask() -> None:
        monkeypatch.setattr("app.http.server.RETRY_SECONDS", 0)
        line = Admission()
        connection, pipe = open_connection(line)
        connection.parser = None  # type: ignore[assignment]  # whoever uses it fails
        asked: list[object] = []
        monkeypatch.setattr("app.http.server.get_remote_addr", asked.append)
        line.open = MAX_OPEN
        connection.data_received(PLAIN)
        assert pipe.sent == b"".join(REFUSAL)
        await asyncio.sleep(0.03)
        assert not pipe.is_paused
        assert not asked  # for thousands that connect at once, asking for addresses takes long
        connection, pipe = open_connection(line)
        connection.data_received(PLAIN[:20])  # the rest is refused by the parser's way
        connection.data_received(PLAIN[20:])
        assert pipe.sent == b"".join(REFUSAL)
        await asyncio.sleep(0.03)
        connection.data_received(PLAIN)
        assert pipe.sent == 2 * b"".join(REFUSAL)
        line.open = 0
        await asyncio.sleep(0.03)
        connection.data_received(PLAIN)
        await asyncio.sleep(0.03)
        assert pipe.sent.count(b" 200 OK") == 1
        assert asked == [connection.transport]
        connection.connection_lost(None)

    run_apart(ask())


def test_a_connection_that_is_not_used_after_its_rest_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask() -> None:
        monkeypatch.setattr("app.http.server.RETRY_SECONDS", 0)
        line = Admission()
        line.open = MAX_OPEN
        made = [open_connection(line) for _ in range(2)]
        for connection, _ in made:
            connection.timeout_keep_alive = 0.05  # type: ignore[assignment]
            connection.data_received(PLAIN)
        await asyncio.sleep(0.03)
        (unused, dropped), (used, kept) = made
        used.data_received(PLAIN[:9])  # the beginning of another question
        await asyncio.sleep(0.1)
        assert (dropped.closed, kept.closed) == (True, False)
        for each in (unused, used):
            each.connection_lost(None)

    run_apart(ask())


def test_after_a_later_rest_a_connection_has_all_of_its_time_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask() -> None:
        monkeypatch.setattr("app.http.server.RETRY_SECONDS", 0)
        line = Admission()
        line.open = MAX_OPEN
        connection, pipe = open_connection(line)
        connection.timeout_keep_alive = 0.3  # type: ignore[assignment]
        connection.data_received(PLAIN)
        await asyncio.sleep(0.2)
        connection.data_received(PLAIN)
        assert pipe.sent == 2 * b"".join(REFUSAL)
        await asyncio.sleep(0.2)
        assert not pipe.closed
        await asyncio.sleep(0.4)
        assert pipe.closed
        connection.connection_lost(None)

    run_apart(ask())


@pytest.mark.slow
def test_a_refusal_costs_little() -> None:
    async def refuse(question: bytes) -> float:
        line = Admission()
        line.open = MAX_OPEN
        made = [open_connection(line)[0] for _ in range(500)]
        begun = time.process_time()
        for connection in made:
            connection.data_received(question)
        spent = time.process_time() - begun
        for connection in made:
            connection.connection_lost(None)
        return spent / len(made)

    # 60 µs are promised; other tests share the processor and its caches.
    most = 60e-6 * (1 if IN_FULL else 3)
    assert min(run_apart(refuse(QUESTION)) for _ in range(5)) < most
    assert min(run_apart(refuse(b"HEAD" + QUESTION[3:])) for _ in range(5)) < most


async def ask_at_once(port: int, until: float, seen: Counter[int], waits: list[float]) -> None:
    """A client that asks again as soon as it is answered, whatever the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    status = 200
    while time.monotonic() < until:
        # After a refusal it is not read until `Retry-After` is over: that wait is not the answer's.
        begun, counts = time.monotonic(), status == 200
        writer.write(QUESTION)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        seen[status] += 1
        if counts and status == 200:
            waits.append(time.monotonic() - begun)
    writer.close()


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.by_turns
@pytest.mark.bundled
def test_a_crowd_that_retries_at_once_is_refused_while_others_are_answered(
    database: Database, record_testsuite_property: Callable[[str, object], None]
) -> None:
    service = Service(database.engine.url.render_as_string(hide_password=False), "")
    service.start()
    seen: Counter[int] = Counter()
    waits: list[float] = []
    health: list[float] = []

    async def watch_health(until: float) -> None:
        while time.monotonic() < until:
            begun = time.monotonic()
            status, _, _ = await asyncio.to_thread(service.ask, "GET", "/healthz")
            assert status == 200
            health.append(time.monotonic() - begun)
            await asyncio.sleep(0.1)

    async def run(clients: int, seconds: float) -> int:
        before, until = seen[200], time.monotonic() + seconds
        crowd = [ask_at_once(service.port, until, seen, waits) for _ in range(clients)]
        await asyncio.gather(watch_health(until), *crowd)
        return seen[200] - before

    try:
        run_apart(run(8, 0.5))  # so that everything is imported and cached
        some = SECONDS / 3
        alone = run_apart(run(8, some)) / some
        seen.clear()
        waits.clear()
        health.clear()
        crowded = run_apart(run(CLIENTS, SECONDS)) / SECONDS
    finally:
        service.kill()
    waits.sort()
    health.sort()
    figures = {
        "answers/s of 8 clients": alone, "answers/s of the crowd": crowded, "refused": seen[503],
        "admitted p50": waits[len(waits) // 2], "admitted p99": waits[int(len(waits) * 0.99)],
        "health most": health[-1],
    }  # fmt: skip
    record_testsuite_property("overload", figures)
    sys.stdout.write(f"{figures}\n")
    assert set(seen) == {200, 503}, figures
    assert crowded > alone * (0.8 if IN_FULL else 0.4), figures
    assert health[int(len(health) * 0.95)] < (0.25 if IN_FULL else 3.0), figures


@pytest.mark.skipif(not IN_FULL, reason="takes a quarter of an hour for each database: make soak")
@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.bundled
def test_overload_in_full(
    database: Database, record_testsuite_property: Callable[[str, object], None]
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    refusal = overload.measure_refusal(url, 5)
    loads = list(overload.measure_overload(url, 60))
    figures = [f"{1e6 * refusal:.0f} µs of CPU for a refusal", *map(str, loads)]
    record_testsuite_property("overload in full", figures)
    sys.stdout.write("\n".join(["", overload.HEAD, *figures, ""]))
    crowds = [load for load in loads if "retry" in load.name]
    assert refusal < 60e-6, figures
    assert all(load.median <= 3 for load in loads if "answered" not in load.name), figures
    assert all(load.late <= 0.25 and load.health <= 0.25 for load in loads), figures
    assert all(load.goodput >= 0.8 for load in crowds), figures
    alone, beside = (load for load in loads if "answered" in load.name)
    assert beside.median <= 1.5 * alone.median, figures
    assert crowds[1].megabytes < 1.1 * loads[0].megabytes, figures
