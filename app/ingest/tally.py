"""What became of the rows of a load."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MOST_REASONS = 1000
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|(?<![\w-])[0-9,]+(?![\w-])")
"""What differs from row to row: values and numbers."""


@dataclass(slots=True)
class Tally:
    """Counts; new, changed, unchanged, rejected and duplicates add up to rows."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    retracted: int = 0
    rejected: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why rows were rejected."""
    warnings: Counter[str] = field(default_factory=Counter)
    """What is odd about rows that were stored."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Actors that nobody knows, by the name or code that was given."""

    def add(self, other: "Tally") -> None:
        """Take in the counts of a part."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("reasons", "warnings", "unknown"):
            ours: Counter[str] = getattr(self, name)
            ours.update(getattr(other, name))
            if len(ours) > 2 * MOST_REASONS:
                setattr(self, name, Counter(dict(ours.most_common(MOST_REASONS))))

    def reject(self, wrongs: Iterable[Exception]) -> None:
        """Count rows that could not be understood, by reason."""
        for wrong in wrongs:
            self.rejected += 1
            self.reasons[_QUOTED.sub("…", str(wrong))[:200]] += 1

    def counts(self) -> dict[str, Any]:
        """The counts by name."""
        return {name: getattr(self, name) for name in COUNTS}


COUNTS = ("rows", "new", "changed", "unchanged", "retracted", "rejected", "duplicates")
