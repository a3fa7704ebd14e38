"""Requests and statements have spans where the standard variables ask for traces."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from serving import open_client
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.engine import Database
from app.errors import MissingExtraError, UnsupportedTracingError
from app.extras import EXTRA_MODULES
from app.tracing import (
    check_tracing,
    get_span_maker,
    start_tracing,
    stop_tracing,
    wants_traces,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    made = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    start_tracing(provider)
    yield made
    stop_tracing()
    provider.shutdown()


@pytest.fixture
def traced(exporter: InMemorySpanExporter, database: Database) -> Iterator[TestClient]:
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, show_faults=False) as api:
        exporter.clear()
        yield api


def list_spans(exporter: InMemorySpanExporter, path: str) -> list[ReadableSpan]:
    """List the spans of one request: background work has statements of its own."""
    found = exporter.get_finished_spans()
    [request] = [s for s in found if (s.attributes or {}).get("url.path") == path]
    assert request.context is not None
    mine = [s for s in found if s.parent and s.parent.span_id == request.context.span_id]
    return [request, *mine]


def test_a_request_and_its_statements_are_one_trace(
    traced: TestClient, exporter: InMemorySpanExporter
) -> None:
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    path = "/v1/actors/ARM"
    answer = traced.get(path, headers={"traceparent": parent})
    assert answer.status_code == 200
    request, *statements = list_spans(exporter, path)
    assert request.name == "GET /v1/actors/{code}"
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert {f"{s.context.trace_id:032x}" for s in (request, *statements) if s.context} == {TRACE}
    noted = dict(request.attributes or {})
    assert noted["http.response.status_code"] == 200
    assert noted["entente.request_id"] == answer.headers["x-request-id"]
    assert statements
    for one in statements:
        known = dict(one.attributes or {})
        assert known["db.operation.name"] == one.name == "SELECT"
        assert known["db.system.name"] in ("sqlite", "postgresql")
        assert "ARM" not in str(known["db.query.text"])


def test_pages_read_by_the_driver_have_their_statement_too(
    traced: TestClient, exporter: InMemorySpanExporter
) -> None:
    assert traced.get("/v1/events?actor=ARM&limit=1").status_code == 200
    request, *statements = list_spans(exporter, "/v1/events")
    assert "ARM" not in str(request.attributes)
    texts = [str((s.attributes or {})["db.query.text"]) for s in statements]
    assert any("revisions" in one for one in texts)


def test_what_is_sent_in_the_course_of_a_request_carries_its_trace(
    exporter: InMemorySpanExporter,
) -> None:
    maker = get_span_maker()
    assert maker is not None
    headers: dict[str, str] = {}
    with maker.trace_request("POST", "/v1/watches/w_1/test", {}) as span:
        maker.add_trace_header(headers)
    [sent] = exporter.get_finished_spans()
    assert sent.context is not None
    ids = f"{span.trace_id}-{sent.context.span_id:016x}"
    assert headers["traceparent"].startswith(f"00-{ids}-")


def test_monitoring_has_no_spans_and_failures_are_marked(
    traced: TestClient, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert traced.get("/healthz").status_code == 200
    assert not [s for s in exporter.get_finished_spans() if "url.path" in (s.attributes or {})]

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("app.actors.router.resolve_version", fail)
    assert traced.get("/v1/actors").status_code == 500
    [request, *_] = list_spans(exporter, "/v1/actors")
    assert request.status.status_code.name == "ERROR"


def test_a_failed_statement_has_its_error(
    exporter: InMemorySpanExporter, database: Database
) -> None:
    traced = Database(database.engine.url.render_as_string(hide_password=False), 1)
    exporter.clear()
    with pytest.raises(DBAPIError), traced.connect() as db:
        db.execute(text("SELECT no_such_column FROM actors"))
    with traced.connect() as db:
        assert db.scalar(text("SELECT 1")) == 1
    traced.close()
    failed, sound = [s for s in exporter.get_finished_spans() if s.name == "SELECT"][-2:]
    assert [event.name for event in failed.events] == ["exception"]
    assert not sound.events


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_SERVICE_NAME": "entente"}, False),
    ],
)
def test_standard_variables_ask_for_traces(variables: dict[str, str], wanted: bool) -> None:
    assert wants_traces(variables) is wanted


def test_traces_without_the_extra_stop_the_start_and_say_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, EXTRA_MODULES["otel"], None)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    with pytest.raises(MissingExtraError, match=r"pip install 'entente\[otel\]'"):
        start_tracing()
    monkeypatch.delenv("OTEL_TRACES_EXPORTER")
    start_tracing()
    assert get_span_maker() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
    ],
)
def test_what_cannot_be_done_is_refused(name: str, value: str) -> None:
    asking = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    check_tracing(asking | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"})
    with pytest.raises(UnsupportedTracingError, match=name):
        check_tracing(asking | {name: value})
    check_tracing({name: value, "OTEL_SDK_DISABLED": "true"})


@pytest.mark.slow
def test_a_process_sends_its_spans_when_it_ends() -> None:
    asked = (
        "from app.tracing import *; start_tracing()\n"
        "with get_span_maker().trace_request('GET', '/v1/events', {}) as span:\n"
        "    span.note_answer('GET', '/v1/events', 200, 'abc')\n"
    )
    variables = {"OTEL_TRACES_EXPORTER": "console", "OTEL_RESOURCE_ATTRIBUTES": "team=desk"}

    done = subprocess.run(
        [sys.executable, "-c", asked], env=os.environ | variables, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert '"name": "GET /v1/events"' in done.stdout
    assert '"service.name": "entente"' in done.stdout
    assert '"team": "desk"' in done.stdout
