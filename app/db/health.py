"""What failures of the database say about its health, for `/readyz`, metrics and the log."""

import time
from collections import Counter
from threading import Lock
from typing import get_args

from app.db.failures import FailureKind, classify_failure, describe_cause

MEMORY_SECONDS = 60.0
"""Seconds for which a full or read-only database is remembered after its last failed write."""
LASTING_KINDS: dict[FailureKind, str] = {
    "damaged": "the database's files are damaged",
    "full": "the database has no space left",
    "read-only": "the database accepts no writes",
}
"""Kinds of failure that trying again does not end, and what each says."""


class DatabaseHealth:
    """Counts the failures of a database and remembers the lasting ones.

    Damage is remembered until the process ends. A full or read-only database is until a write
    succeeds, or a minute passes without a failure.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._lasting: dict[FailureKind, tuple[float, str]] = {}
        self.counts: Counter[str] = Counter(dict.fromkeys(get_args(FailureKind), 0))
        """Failures since the start of the process, by kind."""

    def note_failure(self, failed: Exception) -> None:
        """Take a failure of the database into account; faults of statements are none."""
        kind = classify_failure(failed)
        if kind is not None:
            with self._lock:
                self.counts[kind] += 1
                if kind in LASTING_KINDS:
                    self._lasting[kind] = (time.monotonic(), describe_cause(failed))

    def note_write(self) -> None:
        """Take a successful write into account."""
        if self._lasting:
            with self._lock:
                self._lasting = {k: v for k, v in self._lasting.items() if k == "damaged"}

    def find_lasting_failure(self) -> tuple[FailureKind, str] | None:
        """Return the gravest lasting failure, and its reason with the driver's message."""
        now = time.monotonic()
        for kind, words in LASTING_KINDS.items():
            at, cause = self._lasting.get(kind, (0.0, ""))
            if cause and (kind == "damaged" or now - at < MEMORY_SECONDS):
                return kind, f"{words} ({cause})"
        return None
