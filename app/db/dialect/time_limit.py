"""A limit on the time of reads: PostgreSQL has one, SQLite asks a function set here."""

import math
import sqlite3
import time

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.dialect import is_sqlite

STEPS_BETWEEN_CHECKS = 500_000
"""Steps of SQLite's virtual machine between two looks at the clock: 5 to 20 ms of work.

Each look waits for the interpreter's lock; a page of a list takes a hundredth of these steps.
"""
_DEADLINE = "deadline"


def install_deadline(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    """Have SQLite interrupt a statement of this connection when its deadline is over."""
    info = entry.info

    def is_over() -> bool:
        deadline: float = info.get(_DEADLINE, math.inf)
        return time.monotonic() > deadline

    connection.set_progress_handler(is_over, STEPS_BETWEEN_CHECKS)


def limit_read_time(db: Connection, seconds: float) -> None:
    """Limit what is read until the connection is returned to so many seconds; 0 for no limit.

    On SQLite for all statements together. On PostgreSQL for each: connections have the limit from
    their start, so only its absence is a statement.
    """
    if is_sqlite(db):
        db.info[_DEADLINE] = time.monotonic() + seconds if seconds else math.inf
    elif not seconds:
        db.exec_driver_sql("SET LOCAL statement_timeout = 0")
