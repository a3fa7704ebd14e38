"""Notification of the readers of the change stream after every write."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.db.dialect import watch_external_writes
from app.db.engine import Database


class ChangeNotifier:
    """Wakes the followers in one process after its own writes and those of other processes.

    The thread that listens for writes of other processes starts with the first follower.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener: threading.Thread | None = None
        database.after_commit.append(self.wake_followers)

    @contextmanager
    def add_follower(self) -> Iterator[asyncio.Event]:
        """Add a follower: an event that is set when there may be new changes.

        Has to be called on the event loop.
        """
        woken = asyncio.Event()
        with self._lock:
            self._waiting[woken] = asyncio.get_running_loop()
            if self._listener is None:
                self._listener = threading.Thread(target=self._listen_for_writes, daemon=True)
                self._listener.start()
        try:
            yield woken
        finally:
            with self._lock:
                del self._waiting[woken]

    @property
    def follower_count(self) -> int:
        """The number of followers."""
        return len(self._waiting)

    @property
    def is_ended(self) -> bool:
        """Whether the service is shutting down."""
        return self._ended.is_set()

    def wake_followers(self) -> None:
        """Wake every follower; may be called from any thread."""
        with self._lock:
            for woken, loop in self._waiting.items():
                loop.call_soon_threadsafe(woken.set)

    def dismiss_followers(self) -> None:
        """Signal every follower to end, since the service shuts down."""
        self._ended.set()
        self.wake_followers()

    def stop_listening(self) -> None:
        """Dismiss every follower, and stop listening for other processes."""
        self.dismiss_followers()
        if self._listener is not None:
            self._listener.join(5)

    def _listen_for_writes(self) -> None:
        for _ in watch_external_writes(self._database.reading_engine, self._ended):
            self.wake_followers()
