"""The background work of watches, in one process of a database: matching and delivering."""

import logging
import threading
import time

from app.db.engine import Database
from app.db.leadership import CLAIM_INTERVAL, DatabaseLeadership
from app.settings import Settings
from app.watches.dispatcher import DELAYS, WatchDispatcher
from app.watches.matching import WatchMatcher
from app.watches.shift_watch import check_touched_shifts

POLL_SECONDS = 1.0
"""Seconds after which writes of other processes are looked for."""
RETRY_SECONDS = 5.0
MAX_WAIT_SECONDS = 60.0
"""Seconds for which watched shifts wait at most for those of all dyads."""
log = logging.getLogger("entente.watches")


class WatchWorker:
    """Two threads: one compares changes with watches, the other delivers what they have to say."""

    def __init__(
        self, database: Database, settings: Settings, delays: tuple[float, ...] = DELAYS
    ) -> None:
        self.database = database
        self.matcher = WatchMatcher(database)
        self.dispatcher = WatchDispatcher(database, settings, delays)
        self._leadership = DatabaseLeadership(database, "watches")
        self._leads = False
        self._defaults = settings.alignment_datasets
        self._shifts_checked = time.monotonic()
        self._due, self._closed = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._match_until_closed, name="watches", daemon=True),
            threading.Thread(
                target=self.dispatcher.run_until_closed,
                args=(lambda: self._leads,),
                name="deliveries",
                daemon=True,
            ),
        ]

    def start(self) -> None:
        """Start both threads, and listen to the writes of this process."""
        self.database.after_commit.append(self.wake)
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at once for changes and for what is due."""
        self._due.set()
        self.dispatcher.wake()

    def close(self) -> None:
        """Stop both threads; what they did not finish, the next process does."""
        self._closed.set()
        self._due.set()
        self.dispatcher.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._leadership.resign()

    def _match_until_closed(self) -> None:
        while not self._closed.is_set():
            try:
                self._leads = self._leadership.claim()
                if not self._leads:
                    self._closed.wait(CLAIM_INTERVAL)
                    continue
                self._due.clear()
                found = self.matcher.match_batch() or self._check_shifts()
                if found:
                    self.dispatcher.wake()
                else:
                    self._due.wait(POLL_SECONDS)
            except Exception:
                log.exception("cannot compare changes with watches; it is tried again")
                self._closed.wait(RETRY_SECONDS)

    def _check_shifts(self) -> bool:
        """Compute watched shifts again, once those of all dyads are up to date or after a while."""
        now = time.monotonic()
        waits = now - self._shifts_checked < MAX_WAIT_SECONDS
        spoke = check_touched_shifts(self.database, self._defaults, waits_for_rebuild=waits)
        if spoke or not waits:
            self._shifts_checked = now
        return bool(spoke)
