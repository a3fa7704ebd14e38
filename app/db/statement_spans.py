"""Traces statements that SQLAlchemy executes; those that skip it are traced where they do."""

from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, event

from app.tracing import get_span_maker

_SPAN = "statement_span"


def watch_statements(engine: Engine) -> None:
    """Have each statement of an engine traced, from when the driver gets it to its first rows."""
    event.listen(engine, "before_cursor_execute", _begin_span)
    event.listen(engine, "after_cursor_execute", _end_span)
    event.listen(engine, "handle_error", _end_failed_span)


def _begin_span(db: Connection, _cursor: Any, text: str, *_: Any) -> None:
    if (maker := get_span_maker()) is not None:
        db.info[_SPAN] = maker.begin_statement(db.dialect.name, text)


def _end_span(db: Connection, *_: Any) -> None:
    if (span := db.info.pop(_SPAN, None)) is not None:
        span.end()


def _end_failed_span(failed: ExceptionContext) -> None:
    db = failed.connection
    span = None if db is None or db.invalidated else db.info.pop(_SPAN, None)
    if span is not None:
        span.record_exception(failed.original_exception)
        span.end()
