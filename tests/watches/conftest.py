"""Retries of messages come soon in the tests of watches."""

import pytest

from app.watches.worker import WatchWorker


@pytest.fixture(autouse=True)
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come soon, and are given up after the third."""
    monkeypatch.setattr(WatchWorker.__init__, "__defaults__", ((0.02, 0.02),))
