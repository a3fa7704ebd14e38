"""The log: a line for each request, with its id, and the cause of each failure."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from app.access.keys import create_key
from app.cli import main
from app.db.engine import Database
from app.logs import LogFormat, configure_logs

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Output(io.TextIOWrapper):
    """Standard error in memory."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8", write_through=True)

    def read_lines(self) -> list[str]:
        """Return the lines so far, and forget them."""
        found = self.bytes.getvalue().decode().splitlines()
        self.bytes.seek(0)
        self.bytes.truncate()
        return found


StartLogs = Callable[[LogFormat], Output]


@pytest.fixture
def start_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[StartLogs]:
    """Sends logs to memory as a service sends them to standard error, once it is called."""
    before, level = list(logging.root.handlers), logging.root.level

    def start(form: LogFormat) -> Output:
        found = Output()
        monkeypatch.setattr(sys, "stderr", found)
        configure_logs(form, "info")
        return found

    yield start
    configure_logs("text", "warning")
    logging.root.handlers[:] = before
    logging.root.setLevel(level)


def read_requests(stderr: Output) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in stderr.read_lines()]
    return [entry for entry in entries if entry["logger"] == "entente.requests"]


@pytest.mark.by_turns
def test_each_request_has_a_line_without_query_or_key(
    api: TestClient, start_logs: StartLogs
) -> None:
    stderr = start_logs("json")
    answer = api.get(
        "/v1/actors/ARM?on=2023",
        headers={"X-Request-Id": "desk-7.a", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
    )
    api.get("/healthz")
    api.head("/v1/actors/a%2Fb")
    head, other = read_requests(stderr)
    assert answer.headers["x-request-id"] == "desk-7.a"
    assert head | {"ms": 0, "time": ""} == {
        "time": "", "level": "info", "logger": "entente.requests", "message": "request",
        "request_id": "desk-7.a", "method": "GET", "route": "/v1/actors/{code}",
        "path": "/v1/actors/ARM", "status": answer.status_code, "ms": 0,
        "bytes": len(answer.content), "key": None, "trace_id": TRACE,
    }  # fmt: skip
    assert 0 < head["ms"] < 60_000
    assert (other["method"], other["route"], other["bytes"]) == ("HEAD", "/v1/actors/{code}", 0)


@pytest.mark.by_turns
@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "ü", "a\tb", '"'])
def test_an_invalid_request_id_is_replaced(api: TestClient, sent: str) -> None:
    found = api.get("/healthz", headers={"X-Request-Id": sent.encode()})
    assert len(found.headers["x-request-id"]) == 16
    assert found.headers["x-request-id"] != sent


def test_a_failure_leaves_its_cause_with_the_id_of_the_request(
    database: Database, start_logs: StartLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        key = create_key(db, "news desk", "write")
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, show_faults=False) as api:
        stderr = start_logs("json")
        written = api.post(
            "/v1/events",
            json={"key": "k", "title": "secret words", "date": "2023"},
            headers={"Authorization": f"Bearer {key}"},
        )
        served: Database = api.app.state.database  # type: ignore[attr-defined]

        def fail(*_: Any, **__: Any) -> None:
            raise OperationalError("SELECT", {}, OSError("the cable is cut"))

        def break_down(*_: Any, **__: Any) -> None:
            raise ValueError("a fault of the program")

        answers = []
        for failing in (fail, break_down):
            monkeypatch.setattr(served.route.writer._reader, "connect", failing)
            answers.append(api.get("/v1/actors/ARM", headers={"X-Request-Id": "night-1"}))
    text = "\n".join(stderr.read_lines())
    entries = [json.loads(line) for line in text.splitlines()]
    assert written.status_code == 201
    assert [e["key"] for e in entries if e.get("status") == 201] == ["news desk"]
    assert key[-20:] not in text
    assert "secret words" not in text
    assert [a.status_code for a in answers] == [500, 500]
    assert {a.headers["x-request-id"] for a in answers} == {"night-1"}
    causes = [e for e in entries if e.get("request_id") == "night-1"]
    assert any("the cable is cut" in e["message"] for e in causes)
    assert [e["level"] for e in causes if e["logger"] == "entente.requests"] == ["error", "error"]
    assert "night-1" in answers[1].json()["detail"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_breaks_a_line(form: LogFormat, start_logs: StartLogs) -> None:
    stderr = start_logs(form)
    log = logging.getLogger("entente.requests")
    for word in ("a\nb", "\x1b[31mred", "\ud800", "‮"):
        log.warning("hostile: %s", word, extra={"fields": {"path": word}})
    lines = stderr.read_lines()
    assert len(lines) == 4
    assert "\x1b" not in "".join(lines)


def test_configuration_is_printed_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTENTE_DATABASE_URL", "postgresql://me:pass&word@h/x?sslpassword=other")
    monkeypatch.setenv("ENTENTE_CURSOR_KEY", "signed")
    printed = CliRunner().invoke(main, ["config", "--changed"]).stdout.splitlines()
    assert printed == [
        "ENTENTE_DATABASE_URL=postgresql://me:***@h/x?sslpassword=***",
        "ENTENTE_CURSOR_KEY=***",
    ]
