"""What a scrape of the metrics measures at that moment: pool, threads, caches, freshness."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import _CacheInfo

from anyio import CapacityLimiter, to_thread
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import QueuePool
from starlette.datastructures import State

from app.db.dialect.fast_statements import compile_prepared
from app.db.engine import Database
from app.events.queries import compile_page_statement
from app.events.statement import select_matching_revisions
from app.operations.database_sample import DatabaseSample, DatabaseSampler
from app.version import read_program_version

CACHES: dict[str, Callable[[], _CacheInfo]] = {
    "page_statements": compile_page_statement.cache_info,
    "prepared_statements": compile_prepared.cache_info,
    "revision_statements": select_matching_revisions.cache_info,
}
"""Caches of this process whose hits and misses are reported."""


class ServiceCollector(Collector):
    """Collects the gauges of one application; has to be asked on its event loop."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._registry = CollectorRegistry()
        self._registry.register(self)

    async def render_metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format, with a new sample of the database."""
        sampler: DatabaseSampler = self._state.sampler
        await sampler.refresh_sample()
        return generate_latest(REGISTRY) + generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Collect every gauge."""
        database: Database = self._state.database
        yield from _collect_process(database)
        yield from _collect_threads(self._state.exports)
        yield from _collect_database(database)
        yield from _collect_caches()
        followers = self._state.change_notifier.follower_count
        yield _make_gauge("stream_followers", "Readers of the change stream.", {"": followers})
        sampler: DatabaseSampler = self._state.sampler
        up = int(sampler.is_reachable and database.health.find_lasting_failure() is None)
        yield _make_gauge("database_up", "1 if the database answers and is not damaged.", {"": up})
        if sampler.last is not None:
            yield from _collect_sample(sampler.last)


def _collect_process(database: Database) -> Iterator[Metric]:
    found = GaugeMetricFamily(
        "entente_build_info", "Program and database.", labels=("version", "database")
    )
    found.add_metric((read_program_version(), database.engine.dialect.name), 1)
    yield found


def _collect_threads(exports: CapacityLimiter) -> Iterator[Metric]:
    threads = to_thread.current_default_thread_limiter().statistics()
    writers = exports.statistics()
    yield _make_gauge(
        "threads_busy",
        "Threads at work.",
        {"requests": threads.borrowed_tokens, "exports": writers.borrowed_tokens},
        "pool",
    )
    yield _make_gauge(
        "threads",
        "Threads that may be at work at once.",
        {"requests": threads.total_tokens, "exports": writers.total_tokens},
        "pool",
    )
    yield _make_gauge(
        "threads_waiting",
        "Requests and parts of exports that wait for a thread.",
        {"requests": threads.tasks_waiting, "exports": writers.tasks_waiting},
        "pool",
    )


def _collect_database(database: Database) -> Iterator[Metric]:
    pool = database.engine.pool
    if isinstance(pool, QueuePool):
        in_use, kept = pool.checkedout(), pool.checkedin()
        yield _make_gauge(
            "database_connections", "Connections.", {"in_use": in_use, "idle": kept}, "state"
        )
    failures = CounterMetricFamily(
        "entente_database_failures", "Failures of the database, by kind.", labels=("kind",)
    )
    for kind, n in sorted(database.health.counts.items()):
        failures.add_metric((kind,), n)
    yield failures


def _collect_caches() -> Iterator[Metric]:
    families = [
        CounterMetricFamily(f"entente_cache_{name}", text, labels=("cache",))
        for name, text in (
            ("hits", "Look-ups that a cache answered."),
            ("misses", "Look-ups that a cache could not answer."),
        )
    ]
    for name, read_info in CACHES.items():
        info = read_info()
        for family, n in zip(families, (info.hits, info.misses), strict=True):
            family.add_metric((name,), n)
    yield from families


def _collect_sample(sample: DatabaseSample) -> Iterator[Metric]:
    waits = time.time() - sample.oldest_waiting if sample.oldest_waiting else 0
    for name, text, value in (
        ("version", "Number of the last change.", sample.version),
        ("last_change_timestamp_seconds", "When the last change was made.", sample.changed),
        ("sample_age_seconds", "Age of what the database said.", time.time() - sample.taken),
        ("stale_dyads", "Dyads whose shifts are to be rebuilt.", sample.stale_dyads),
        ("import_wait_seconds", "How long the oldest waiting import has waited.", waits),
    ):
        yield _make_gauge(name, text, {"": value})
    yield _make_gauge("imports", "Imports by state.", sample.imports, "state")


def _make_gauge(name: str, text: str, values: Mapping[str, float], label: str = "") -> Metric:
    """Make a gauge with one value for each label; `{"": value}` for one without labels."""
    found = GaugeMetricFamily(f"entente_{name}", text, labels=(label,) if label else ())
    for named, value in values.items():
        found.add_metric((named,) if label else (), value)
    return found
