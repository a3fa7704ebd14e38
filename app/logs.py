"""Structured logs: a line for people where a person reads them, else an object of JSON.

The standard library does the logging, so that lines of the server, the database driver and the
workers arrive in the same form. `fields` of a record (`extra={"fields": {…}}`) become fields of the
object; every line that a request causes has its `request_id`.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO, Literal

import msgspec

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; empty outside of requests."""


class JsonFormatter(logging.Formatter):
    """Formats a record as one line with an object of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, in ASCII where the text is not valid Unicode."""
        more = dict(_read_fields(record))
        if record.exc_info:
            more["exception"] = self.formatException(record.exc_info)
        return _encode_entry(
            record.created, record.levelname.lower(), record.name, record.getMessage(), more
        ).decode()


def _encode_entry(
    at: float, level: str, logger: str, message: str, fields: Mapping[str, object]
) -> bytes:
    entry = {
        "time": f"{_format_second(int(at))}.{int(at * 1000) % 1000:03}Z",
        "level": level,
        "logger": logger,
        "message": message,
        "request_id": REQUEST_ID.get(),
        **fields,
    }
    if not entry["request_id"]:
        del entry["request_id"]
    try:
        return msgspec.json.encode(entry)
    except (TypeError, UnicodeEncodeError):  # a lone surrogate, or a value of another library
        return json.dumps(entry, default=str).encode()


@lru_cache(maxsize=2)
def _format_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class TextFormatter(logging.Formatter):
    """Formats a record as a line for people; control characters in it are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, followed by the traceback of an exception."""
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = dict(_read_fields(record))
        if request_id := REQUEST_ID.get():
            fields["request_id"] = request_id
        shown = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        line = f"{at} {record.levelname.lower():7} {record.getMessage()}  {shown}".rstrip()
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _read_fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, "fields", {})
    return fields


_json_output: list[BinaryIO] = []
"""Standard error, while lines of JSON are written to it."""


def log_fields(log: logging.Logger, level: int, message: str, fields: Mapping[str, object]) -> None:
    """Log a message with fields, at a fourth of the cost of `log.log` where lines are JSON.

    The caller has asked `log.isEnabledFor(level)`.
    """
    if _json_output:
        words = logging.getLevelName(level).lower()
        line = _encode_entry(time.time(), words, log.name, message, fields)
        with suppress(OSError):
            _json_output[0].write(line + b"\n")
            _json_output[0].flush()
    else:
        log.log(level, message, extra={"fields": fields})


def configure_logs(form: LogFormat, level: LogLevel) -> None:
    """Send all log records of this process to standard error; `auto`: text on a terminal."""
    as_text = sys.stderr.isatty() if form == "auto" else form == "text"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    _json_output[:] = [] if as_text else [sys.stderr.buffer]
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What these say below a warning is of use to those who develop them.
    for name in ("asyncio", "sqlalchemy", "psycopg", "uvicorn"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
