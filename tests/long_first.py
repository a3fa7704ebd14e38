"""What takes long begins first, so that at the end no process is left alone with it.

pytest-xdist gives each process a stretch of the tests, and those that are done take over from the
ends of the others' stretches.
"""

from itertools import groupby

import pytest
from turns import find_kind

LONG_FILES = {"test_service_terminal.py", "test_standbys.py", "test_wheel.py", "test_workers.py"}
"""They would come last, and start servers or processes that all tests of a file share."""


def takes_long(item: pytest.Item) -> bool:
    """Whether a test takes long by nature, or is in a file of such tests."""
    return item.get_closest_marker("soak") is not None or item.path.name in LONG_FILES


def put_long_first(items: list[pytest.Item], processes: int) -> None:
    """Begin the stretch of each process with some of the tests that take long."""
    stretches: list[list[pytest.Item]] = [[] for _ in range(processes)]
    long = [item for item in items if takes_long(item)]
    blocks = groupby(long, lambda item: (item.path, find_kind(item)))
    for number, (_, block) in enumerate(blocks):
        stretches[number % processes] += block
    others = [item for item in items if not takes_long(item)]
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
