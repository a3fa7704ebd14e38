"""Traces by OpenTelemetry: a span for each request and each statement, where they are wanted.

The standard variables (`OTEL_…`) say whether and where to; the library is the extra `otel`. Without
them each request and each statement costs one look at `get_span_maker` (decision 033).
"""

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.extras import load_extra

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from app.spans import SpanMaker

ASKING_VARIABLES = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
)
"""Variables of which one that has a value asks for traces."""
_started: "SpanMaker | None" = None


def wants_traces(variables: Mapping[str, str]) -> bool:
    """Return whether the standard variables ask for traces."""
    is_off = variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or variables.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(variables.get(name, "").strip() for name in ASKING_VARIABLES)


def require_tracing_extra() -> None:
    """Raise `MissingExtraError` where traces are asked for and the extra is not installed."""
    if wants_traces(os.environ):
        load_extra("otel")


def start_tracing(provider: "TracerProvider | None" = None) -> None:
    """Begin to trace, if the standard variables ask for it, or to a provider.

    Raises `MissingExtraError` where the extra `otel` is not installed.
    """
    global _started
    if provider is None and not wants_traces(os.environ):
        return
    load_extra("otel")
    spans = importlib.import_module("app.spans")
    _started = spans.SpanMaker(provider or spans.build_provider(os.environ))


def stop_tracing() -> None:
    """End tracing: what begins from now on is not traced."""
    global _started
    _started = None


def get_span_maker() -> "SpanMaker | None":
    """Return what makes spans; None where nothing is traced."""
    return _started
