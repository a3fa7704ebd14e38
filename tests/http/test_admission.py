"""Under overload some are refused at once, and those who look after the service never."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from anyio import to_thread

from app.http import admission


async def answer_slowly(_: Any, __: Any, send: Any) -> None:
    """Works in a thread, as handlers do."""
    await to_thread.run_sync(time.sleep, 0.3)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def request_path(app: Any, path: str) -> tuple[dict[str, Any], bytes]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    await app({"type": "http", "path": path}, None, send)
    return messages[0], messages[1]["body"]


def test_too_many_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_WAITING", 2)
    app = admission.AdmissionMiddleware(answer_slowly)

    async def crowd() -> list[Any]:
        to_thread.current_default_thread_limiter().total_tokens = 1
        first = [asyncio.create_task(request_path(app, "/v1/events")) for _ in range(3)]
        await asyncio.sleep(0.05)  # one works, two wait
        begun = time.perf_counter()
        refused, body = await request_path(app, "/v1/events")
        assert time.perf_counter() - begun < 0.1
        assert refused["status"] == json.loads(body)["status"] == 503
        assert (b"retry-after", b"1") in refused["headers"]
        looked = asyncio.create_task(request_path(app, "/metrics"))
        return [start["status"] for start, _ in await asyncio.gather(*first, looked)]

    with ThreadPoolExecutor(1) as apart:  # a browser may keep a loop in this thread
        assert apart.submit(lambda: asyncio.run(crowd())).result() == [200] * 4


def test_a_line_that_takes_too_long_is_refused_until_it_moves_again() -> None:
    app = admission.AdmissionMiddleware(answer_slowly)

    async def crowd() -> list[int]:
        to_thread.current_default_thread_limiter().total_tokens = 1
        first = [asyncio.create_task(request_path(app, "/v1/events")) for _ in range(4)]
        await asyncio.sleep(0.05)  # one works, three wait, and who measures the line waits too
        soon = asyncio.create_task(
            request_path(app, "/v1/events")
        )  # the line is short as far as one knows
        await asyncio.sleep(0.4)
        late, _ = await request_path(app, "/v1/events")
        looked = asyncio.create_task(request_path(app, "/healthz"))
        done = await asyncio.gather(*first, soon, looked)
        again, _ = await request_path(app, "/v1/events")
        return [late["status"], again["status"], *(start["status"] for start, _ in done)]

    with ThreadPoolExecutor(1) as apart:
        assert apart.submit(lambda: asyncio.run(crowd())).result() == [503, *[200] * 7]
