"""What takes long by nature begins first, so that at the end no process is left alone with it.

pytest-xdist gives each process a stretch of the tests, and those that are done take over from the
ends of the others' stretches.
"""

from itertools import groupby

import pytest
from turns import find_kind


def put_long_first(items: list[pytest.Item], processes: int) -> None:
    """Begin the stretch of each process with some of the tests that are marked `soak`."""
    stretches: list[list[pytest.Item]] = [[] for _ in range(processes)]
    long = [item for item in items if item.get_closest_marker("soak") is not None]
    blocks = groupby(long, lambda item: (item.path, find_kind(item)))
    for number, (_, block) in enumerate(blocks):
        stretches[number % processes] += block
    others = [item for item in items if item.get_closest_marker("soak") is None]
    left = len(items)
    for number, stretch in enumerate(stretches):
        size = left // (processes - number)
        missing = max(0, size - len(stretch))
        stretch += others[:missing]
        del others[:missing]
        left -= len(stretch)
    items[:] = [item for stretch in stretches for item in stretch] + others


class LongFirst:
    """Orders the tests of a run of several processes."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Order them after all else has: by database, and without what is left out."""
        put_long_first(items, int(config.workerinput["workercount"]))  # type: ignore[attr-defined]
