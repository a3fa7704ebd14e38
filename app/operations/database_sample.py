"""Sample what only the database knows for metrics: its version, imports, and stale shifts.

A scrape waits for the sample only briefly, and reports the last one where the database is slow or
gone.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import CapacityLimiter, to_thread
from sqlalchemy import func, select

from app.db.engine import Database
from app.db.lag import ReadingState, read_reading_state
from app.db.tables import (
    commits,
    dyads,
    house,
    imports,
    pull_items,
    pull_sources,
    watches,
)

MAX_WAIT_SECONDS = 0.15
"""Seconds that a scrape waits for a new sample."""


@dataclass(frozen=True, slots=True)
class DatabaseSample:
    """What the database said at one moment."""

    taken: float
    """Seconds since the epoch."""
    version: int
    changed: float
    """When the last change was made, in seconds since the epoch; 0 before the first."""
    imports: dict[str, int]
    """Imports by state."""
    oldest_waiting: float
    """Since when the oldest unstarted import waits, in seconds since the epoch; 0 for none."""
    stale_dyads: int
    watches: dict[str, int]
    """Watches by state."""
    watch_queue: int
    """Messages of watches that wait."""
    watch_lag: int
    """Changes that were not yet compared with all watches."""
    state: ReadingState
    """Where the database is read, and how far behind that is."""
    pull_items: dict[tuple[str, str], int]
    """Files of sources by source and state."""
    pull_newest: dict[str, float]
    """The newest slot or day of each source that is loaded, in seconds since the epoch."""
    pull_success: dict[str, float]
    """When a round over each source came to its end last, in seconds since the epoch."""


class DatabaseSampler:
    """Takes samples in a thread of its own, one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._limiter = CapacityLimiter(1)
        self._task: asyncio.Task[None] | None = None
        self.last: DatabaseSample | None = None
        self.is_reachable = False
        """Whether the last sample could be taken."""

    async def refresh_sample(self) -> None:
        """Take a new sample, and wait for it for at most `MAX_WAIT_SECONDS`."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._take_sample())
        done, _ = await asyncio.wait({self._task}, timeout=MAX_WAIT_SECONDS)
        if not done:
            self.is_reachable = False

    async def _take_sample(self) -> None:
        try:
            self.last = await to_thread.run_sync(
                read_sample, self._database, limiter=self._limiter, abandon_on_cancel=True
            )
            self.is_reachable = True
        except Exception:
            self.is_reachable = False


def read_sample(database: Database) -> DatabaseSample:
    """Read a sample from the database."""
    i, w, state = imports.c, watches.c, read_reading_state(database)
    with database.connect() as db:
        rows = db.execute(select(i.state, func.count()).group_by(i.state))
        states = {str(row[0]): int(row[1]) for row in rows}
        waiting = db.scalar(select(func.min(i.created_at)).where(i.state == "waiting"))
        newest = db.scalar(select(func.max(commits.c.at)))
        stale = select(func.count()).select_from(dyads)
        p = pull_items.c
        counted = select(p.source, p.state, func.count()).group_by(p.source, p.state)
        s = pull_sources.c
        known = db.execute(select(s.source, s.newest, s.last_success)).all()
        by_state = db.execute(select(w.state, func.count()).group_by(w.state))
        kept = {str(row[0]): int(row[1]) for row in by_state}
        position = db.scalar(select(house.c.value).where(house.c.name == "watches"))
        return DatabaseSample(
            taken=time.time(),
            version=state.version,
            changed=_read_instant(newest),
            imports=states,
            oldest_waiting=_read_instant(waiting),
            watches=kept,
            watch_queue=db.scalar(select(func.sum(w.pending))) or 0,
            watch_lag=state.version - int(position) if kept and position else 0,
            state=state,
            stale_dyads=db.scalar(stale.where(dyads.c.changed != dyads.c.segmented)) or 0,
            pull_items={(row[0], row[1]): row[2] for row in db.execute(counted)},
            pull_newest={row.source: _read_instant(row.newest) for row in known if row.newest},
            pull_success={
                row.source: _read_instant(row.last_success) for row in known if row.last_success
            },
        )


def _read_instant(text: str | None) -> float:
    """Read an instant in seconds since the epoch; one without a zone is in UTC."""
    if not text:
        return 0.0
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
