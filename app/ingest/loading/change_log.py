"""What was written while batches of a load were being prepared elsewhere."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.ingest.loading.reference_cache import OtherChanges
from app.sources.source_ids import identify_web_source, is_derived_id
from app.sources.source_records import NewSource

MAX_OWN_RANGES = 64
"""Ranges that are kept; rows of older ones are read like those of others."""


@dataclass(slots=True)
class ChangeLog:
    """Changes since the oldest batch under way was begun, by the version that they led to."""

    is_kept: bool = False
    """Whether batches are prepared elsewhere; otherwise nothing is noted."""
    own: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MAX_OWN_RANGES))
    """The `seq` before the first one and the last one of what this load has written."""
    _entries: deque[tuple[int, OtherChanges | None]] = field(default_factory=deque)

    def note_others(self, version: int, changes: OtherChanges | None) -> None:
        """Note what others have changed; None: too much to list."""
        if self.is_kept:
            self._entries.append((version, changes))

    def note_batch(self, before: int, version: int, sources: Mapping[str, NewSource]) -> None:
        """Note what a batch of this load has written: its events are in no other batch."""
        if not self.is_kept:
            return
        named = [s.cited.url for key, s in sources.items() if not is_derived_id(key)]
        if any(named):
            # Pages that had ids by their addresses have these from now on.
            ids = {identify_web_source(url)[1] for url in named if url}
            self._entries.append((version, OtherChanges({"source": ids}, sources)))
            return
        self._entries.append((version, OtherChanges({}, sources)))
        if self.own and self.own[-1][1] == before:
            self.own[-1] = (self.own[-1][0], version)
        else:
            self.own.append((before, version))

    def list_since(self, version: int) -> OtherChanges | None:
        """List what has changed since a version; None where that is not known."""
        ids: dict[str, set[str]] = {}
        added: dict[str, NewSource] = {}
        for until, changes in self._entries:
            if until <= version:
                continue
            if changes is None:
                return None
            added.update(changes.added)
            for kind, changed in changes.ids.items():
                ids.setdefault(kind, set()).update(changed)
        return OtherChanges(ids, added)

    def forget_until(self, version: int) -> None:
        """Forget what no batch under way needs."""
        while self._entries and self._entries[0][0] <= version:
            self._entries.popleft()
