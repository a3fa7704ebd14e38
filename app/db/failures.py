"""Failures of a database that have nothing to do with what was asked of it."""

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError

_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError)


def passing(failed: Exception) -> bool:
    """Whether the same may go well later: the server is gone, the disk is full, a lock is held."""
    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    return isinstance(cause, _PASSING)
