"""What a load is asked to do, and whom it tells how far it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from app.events.signals import SignalScale
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.recognize import AUTO
from app.ingest.readers.rows import Reject


class PreparerError(Exception):
    """A process that prepared batches failed or died; what was committed remains."""


LoadMode = Literal["upsert", "insert"]


@dataclass(slots=True)
class LoadOptions:
    """Options of a load, stored as JSON with each import."""

    format: str = AUTO
    dataset: str | None = None
    retract_missing: bool = False
    retract_window: str | None = None
    """The days that the file is a full release of, in EDTF; None: all."""
    create_actors: bool = False
    dry_run: bool = False
    mode: LoadMode = "upsert"
    """`insert`: a row that would change a stored event is rejected."""
    covers: str | None = None
    """The days, in EDTF, or the slot that the file is known to cover; None: as its rows say."""
    signals: SignalScale | None = None
    """How the signals of the dataset are derived; None: as they are, by the rules if it is new."""
    searched: bool | None = None
    """Whether the words of the dataset are searched; None: as it is, and they are if it is new."""


@dataclass(slots=True)
class LoadListener:
    """Callbacks by which a loader reports its progress."""

    on_reject: Callable[[Reject], None] = lambda _: None
    """Called for each rejected row, after its batch."""
    on_progress: Callable[[int, int], None] = lambda _rows, _position: None
    """Called with the rows done in this file and the bytes read of it."""
    check_interrupt: Callable[[], None] = lambda: None
    """Called every few rows, also before anything is stored; what it raises ends the load."""
    on_commit: Callable[[Connection, LoadStats, Sequence[Reject]], None] | None = None
    """Called in the transaction of each batch, also of one that changes nothing."""
