"""Lineages: which history a version belongs to, where a number was given out twice.

Versions count changes. Where a database goes back to an earlier version (a backup is restored, a
standby that lagged is promoted), the numbers after that fork are given out again. Each fork begins
a lineage, and a version belongs to the lineage in which it was written. Pure.
"""

from dataclasses import dataclass
from functools import cached_property

LINEAGE_LENGTH = 8
"""Hexadecimal digits of the name of a lineage."""
UNNAMED = "0" * LINEAGE_LENGTH
"""The only lineage of a database whose table of lineages is empty."""


class StateGoneError(Exception):
    """A version is named that belongs to a history which this database has left.

    `current` is the name of the lineage that it is in now.
    """

    def __init__(self, message: str, current: str) -> None:
        super().__init__(message)
        self.current = current


@dataclass(frozen=True, slots=True)
class Lineage:
    """A lineage of a database, and where it left its parent."""

    lineage: str
    parent: str | None
    """None for the first."""
    forked_at: int
    """The last version that it shares with its parent; 0 for the first."""
    at: str
    """The instant at which it began."""
    reason: str


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The lineages that led to the present, oldest first; the last one is current."""

    lineages: tuple[Lineage, ...]

    @property
    def current(self) -> str:
        """The name of the current lineage."""
        return self.lineages[-1].lineage

    def find_lineage(self, version: int) -> str:
        """Return the name of the lineage in which a version was written."""
        for one in reversed(self.lineages):
            if one.forked_at < version:
                return one.lineage
        return self.lineages[0].lineage

    def require_version(self, lineage: str | None, version: int) -> None:
        """Raise `StateGoneError` where the version of a lineage (None: the first) was left."""
        self._require_shared(self._find_place(lineage), version)

    def require_instant(self, lineage: str | None, instant: str, version: int) -> None:
        """Raise `StateGoneError` where an instant, now of this version, may mean a lost one.

        That is from a fork until its lineage began. Without a lineage, later instants are of the
        lineage that was current then; with one, they lie after its end.
        """
        place = self._find_place(lineage)
        if lineage is not None:
            self._require_shared(place, version)
        for one in self.lineages[place + 1 :]:
            if version >= one.forked_at and (lineage is not None or instant < one.at):
                raise StateGoneError(_explain_fork(one), self.current)

    def _find_place(self, lineage: str | None) -> int:
        for place, one in enumerate(self.lineages):
            if lineage in (one.lineage, None):
                return place
        raise StateGoneError(
            f"The lineage {lineage} is of another database, or of a history that this one has left;"
            f" it is now in {self.current}.",
            self.current,
        )

    def _require_shared(self, place: int, version: int) -> None:
        for one in self.lineages[place + 1 :]:
            if version > one.forked_at:
                raise StateGoneError(_explain_fork(one), self.current)


def _explain_fork(left_by: Lineage) -> str:
    return (
        f"This was given out in lineage {left_by.parent}, which the database left after version"
        f" {left_by.forked_at}, on {left_by.at[:10]} ({left_by.reason}): what came later there is"
        f" not known here. The same number means something else with lineage={left_by.lineage}."
    )


class Version(int):
    """A version of the database, or the `seq` of a change, with the lineages that led to it."""

    ancestry: Ancestry

    def __new__(cls, number: int, ancestry: Ancestry) -> "Version":
        """Make the version of this number."""
        made = super().__new__(cls, number)
        made.ancestry = ancestry
        return made

    @cached_property
    def lineage(self) -> str:
        """The name of the lineage in which it was written."""
        return self.ancestry.find_lineage(self)

    @property
    def label(self) -> str:
        """The number and its lineage, as in ETags and the ids of streamed events."""
        return f"{int(self)}.{self.lineage}"
