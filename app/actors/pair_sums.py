"""What passed between two actors, as answers outside alignment show it. Pure."""

from dataclasses import dataclass

Stretch = tuple[str, str]
"""The first and the last day, both inclusive."""


@dataclass(frozen=True, slots=True)
class PairSums:
    """What passed between two actors in a stretch of days, and the index at its end."""

    positive: float
    negative: float
    index: float | None
    """None before the first signal."""
