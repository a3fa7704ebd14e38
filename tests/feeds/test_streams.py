"""Streams are read in chunks, of one result, and give way to readers of pages."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import make
import pytest
from anyio import CapacityLimiter, create_task_group, to_thread
from fastapi.testclient import TestClient
from feed_pages import AUTUMN, read_all_events, read_list

from app.db.engine import Database
from app.events.filter import EventQuery
from app.feeds import event_stream, export, xlsx
from app.http.export_limiter import stream_in_limited_threads


@pytest.mark.parametrize("form", ["ndjson", "csv"])
@pytest.mark.parametrize("sort", ["date", "-date", "-recorded"])
def test_chunk_size_does_not_change_the_result(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, form: str, sort: str
) -> None:
    query = f"member_of=CSTO&since=2022&sort={sort}"
    whole = read_list(api, form, query).content
    monkeypatch.setattr(event_stream, "CHUNK", 7)
    assert read_list(api, form, query).content == whole
    assert len(whole.splitlines()) > 30


@pytest.mark.bundled
def test_connection_is_returned_while_a_chunk_is_sent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "CHUNK", 7)
    asked = EventQuery.model_validate({"format": "ndjson"})
    opened = export.open_export(
        "ndjson", asked, database, b"t", lambda *_: export.Links(self="here")
    )
    pool: Any = database.engine.pool
    in_use = [pool.checkedout() for _ in opened.feed.chunks]
    assert len(in_use) > 5
    assert set(in_use) == {0}


def test_every_chunk_is_one_short_statement(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "CHUNK", 7)
    sizes: list[int] = []
    real = export.EventStream.read_chunks

    def noted(self: Any) -> Any:
        for documents in real(self):
            sizes.append(len(documents))
            yield documents

    monkeypatch.setattr(export.EventStream, "read_chunks", noted)
    count = len(read_list(api, "ndjson", "since=2022").text.splitlines())
    assert sum(sizes) == count
    assert max(sizes) == 7


def test_xlsx_over_the_sheet_limit_is_422(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(read_all_events(api, AUTUMN))
    monkeypatch.setattr(xlsx, "MOST", count)
    assert read_list(api, "xlsx").status_code == 200
    monkeypatch.setattr(xlsx, "MOST", count - 1)
    refused = api.get(f"/v1/events?{AUTUMN}&format=xlsx")
    assert refused.status_code == 422
    fault = refused.json()["errors"][0]
    assert fault["loc"] == ["query", "format"]
    assert "format=csv" in fault["hint"]


def test_stream_excludes_events_written_meanwhile(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what comes, nor what goes, nor what changes its day."""
    monkeypatch.setattr(event_stream, "CHUNK", 2)
    with database.write() as db:
        make.dataset(db)
        for n in range(9):
            make.event(db, "ARM", "RUS", key=f"s{n}", title=f"first {n}", date=f"2020-01-0{n + 1}")
    asked = EventQuery.model_validate({"format": "ndjson", "dataset": ["made"], "sort": "date"})
    opened = export.open_export(
        "ndjson", asked, database, b"t", lambda *_: export.Links(self="here")
    )
    examples = [json.loads(next(opened.feed.chunks)[0])]
    with database.write() as db:
        for n in range(9):
            make.event(db, "ARM", key=f"s{n}", title="second", date=f"2019-12-1{n}")
        make.event(db, "ARM", "RUS", key="new", title="new", date="2020-01-05")
    rest = [json.loads(line) for documents in opened.feed.chunks for line in documents]
    assert [e["title"] for e in examples + rest] == [f"first {n}" for n in (0, *range(2, 9))]


@pytest.mark.parametrize("form", ["timelinejs", "vis"])
def test_too_many_to_draw_come_clustered(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(export, "DRAWABLE", 5)
    count = len(read_all_events(api, AUTUMN))
    assert count > 5
    body = read_list(api, form).json()
    assert body["meta"]["clustered"]
    listed = body["items"] if form == "vis" else body["events"]
    headlines = [h["content"] if form == "vis" else h["text"]["headline"] for h in listed]
    assert sum(int(text.split()[0]) for text in headlines) == count
    limited = read_list(api, form, f"{AUTUMN}&limit=5").json()
    assert not limited["meta"]["clustered"]


def test_as_many_exports_work_at_once_as_are_allowed() -> None:
    """The rest wait for their turn, in no thread of the readers of pages."""

    async def run() -> tuple[int, int]:
        limiter, running, most = CapacityLimiter(2), 0, 0
        lock = threading.Lock()

        def parts() -> Iterator[bytes]:
            nonlocal running, most
            for _ in range(3):
                with lock:
                    running += 1
                    most = max(most, running)
                time.sleep(0.01)
                with lock:
                    running -= 1
                yield b"part"

        async def read() -> None:
            async for _ in stream_in_limited_threads(limiter, parts()):
                pass

        async with create_task_group() as group:
            for _ in range(6):
                group.start_soon(read)
        return most, int(to_thread.current_default_thread_limiter().borrowed_tokens)

    with ThreadPoolExecutor(1) as own:  # a thread in which no other loop runs
        assert own.submit(anyio.run, run).result() == (2, 0)


def test_lines_that_were_read_are_whole_events(api: TestClient) -> None:
    for line in read_list(api, "ndjson", "limit=3").text.splitlines():
        assert json.loads(line)["revision"] >= 1
