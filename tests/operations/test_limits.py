"""Limits: on the time of a question, on the values of a body, and on requests within a minute."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.access.keys import create_key
from app.db import engine
from app.db.engine import Database
from app.db.failures import classify_failure
from app.examples import load_examples
from app.http import rate_limit
from app.http.answer_memory import AnswerMemory
from app.http.body import MAX_BODY_VALUES, parse_json_body
from app.http.problems import UnreadableRequestError
from app.logs import REQUEST_ID

ENDLESS = text(
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000000)"
    " SELECT count(*) FROM n"
)


def read_url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def test_a_read_that_takes_too_long_is_stopped_and_the_connection_lives(
    database: Database,
) -> None:
    limited = Database(read_url(database), 1, query_seconds=0.3)
    begun = time.monotonic()
    with pytest.raises(DBAPIError) as stopped, limited.connect() as db:
        db.execute(ENDLESS)
    assert time.monotonic() - begun < 10
    assert classify_failure(stopped.value) == "query-time"
    with limited.connect() as db:
        assert db.scalar(text("SELECT 1")) == 1
    limited.close()


@pytest.mark.slow
def test_exports_workers_and_writes_have_no_time_limit(database: Database) -> None:
    slow = text(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000)"
        " SELECT count(*) FROM n"
    )
    limited = Database(read_url(database), 1, query_seconds=0.1)
    with limited.without_time_limit().connect() as db:
        assert db.scalar(slow) == 2_000_000
    with limited.write() as db:
        assert db.scalar(slow) == 2_000_000
    with pytest.raises(DBAPIError), limited.connect() as db:
        db.execute(slow)
    limited.close()


@pytest.mark.slow
def test_a_question_that_takes_too_long_is_told_how_to_narrow_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_client(read_url(database), show_faults=False, query_seconds=0.2) as api:

        def read_for_ever(db: Any, *_: Any) -> Any:
            return db.execute(ENDLESS)

        monkeypatch.setattr("app.events.queries.resolve_filter", read_for_ever)
        refused = api.get("/v1/events?actor=ARM&since=2020")
        monkeypatch.undo()
        exported = api.get("/v1/events?format=ndjson")
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (422, "/problems/too-costly")
    assert problem["errors"][0]["message"] == "takes longer than 0.2 seconds"
    hint = problem["errors"][0]["hint"]
    assert "until" in hint
    assert "since" not in hint
    assert "retry-after" not in refused.headers
    assert exported.status_code == 200


EXAMPLES = [
    example["get"]
    for example in load_examples().values()
    if "get" in example and not {"before", "stream"} & example.keys()
]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The limits, in seconds, of the reads that requests begin, in order; 0 for none."""
    found: list[float] = []
    apply_limit = engine.limit_read_time

    def note_limit(db: Connection, seconds: float) -> None:
        if REQUEST_ID.get():  # not of background work
            found.append(seconds)
        apply_limit(db, seconds)

    monkeypatch.setattr(engine, "limit_read_time", note_limit)
    return found


@pytest.mark.slow
@pytest.mark.by_turns
def test_every_route_that_reads_has_the_time_limit(api: TestClient, limits: list[float]) -> None:
    api.app.state.answers = AnswerMemory(0)  # type: ignore[attr-defined]
    unlimited, silent = [], []
    for example in EXAMPLES:
        limits.clear()
        assert api.get(example).status_code < 500
        if 0 in limits:
            unlimited.append(example)
        if not limits:
            silent.append(example)
    assert unlimited == []
    assert len(silent) < len(EXAMPLES) / 3, silent


@pytest.mark.parametrize(
    "path", ["/v1/events?format=ndjson&limit=1", "/v1/changes/stream?after=0&limit=1"]
)
def test_exports_and_streams_have_none(api: TestClient, limits: list[float], path: str) -> None:
    assert api.get(path).status_code == 200
    assert 0 in limits


@pytest.mark.parametrize("part", [b"0", b"{}", b"[]", b'""', b"1e5", b"null", b'{"a":0}'])
def test_a_body_of_many_values_is_refused_before_it_is_walked(part: bytes) -> None:
    body = b"[" + (part + b",") * (31_000_000 // (len(part) + 1)) + part + b"]"
    begun = time.process_time()
    with pytest.raises(UnreadableRequestError) as refused:
        parse_json_body(body)
    assert refused.value.status == 413
    assert time.process_time() - begun < 1


def test_a_body_of_as_many_values_as_may_be_is_read() -> None:
    fitting = b"[" + b",".join([b"0"] * (MAX_BODY_VALUES - 1)) + b"]"
    assert parse_json_body(fitting) == [0] * (MAX_BODY_VALUES - 1)


@contextmanager
def open_limited(database: Database, **limits: int) -> Iterator[tuple[TestClient, dict[str, str]]]:
    with database.write() as db:
        key = create_key(db, "desk", "write")
    with open_client(read_url(database), show_faults=False, **limits) as api:
        yield api, {"Authorization": f"Bearer {key}"}


def test_a_client_with_too_many_requests_waits_for_the_next_minute(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_limited(database, address_rate=3, key_rate=5) as (api, key):
        answers = [api.get("/v1/limits") for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        left = [a.headers["ratelimit"].partition(";t=")[0] for a in answers]
        assert left == [f'"address";r={n}' for n in (2, 1, 0, 0)]
        assert answers[0].headers["ratelimit-policy"] == '"address";q=3;w=60'
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        assert answers[3].json()["type"] == "/problems/rate"
        by_key = [api.get("/v1/limits", headers=key).status_code for _ in range(6)]
        assert by_key == [200] * 5 + [429]
        free = [api.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")]
        assert free == [200] * 3
        stream = api.get("/v1/changes/stream?after=0&limit=1")
        assert stream.status_code == 200
        now = time.monotonic() + 61
        monkeypatch.setattr(rate_limit.time, "monotonic", lambda: now)
        assert api.get("/v1/limits").status_code == 200
        assert api.get("/v1/limits").json()["rates"] == {
            "seconds": 60, "key": 5, "address": 3, "wrong_keys": 10,
        }  # fmt: skip


def test_too_many_wrong_keys_have_to_wait_and_the_right_one_passes(database: Database) -> None:
    with open_limited(database, wrong_keys=3) as (api, key):

        def post(authorization: str) -> int:
            body = {"key": "k", "title": "t"}
            headers = {"Authorization": authorization}
            return api.post("/v1/events", json=body, headers=headers).status_code

        right = key["Authorization"]
        assert post(right) == 422  # it lacks a date, which is asked after the key
        wrong = [f"Bearer ent_{n:012x}_{'A' * 43}" for n in range(6)]
        assert [post(one) for one in wrong] == [401] * 3 + [429] * 3
        assert post(right) == 422
        with database.write() as db:
            unused = create_key(db, "new", "write")
        assert post(f"Bearer {unused}") == 429


def test_an_ipv6_client_is_its_network() -> None:
    found = {
        rate_limit.find_client_address({"client": (host, 1)})
        for host in ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1")
    }
    assert len(found) == 2
