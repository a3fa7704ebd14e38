"""The one way in which sources are asked: one connection, with pauses, by the source's clock."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.ingest.remote.address import FileAddress, parse_address
from app.ingest.remote.connections import ConnectionKeeper
from app.ingest.remote.download import Download, DownloadLimits, FileRequest, fetch_file
from app.ingest.remote.errors import DownloadError
from app.settings import Settings

ATTEMPTS = 4
"""Requests for one file in one round."""
MAX_SKEW = timedelta(minutes=5)
"""Difference between our clock and a source's from which on it is warned about."""
MAX_BYTES = 4 << 30
"""Largest file of a source, in bytes."""
log = logging.getLogger("entente.pull")


@dataclass(slots=True)
class Wire:
    """Asks one source, politely."""

    settings: Settings
    sleep: Callable[[float], None] = time.sleep
    requests: int = 0
    received: int = 0
    """Requests made, repeated ones not counted, and bytes that arrived."""
    first_wait: float = 1.0
    _keeper: ConnectionKeeper = field(init=False)
    _skew: timedelta = timedelta(0)
    _asked_at: float = -1e9
    _has_warned: bool = False

    def __post_init__(self) -> None:
        self._keeper = ConnectionKeeper(self.settings.allow_private_addresses)

    @property
    def now(self) -> datetime:
        """The source's own time, which ages go by; ours before the first answer."""
        return datetime.now(UTC) + self._skew

    def fetch(
        self,
        address: FileAddress,
        folder: Path,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        etag: str = "",
        last_modified: str = "",
        tail: int = 0,
    ) -> Download:
        """Fetch a file, after a pause; raises `DownloadError`."""
        self.sleep(max(0.0, self._asked_at + self.settings.pull_pause - time.monotonic()))
        self._asked_at = time.monotonic()
        self.requests += 1
        limits = DownloadLimits(
            MAX_BYTES,
            self.settings.allow_private_addresses,
            self.settings.contact,
            ATTEMPTS,
            self.first_wait,
        )
        request = FileRequest(address, headers or {}, content, etag, last_modified, tail)
        try:
            done = fetch_file(request, folder, limits, keeper=self._keeper)
        except DownloadError as failed:
            self._compare_clocks(failed.date)
            raise
        self._compare_clocks(done.date)
        if not done.is_unchanged:
            self.received += done.path.stat().st_size
        return done

    def read(self, url: str, **asked: Any) -> bytes:
        """Fetch a small file and return its content; raises `DownloadError`."""
        with TemporaryDirectory(prefix="entente-pull-") as folder:
            done = self.fetch(parse_address(url), Path(folder), **asked)
            return b"" if done.is_unchanged else done.path.read_bytes()

    def close(self) -> None:
        """Close the connection."""
        self._keeper.close()

    def _compare_clocks(self, date: str) -> None:
        try:
            said = parsedate_to_datetime(date)
        except (TypeError, ValueError):
            return
        if said.tzinfo is None:
            said = said.replace(tzinfo=UTC)
        skew = said - datetime.now(UTC)
        # `Date` has whole seconds, and an answer takes a moment.
        self._skew = skew if abs(skew) > timedelta(seconds=5) else timedelta(0)
        if abs(skew) > MAX_SKEW and not self._has_warned:
            self._has_warned = True
            log.warning(
                "the source's clock and this machine's differ by %d seconds; its own counts",
                int(skew.total_seconds()),
            )
