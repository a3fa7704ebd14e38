"""Memory of a service is flat once what it keeps is full."""

import gc
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from postgres import run_postgresql
from soak import IN_FULL

from app.shifts.statistics import permutation
from bench.soak import READS, Sample, judge_growth, soak_services

BLOCKS_PER_ANSWER = 4


@pytest.mark.slow
@pytest.mark.by_turns
def test_questions_that_are_asked_again_leave_nothing(api: TestClient) -> None:
    questions = [path.format(event="curated:none") for path in READS]

    def ask_all(times: int) -> int:
        for _ in range(times):
            for path in questions:
                api.get(path)
        gc.collect()
        return sys.getallocatedblocks()

    # What grows does so each time; a cache that is still filled does not.
    times, before = 3, ask_all(2)
    most = BLOCKS_PER_ANSWER * times * len(questions)
    grown: list[int] = []
    while len(grown) < 3 and min(grown, default=most) >= most:
        after = ask_all(times)
        grown.append(after - before)
        before = after
    assert min(grown) < most, grown


def test_what_is_cached_of_permutations_is_small() -> None:
    rows = np.random.default_rng(1).random((4, 200))
    permutation.permutation_p(rows, 6, 3)
    for key in permutation._p_cache:
        assert len(key[0]) <= 16
    assert permutation._shuffled_orders(200, 3, 1999).nbytes == 200 * 1999
    assert permutation._shuffled_quarters(300).nbytes == 2 * 300 * permutation.MOST_ORDERS


def test_growth_would_be_noticed() -> None:
    samples = [Sample(n, 250.0 + 2 * n, 50, 20, 1, 0.0) for n in range(16)]
    assert [fault.split()[0] for fault in judge_growth(samples)] == ["memory"]
    assert judge_growth([Sample(n, 250.0, 50, 20, 1, 0.0) for n in range(16)]) == []


@pytest.mark.soak
@pytest.mark.skipif(not IN_FULL, reason="takes half an hour")
def test_a_service_does_not_grow(tmp_path: Path) -> None:
    """At five times the rate of the hour that `python -m bench.soak` takes."""
    with ExitStack() as opened:
        server = opened.enter_context(run_postgresql())
        urls = {
            "sqlite": f"sqlite:///{tmp_path}/soak.db",
            "postgresql": server.create_database("soak"),
        }
        assert soak_services(urls, minutes=30, every=30, pace=5) == []
