"""Statistics of a load: how many rows had which result, and why."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MAX_REASONS = 1000
"""Distinct reasons, warnings or actors that are kept when there are many more."""
_VARYING_PARTS = re.compile(r"'(?:[^'\\]|\\.)*'|(?<![\w-])[0-9,]+(?![\w-])")
"""Quoted values and numbers in a message, which differ from row to row."""


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
    unknown: Counter[str] = field(default_factory=Counter)
    """Unknown actors, by the name or code in the file."""

    def add_stats(self, other: "LoadStats") -> None:
        """Add the statistics of a part of the load."""
        for name in COUNT_NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("reasons", "warnings", "unknown"):
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
