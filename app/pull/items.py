"""What is pulled: the files of a source, the window that is asked for, and errors. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from app.ingest.loading.load_options import LoadOptions
from app.ingest.remote.address import FileAddress
from app.ingest.remote.download import Download
from app.sources.schemas import Dataset

DONE_STATES = ("loaded", "empty")
"""States of items that need nothing more."""
OPEN_STATES = ("listed", "late", "missing", "failed", "bad", "refused")
"""States of items that are asked for again; a missing one only until a week after its stamp."""


TIMELESS = "0001-01-01"
"""The stamp of items that are of no day, and in every window."""


class PullError(Exception):
    """A pull cannot go on; `exit_code` is that of the command."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class OverForTodayError(PullError):
    """A source gives nothing more until tomorrow."""


class BadFileError(Exception):
    """A file is not what the source should have there."""


class MissingItemError(Exception):
    """A source does not have what it should have."""


class RefusedError(Exception):
    """A source does not give what it has; a person has to do something about it."""


class PullWindow(NamedTuple):
    """The stretch of time that is asked for, in UTC; None: open."""

    since: datetime | None = None
    until: datetime | None = None

    def contains(self, stamp: str) -> bool:
        """Return whether an item of a day or slot is in the window."""
        if stamp == TIMELESS:
            return True
        return (
            self.since is None or stamp >= self.since.strftime("%Y-%m-%dT%H:%M")[: len(stamp)]
        ) and (self.until is None or stamp <= self.until.strftime("%Y-%m-%dT%H:%M")[: len(stamp)])


@dataclass(slots=True)
class PullItem:
    """A file, slot or release of a source, and what is known of it."""

    stream: str
    name: str
    url: str
    stamp: str
    """The slot (`2026-01-01T00:15`) or the day that it is of."""
    size: int | None = None
    checksum: str = ""
    """Such as `md5:…`; empty where the source gives none."""
    state: str = "listed"
    etag: str = ""
    last_modified: str = ""
    tries: int = 0
    next_try: str | None = None
    first_listed: str = ""
    loaded_at: str | None = None
    publications: int = 0
    rows: int | None = None
    rejected: int | None = None
    error: str | None = None
    again: bool = False
    """Whether it is to be asked for even if it is done: what it names changes."""

    @property
    def address(self) -> FileAddress:
        """The address of the file, with its checksum."""
        algorithm, _, digest = self.checksum.partition(":")
        return FileAddress(self.url, algorithm, digest)


@dataclass(slots=True)
class SourceState:
    """What the ledger knows of a source as a whole."""

    source: str
    terms_accepted: str | None = None
    mark: str | None = None
    newest: str | None = None
    restriction: str | None = None
    lists: dict[str, str] = field(default_factory=dict)
    last_round: str | None = None
    last_success: str | None = None
    error: str | None = None


@dataclass(slots=True)
class Fetched:
    """What was fetched of an item: the file to load, unless nothing has changed."""

    path: Path | None
    download: Download | None = None
    covers: str | None = None
    retracts: Sequence[str] = ()
    """Keys of events that the source has withdrawn."""
    mark: str | None = None
    """The new mark of the source, once the file is loaded."""
    restriction: str | None = None
    """What the source said that it does not show."""


class Fetch(Protocol):
    """Asks a source: the one way in which anything is requested."""

    @property
    def now(self) -> datetime:
        """The source's own time."""

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
        """Fetch a file; raises `DownloadError`."""

    def read(self, url: str, **asked: Any) -> bytes:
        """Fetch a small file and return its content; raises `DownloadError`."""


@dataclass(frozen=True, slots=True)
class KnownItems:
    """What the ledger knows already of a source's items."""

    find: Callable[[str, str, str], dict[str, PullItem]]
    """Items of a stream from one stamp to another, by name."""
    newest: Callable[[str], str | None]
    """The latest stamp of a stream."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a source is asked with: the wire, what is known of the source, and the window."""

    wire: Fetch
    state: SourceState
    known: KnownItems
    window: PullWindow


class PullSource(Protocol):
    """A source: what it has, and how it is fetched and loaded."""

    name: str
    dataset: Dataset
    terms: str
    every: int
    """Seconds between two looks at it."""

    def list_items(self, asking: Asking) -> list[PullItem]:
        """List what the source has or should have in a window; asks for lists alone."""

    def fetch_item(self, asking: Asking, item: PullItem, folder: Path) -> Fetched:
        """Fetch an item; raises `DownloadError`, or an error that says what is wrong with it."""

    def count_late_hours(self, item: PullItem, /) -> float:
        """Return the hours from its stamp for which the file of an item may still come."""

    def choose_options(self, item: PullItem, /) -> LoadOptions:
        """Choose how the file of an item is loaded."""
