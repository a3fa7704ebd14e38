"""Distinguish failures of the database server from faults of a statement."""

import sqlite3
from typing import Literal

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

FailureKind = Literal["busy", "unreachable", "full", "read-only", "damaged", "query-time"]
"""Kinds of failure: `busy` and `unreachable` pass, `query-time` is the question's, others last."""
_TRANSIENT_CLASSES = ("08", "40", "53", "55", "57", "58")
"""Classes of PostgreSQL's error codes, from appendix A of its manual.

Connection lost, transaction rolled back, insufficient resources, object in use, operator
intervention, system error.
"""
_TRANSIENT_CODES = ("25006", "25P03", "25P04")
"""Single error codes: a server that is read-only for now, and transactions that timed out."""
_KINDS_BY_SQLSTATE: dict[str, FailureKind] = {
    "57014": "query-time", "53100": "full", "25006": "read-only", "XX001": "damaged",
    "XX002": "damaged", "25P03": "busy", "25P04": "busy",
    "08": "unreachable", "40": "busy", "53": "busy", "55": "busy", "57": "unreachable",
    "58": "damaged",
}  # fmt: skip
"""Kinds by error code, or by its class."""
_KINDS_BY_SQLITE_CODE: dict[int, FailureKind] = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_PROTOCOL: "busy",
    sqlite3.SQLITE_CANTOPEN: "unreachable",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_IOERR: "damaged",
    sqlite3.SQLITE_INTERRUPT: "query-time",
}
"""Kinds by primary result code, the low byte of an extended one."""


def classify_failure(failed: Exception) -> FailureKind | None:
    """Return the kind of a failure of the database; None for a fault of the statement."""
    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    if isinstance(cause, PoolTimeoutError):
        return "busy"
    if isinstance(cause, psycopg.Error):
        state = cause.sqlstate
        if state is None:
            lost = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
            return "unreachable" if lost else None
        return _KINDS_BY_SQLSTATE.get(state) or _KINDS_BY_SQLSTATE.get(state[:2])
    if isinstance(cause, sqlite3.Error):
        return _KINDS_BY_SQLITE_CODE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    return None


def describe_cause(failed: Exception) -> str:
    """Return the driver's message about a failure in one line, without statement and values."""
    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"


def is_transient_failure(failed: Exception) -> bool:
    """Return whether the same statement may succeed later: server gone, disk full, locked."""
    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    if isinstance(cause, psycopg.Error) and cause.sqlstate:
        return cause.sqlstate.startswith(_TRANSIENT_CLASSES) or cause.sqlstate in _TRANSIENT_CODES
    lost = (psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError)
    return isinstance(cause, (*lost, PoolTimeoutError))
