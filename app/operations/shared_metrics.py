"""Metrics that the processes of one service share: files in a folder, added up at a scrape."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which the client library finds the folder, at its import."""


def shares_metrics() -> bool:
    """Return whether this process shares its metrics with others."""
    return SHARED_FOLDER in os.environ


def choose_registry() -> CollectorRegistry:
    """Return the registry to scrape: this process's own, or one that adds up all of the service."""
    if not shares_metrics():
        return REGISTRY
    folder = Path(os.environ[SHARED_FOLDER])
    living = _forget_dead_processes(folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    registry.register(_ProcessTotals(living))
    return registry


def _forget_dead_processes(folder: Path) -> list[int]:
    """Remove the gauges of processes that are gone; return those that live."""
    found = {int(path.stem.rpartition("_")[2]) for path in folder.glob("*.db")}
    living = {pid for pid in found if _is_alive(pid)}
    for pid in found - living:
        mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    return sorted(living)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _ProcessTotals(Collector):
    """The families `process_…` of some processes, added up; of starts and limits the first."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids

    def collect(self) -> Iterator[Metric]:
        totals: dict[str, Metric] = {}
        for pid in self._pids:
            for family in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                total = totals.setdefault(family.name, family)
                if total is not family and not family.name.endswith(("_time_seconds", "max_fds")):
                    [old], [new] = total.samples, family.samples
                    total.samples = [old._replace(value=old.value + new.value)]
        yield from totals.values()
