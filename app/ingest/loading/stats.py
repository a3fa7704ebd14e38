"""Statistics of a load: how many rows had which result, and which names no actor has."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.events.schemas import NameKind
from app.events.unresolved import NamedParty, NameTotal

MAX_REASONS = 1000
"""Distinct reasons or warnings that are kept when there are many more."""
MAX_NAMES = 50_000
"""Distinct unresolved names that are counted one by one; of further ones only the sum is kept."""
_VARYING_PARTS = re.compile(r"'(?:[^'\\]|\\.)*'|(?<![\w-])[0-9,]+(?![\w-])")
"""Quoted values and numbers in a message, which differ from row to row."""


@dataclass(slots=True)
class NameCounts:
    """The unresolved names of a load; memory is bounded, and each count that is kept is exact."""

    totals: dict[tuple[NameKind, str], NameTotal] = field(default_factory=dict)
    further: int = 0
    """Occurrences of names that came when `MAX_NAMES` others were known."""

    def add_name(self, party: NamedParty, day: str) -> None:
        """Count an occurrence of a name on a day."""
        self._add_total(NameTotal(*party, 1, day, day))

    def add_counts(self, other: "NameCounts") -> None:
        """Add the names of a part of the load."""
        self.further += other.further
        self.add_totals(other.totals.values())

    def add_totals(self, totals: Iterable[NameTotal]) -> None:
        """Add names with their occurrences."""
        for total in totals:
            self._add_total(total)

    def _add_total(self, more: NameTotal) -> None:
        known = self.totals.get(more[:2])
        if known is not None:
            days = min(known.first, more.first), max(known.last, more.last)
            label = known.label or more.label
            self.totals[more[:2]] = NameTotal(*more[:2], label, known.times + more.times, *days)
        elif len(self.totals) < MAX_NAMES:
            self.totals[more[:2]] = more
        else:
            self.further += more.times

    def list_by_frequency(self) -> list[NameTotal]:
        """List the names, the most frequent first."""
        return sorted(self.totals.values(), key=lambda total: (-total.times, total.name))


@dataclass(slots=True)
class LoadStats:
    """Counts of rows; new, changed, unchanged, rejected and duplicates add up to rows."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    retracted: int = 0
    rejected: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Reasons of rejected rows."""
    warnings: Counter[str] = field(default_factory=Counter)
    """Warnings about rows that were stored."""
    parties: int = 0
    """Participants for which the rows name an actor."""
    unresolved_parties: int = 0
    """Those of them whose name or code is not that of exactly one actor."""
    names: NameCounts = field(default_factory=NameCounts)
    """The names of unresolved parties and countries."""

    def add_stats(self, other: "LoadStats") -> None:
        """Add the statistics of a part of the load."""
        for name in (*COUNT_NAMES, *PARTY_COUNT_NAMES):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.names.add_counts(other.names)
        for name in ("reasons", "warnings"):
            ours: Counter[str] = getattr(self, name)
            ours.update(getattr(other, name))
            if len(ours) > 2 * MAX_REASONS:
                setattr(self, name, Counter(dict(ours.most_common(MAX_REASONS))))

    def count_rejects(self, wrongs: Iterable[Exception]) -> None:
        """Count rejected rows by reason; values and numbers within reasons are masked."""
        for wrong in wrongs:
            self.rejected += 1
            self.reasons[_VARYING_PARTS.sub("…", str(wrong))[:200]] += 1

    def counts_by_name(self) -> dict[str, Any]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in COUNT_NAMES}


COUNT_NAMES = ("rows", "new", "changed", "unchanged", "retracted", "rejected", "duplicates")
PARTY_COUNT_NAMES = ("parties", "unresolved_parties")
