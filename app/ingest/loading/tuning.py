"""Settings of a process that does nothing but load."""

import gc

from app.db.dialect.bulk_copy import prepare_bulk_load
from app.db.engine import Database
from app.processors import count_processors

GC_THRESHOLDS = (2_000_000, 10, 100)
"""Thresholds of garbage collection; the defaults cost a third of the time of a load."""

MAX_JOBS = 64
DEFAULT_JOBS = 2
"""Processes that share a large file where there are as many cores."""
# One process prepares events about as fast as another one writes them: a third has little to do.


def choose_jobs() -> int:
    """Choose the number of processes of a load, by the cores that this one may use."""
    return max(1, min(DEFAULT_JOBS, count_processors()))


def tune_process_for_loading(database: Database) -> None:
    """Tune this process for loading: database settings and garbage collection."""
    with database.engine.connect() as db:
        prepare_bulk_load(db)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
