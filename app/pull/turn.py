"""Turns: one process at a time pulls from a source."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.db.engine import Database
from app.db.leadership import DatabaseLeadership


@contextmanager
def take_turn(database: Database, source: str) -> Iterator[bool]:
    """Take the turn of a source; False if another process has it, which then goes on."""
    leadership = DatabaseLeadership(database, f"pull-{source}")
    try:
        yield leadership.claim()
    finally:
        leadership.resign()
