"""Look whether anything was committed since the last look, without a statement in a thread."""

import sqlite3
from contextlib import suppress

from sqlalchemy import Engine


class CommitWatch:
    """A connection to SQLite that asks for `data_version`, which changes with each commit.

    It changes whichever process commits, and as soon as it has. Asking reads shared memory alone;
    where it would have to wait, there is no answer.
    PostgreSQL has nothing like it: there `read_state` always returns None.
    """

    def __init__(self, engine: Engine) -> None:
        self._path = engine.url.database if engine.dialect.name == "sqlite" else None
        self._connection: sqlite3.Connection | None = None

    def read_state(self) -> int | None:
        """Return a number that stays the same until the next commit; None where that is unknown."""
        if not self._path:
            return None
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    self._path, timeout=0, isolation_level=None, check_same_thread=False
                )
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            self.close()
            return None

    def close(self) -> None:
        """Close the connection; the next look opens another one."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
