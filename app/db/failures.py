"""Failures of a database that have nothing to do with what was asked of it."""

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_CLASSES = ("08", "40", "53", "55", "57", "58")
"""Of PostgreSQL's codes: no connection, taken back, no resources, in use, ended by an operator, the
system's. See appendix A of its manual."""
_CODES = ("25006", "25P03", "25P04")
"""A server that may only be read just now, and transactions that took too long."""


def passing(failed: Exception) -> bool:
    """Whether the same may go well later: the server is gone, the disk is full, a lock is held."""
    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    if isinstance(cause, psycopg.Error) and cause.sqlstate:
        return cause.sqlstate.startswith(_CLASSES) or cause.sqlstate in _CODES
    lost = (psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError)
    return isinstance(cause, (*lost, PoolTimeoutError))
