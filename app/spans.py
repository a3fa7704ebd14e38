"""Spans of requests and statements; imported only where the extra `otel` is installed."""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode

from app.version import read_program_version


def build_provider(variables: Mapping[str, str]) -> TracerProvider:
    """Build what sends spans, as the standard variables say; the rest it sends as it ends.

    The library itself reads addresses, headers, sampling and batches from the variables.
    """
    known = {"service.version": read_program_version()}
    if not variables.get("OTEL_SERVICE_NAME"):
        known["service.name"] = "entente"
    provider = TracerProvider(resource=Resource.create(known))
    to_console = variables.get("OTEL_TRACES_EXPORTER", "").strip() == "console"
    exporter = ConsoleSpanExporter() if to_console else OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class RequestSpan:
    """The span of a request."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str:
        """The id of its trace, as lines of the log have it."""
        return f"{self._span.get_span_context().trace_id:032x}"

    def note_answer(self, method: str, route: str, status: int, request_id: str) -> None:
        """Name it by its route, and note its status; 0 where the client was gone."""
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes({"http.route": route, "entente.request_id": request_id})
        if status:
            self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


class SpanMaker:
    """Makes the spans of requests and statements."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("entente", read_program_version())

    @contextmanager
    def trace_request(
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> Iterator[RequestSpan]:
        """Trace a request, as a part of the trace that its headers name, if any."""
        known = {"http.request.method": method, "url.path": path}
        with self._tracer.start_as_current_span(
            method, extract(headers), kind=SpanKind.SERVER, attributes=known
        ) as span:
            yield RequestSpan(span)

    @contextmanager
    def trace_statement(self, kind: str, text: str) -> Iterator[None]:
        """Trace a statement on a kind of database; its text has no values."""
        with self._tracer.start_as_current_span(
            _find_verb(text), kind=SpanKind.CLIENT, attributes=_describe_statement(kind, text)
        ):
            yield

    def add_trace_header(self, headers: MutableMapping[str, str]) -> None:
        """Add `traceparent` to the headers of a request that is sent in the course of another."""
        inject(headers)

    def begin_statement(self, kind: str, text: str) -> Span:
        """Begin the span of a statement whose end is reported apart."""
        return self._tracer.start_span(
            _find_verb(text), kind=SpanKind.CLIENT, attributes=_describe_statement(kind, text)
        )


def _find_verb(text: str) -> str:
    return text.split(None, 1)[0].upper()


def _describe_statement(kind: str, text: str) -> dict[str, str]:
    named = {"db.system.name": kind, "db.query.text": text}
    return named | {"db.operation.name": _find_verb(text)}
