"""What `make quick` runs starts no process."""

import multiprocessing
import os
import subprocess
from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.run(["true"], check=True),
        os.fork,
        multiprocessing.get_context("fork").Process().start,
        multiprocessing.get_context("spawn").Process().start,
        multiprocessing.get_context("forkserver").Process().start,
    ],
    ids=["program", "fork", "forked", "spawned", "of the fork server"],
)
def test_a_quick_test_starts_no_process(start: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match="mark it slow"):
        start()


@pytest.mark.slow
def test_a_slow_one_may() -> None:
    assert subprocess.run(["true"], check=False).returncode == 0
