"""Traces by OpenTelemetry: a span for each request and each statement, where they are wanted.

The standard variables (`OTEL_…`) say whether and where to; the library is the extra `otel`. Without
them each request and each statement costs one look at `get_span_maker` (decision 033).
"""

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.errors import UnsupportedTracingError
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
KNOWN_VALUES = {
    "OTEL_TRACES_EXPORTER": ("otlp", "console", "none"),
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": ("http/protobuf",),
    "OTEL_EXPORTER_OTLP_PROTOCOL": ("http/protobuf",),
}
"""Values of standard variables that have others elsewhere."""
_started: "SpanMaker | None" = None


def wants_traces(variables: Mapping[str, str]) -> bool:
    """Return whether the standard variables ask for traces."""
    is_off = variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or variables.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(variables.get(name, "").strip() for name in ASKING_VARIABLES)


def check_tracing(variables: Mapping[str, str]) -> None:
    """Raise where traces are asked for that cannot be made.

    `MissingExtraError` if the extra `otel` is not installed, else `UnsupportedTracingError`.
    """
    if not wants_traces(variables):
        return
    load_extra("otel")
    for name, known in KNOWN_VALUES.items():
        if (value := variables.get(name, "").strip()) and value not in known:
            raise UnsupportedTracingError(f"{name} must be {' or '.join(known)} here")


def start_tracing(provider: "TracerProvider | None" = None) -> None:
    """Begin to trace, if the standard variables ask for it, or to a provider.

    Raises as `check_tracing` does.
    """
    global _started
    if provider is None and not wants_traces(os.environ):
        return
    check_tracing(os.environ)
    spans = importlib.import_module("app.spans")
    _started = spans.SpanMaker(provider or spans.build_provider(os.environ))


def stop_tracing() -> None:
    """End tracing: what begins from now on is not traced."""
    global _started
    _started = None


def get_span_maker() -> "SpanMaker | None":
    """Return what makes spans; None where nothing is traced."""
    return _started
