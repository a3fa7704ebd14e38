"""Record when keys were last used, apart from the requests: no reader waits for a write lock."""

import logging
import threading

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.access.keys import Principal, record_key_use
from app.db.engine import Database
from app.errors import ReadOnlyServiceError

log = logging.getLogger("entente.keys")
CLOSING_SECONDS = 5.0


class KeyUseRecorder:
    """Records uses of keys in a thread, one at a time; those that come meanwhile are left out.

    A use is recorded once a minute at most, so what is left out is recorded by the next request.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def record_use(self, principal: Principal) -> None:
        """Record a use if it has to be, as soon as the database can be written."""
        if not principal.last_used_is_stale:
            return
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._write_use, args=(principal,), name="key-use", daemon=True
                )
                self._thread.start()

    def finish_recording(self) -> None:
        """Wait for the use that is being recorded, but not for long."""
        if self._thread is not None:
            self._thread.join(CLOSING_SECONDS)

    def _write_use(self, principal: Principal) -> None:
        try:
            with self._database.write() as db:
                record_key_use(db, principal)
        except ReadOnlyServiceError:
            log.debug("a standby does not record the uses of keys")
        except (DBAPIError, PoolTimeoutError) as failed:
            log.info("the use of a key was not recorded: %s", failed)
