"""Counts that processes share: each client has its own, and many clients do no harm."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.http import shared_counts
from app.http.shared_counts import BUCKETS, PLACES, PROCESS_FOLDER, SharedCounts

COUNT_IN_ANOTHER_PROCESS = (
    "from app.http.shared_counts import SharedCounts;"
    "table = SharedCounts('tried', 60);"
    "print([table.count_client('a').count for _ in range(500)][-1])"
)


@pytest.mark.slow
def test_processes_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROCESS_FOLDER, str(tmp_path))
    here = SharedCounts("tried", 60)
    assert here.count_client("a").count == 1
    command = [sys.executable, "-c", COUNT_IN_ANOTHER_PROCESS]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counted = [int(other.communicate(timeout=60)[0]) for other in others]
    assert max(counted) == 1001
    assert here.read_count("a").count == 1001
    assert here.read_count("b").count == 0
    assert SharedCounts("other", 60).read_count("a").count == 0


def test_a_count_begins_again_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    table = SharedCounts("alone", 60)
    begun = table.count_client("a").begun
    assert table.count_client("a").begun == begun
    monkeypatch.setattr(shared_counts.time, "monotonic", lambda: begun + 61)
    assert table.read_count("a").count == 0
    assert table.count_client("a").count == 1


def test_more_clients_than_places_forget_the_oldest() -> None:
    table = SharedCounts("alone", 60)
    for n in range(BUCKETS * PLACES // 2):
        table.count_client(f"client {n}")
    assert table.count_client("new").count == 1
    for _ in range(20):
        table.count_client("new")
    assert table.read_count("new").count == 21
    kept = sum(table.read_count(f"client {n}").count for n in range(BUCKETS * PLACES // 2))
    assert kept > 0.95 * BUCKETS * PLACES // 2
