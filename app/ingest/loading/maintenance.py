"""After a load, bring PostgreSQL up to date with what is new, wherever the load came from.

Its statistics are brought up to date (decision 044), and its indexes are rewritten without gaps
(decision 046).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.db.compaction import CompactionDelayedError, compact_database
from app.db.dialect import is_sqlite
from app.db.engine import Database
from app.db.table_statistics import refresh_statistics
from app.db.tables import events

LEAST_EVENTS = 100_000
"""New events up to which a load leaves the indexes as they are."""
LEAST_SHARE = 0.5
"""The share of all events that are new, below which rewriting each index is not worth it.

So an index of a database that grows by loads is rewritten when it has doubled.
"""
LEAST_EVENTS_FOR_STATISTICS = 5_000
"""New events up to which PostgreSQL is left to notice them by itself, within minutes."""
LEAST_SHARE_FOR_STATISTICS = 0.1
"""The share of all events at which it would do so, by its defaults."""
PATIENCE_SECONDS = 60
"""Seconds to wait for a transaction of others, where no person waits who could give up."""
# A session that was left open within a transaction would stop all imports until it ends.
ON_SQLITE = "SQLite plans without statistics, and to rewrite its file would stop writers"
IS_ENDING = "the process is ending"
log = logging.getLogger("entente.loads")


@dataclass(frozen=True, slots=True)
class MaintenanceTerms:
    """How a database is brought up to date after a load."""

    compact: bool | None = None
    """Rewrite the indexes, on SQLite the file, in any case or never; None: as they are due."""
    patience: int = PATIENCE_SECONDS
    """Seconds to wait for each transaction of others that is in the way; 0: until it ends."""
    is_ended: Callable[[], bool] = lambda: False
    """Asked whether the process has to end."""
    say: Callable[[int, str], None] = log.log
    """Called with a level of `logging` and a message: what was done, and what was refused."""


def maintain_after_load(
    database: Database, new: int, terms: MaintenanceTerms | None = None
) -> str | None:
    """Bring PostgreSQL up to date after a load of so many new events, while others read and write.

    Returns why nothing was done, or None. What was loaded is committed before, so that a refusal of
    the database is said and not raised.
    """
    terms = terms or MaintenanceTerms()
    if terms.is_ended():
        return IS_ENDING
    reasons = []
    for step, failure in (
        (_refresh_if_due, "statistics are not up to date"),
        (_compact_if_due, "the indexes were not compacted"),
    ):
        try:
            reasons.append(step(database, new, terms))
        except (SQLAlchemyError, CompactionDelayedError) as refused:
            cause = refused.orig if isinstance(refused, DBAPIError) else refused
            reasons.append(str(cause).partition("\n")[0])
            terms.say(logging.WARNING, f"loaded, but {failure}: {reasons[-1]}")
    return None if None in reasons else reasons[0]


def _refresh_if_due(database: Database, new: int, terms: MaintenanceTerms) -> str | None:
    least, share = LEAST_EVENTS_FOR_STATISTICS, LEAST_SHARE_FOR_STATISTICS
    if (why := _explain_small_load(database, new, least, share)) is not None:
        return why
    if warnings := refresh_statistics(database, terms.patience):
        terms.say(logging.WARNING, f"loaded, but statistics are not up to date: {warnings[0]}")
        return warnings[0]
    terms.say(logging.INFO, f"statistics are up to date with {new:,} new rows")
    return None


def _compact_if_due(database: Database, new: int, terms: MaintenanceTerms) -> str | None:
    if terms.compact is False:
        return "indexes are not to be rewritten"
    if terms.compact is None:
        why = _explain_small_load(database, new, LEAST_EVENTS, LEAST_SHARE)
        if why is not None:
            return why
    before = after = 0
    for done in compact_database(database, patience=terms.patience):
        before, after = before + done.before, after + done.after
        if terms.is_ended():
            break
    terms.say(logging.INFO, f"indexes compacted: {before:,} bytes became {after:,}")
    return None


def _explain_small_load(database: Database, new: int, least: int, share: float) -> str | None:
    """Return why so many new events are not enough, or not enough of all; None if they are.

    Never enough on SQLite, where writers would wait, and a copy of the whole file needs room.
    """
    if new < least:
        return f"fewer than {least:,} rows are new"
    most = int(new / share)
    some_events = select(events.c.id).limit(most + 1).subquery()
    with database.connect() as db:
        if is_sqlite(db):
            return ON_SQLITE
        found = int(db.scalar(select(func.count()).select_from(some_events)) or 0)
    return f"less than {share:.0%} of all events are new" if found > most else None
