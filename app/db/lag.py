"""How far reading is behind writing, by versions and by seconds."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.db.dialect import is_standby, read_replay_seconds
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.tables import commits

Role = Literal["primary", "standby"]


@dataclass(frozen=True, slots=True)
class ReadingState:
    """Where a database is read, and how far behind that is."""

    role: Role
    version: int
    lag_versions: int | None = 0
    """None where the writer cannot be asked."""
    lag_seconds: float | None = 0.0
    """For how long it has lacked a change; None where that cannot be known."""


def read_reading_state(database: Database) -> ReadingState:
    """Read where a database is read; of a standby also its lag, which the writer knows best."""
    with database.connect() as db:
        version = read_version(db)
        if not is_standby(db):
            return ReadingState("primary", version)
        by_itself = read_replay_seconds(db)
    try:
        with database.at_writer().connect() as db:
            if not is_standby(db):
                return _compare_with_writer(db, version)
    except (DBAPIError, PoolTimeoutError):
        pass  # the writer is away, and its failure is counted
    return ReadingState("standby", version, None, by_itself)


def _compare_with_writer(db: Connection, version: int) -> ReadingState:
    """Return the lag of a standby: since when there has been a version that it lacks."""
    newest = read_version(db)
    first = db.scalar(select(func.min(commits.c.at)).where(commits.c.seq > version))
    seconds = 0.0
    if first is not None:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(first)).total_seconds()
    return ReadingState("standby", version, max(0, newest - version), max(0.0, seconds))
