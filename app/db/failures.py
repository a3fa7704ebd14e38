"""Distinguish failures of the database server from faults of a statement."""

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_TRANSIENT_CLASSES = ("08", "40", "53", "55", "57", "58")
"""Classes of PostgreSQL's error codes, from appendix A of its manual.

Connection lost, transaction rolled back, insufficient resources, object in use, operator
intervention, system error.
"""
_TRANSIENT_CODES = ("25006", "25P03", "25P04")
"""Single error codes: a server that is read-only for now, and transactions that timed out."""


def is_transient_failure(failed: Exception) -> bool:
    """Return whether the same statement may succeed later: server gone, disk full, locked."""
    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    if isinstance(cause, psycopg.Error) and cause.sqlstate:
        return cause.sqlstate.startswith(_TRANSIENT_CLASSES) or cause.sqlstate in _TRANSIENT_CODES
    lost = (psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError)
    return isinstance(cause, (*lost, PoolTimeoutError))
