"""What is not marked `slow` starts no process: `make quick` waits for none.

Programs, forks and the processes of `multiprocessing` are refused while such a test runs.
"""

import os
from collections.abc import Callable, Iterator
from multiprocessing import popen_fork, popen_forkserver, popen_spawn_posix
from subprocess import Popen
from typing import Any, Final

import pytest

STARTS: Final[list[tuple[Any, str]]] = [
    (Popen, "__init__"),
    (popen_fork.Popen, "_launch"),
    (popen_spawn_posix.Popen, "_launch"),
    (popen_forkserver.Popen, "_launch"),
    (os, "fork"),
    (os, "posix_spawn"),
]
"""Where processes begin."""


class NoProcesses:
    """Refuses processes to tests that are not marked as slow."""

    def __init__(self) -> None:
        self._running: pytest.Item | None = None
        for owner, name in STARTS:
            setattr(owner, name, self._watch(getattr(owner, name)))

    def _watch(self, start: Callable[..., Any]) -> Callable[..., Any]:
        def start_unless_quick(*values: Any, **named: Any) -> Any:
            if self._running is not None:
                pytest.fail(f"{self._running.nodeid} starts a process: mark it slow")
            return start(*values, **named)

        return start_unless_quick

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Know which quick test is running, its fixtures included."""
        self._running = None if item.get_closest_marker("slow") else item
        try:
            return (yield)
        finally:
            self._running = None
