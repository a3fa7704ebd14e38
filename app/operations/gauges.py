"""What a scrape of the metrics says: counts of all processes, and a sample of the database."""

import time
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.datastructures import State

from app.db.engine import Database
from app.operations.database_sample import DatabaseSample, DatabaseSampler
from app.operations.shared_metrics import choose_registry
from app.version import read_program_version


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
        self._state.meter.measure_process()
        return generate_latest(choose_registry()) + generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Collect every gauge."""
        database: Database = self._state.database
        yield from _collect_process(database)
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


def _collect_sample(sample: DatabaseSample) -> Iterator[Metric]:
    waits = time.time() - sample.oldest_waiting if sample.oldest_waiting else 0
    for name, text, value in (
        ("version", "Number of the last change.", sample.version),
        ("last_change_timestamp_seconds", "When the last change was made.", sample.changed),
        ("sample_age_seconds", "Age of what the database said.", time.time() - sample.taken),
        ("stale_dyads", "Dyads whose shifts are to be rebuilt.", sample.stale_dyads),
        ("watch_queue", "Messages of watches that wait.", sample.watch_queue),
        ("watch_lag_versions", "Changes not yet compared with watches.", sample.watch_lag),
        ("import_wait_seconds", "How long the oldest waiting import has waited.", waits),
    ):
        yield _make_gauge(name, text, {"": value})
    lag = sample.state
    is_standby = int(lag.role == "standby")
    yield _make_gauge("reads_from_standby", "1 if questions are read from a standby.",
                      {"": is_standby})  # fmt: skip
    if lag.lag_versions is not None:
        text = "Versions that the standby lacks."
        yield _make_gauge("lag_versions", text, {"": lag.lag_versions})
    if lag.lag_seconds is not None:
        text = "Seconds for which the standby has lacked a change."
        yield _make_gauge("lag_seconds", text, {"": lag.lag_seconds})
    yield _make_gauge("imports", "Imports by state.", sample.imports, "state")
    items = GaugeMetricFamily(
        "entente_pull_items", "Files of sources by state.", labels=("source", "state")
    )
    for labels, count in sample.pull_items.items():
        items.add_metric(labels, count)
    yield items
    for name, text, values in (
        ("newest_item", "The newest slot or day that is loaded.", sample.pull_newest),
        ("last_success", "When a round came to its end last.", sample.pull_success),
    ):
        yield _make_gauge(f"pull_{name}_timestamp_seconds", text, values, "source")
    yield _make_gauge("watches", "Watches by state.", sample.watches, "state")


def _make_gauge(name: str, text: str, values: Mapping[str, float], label: str = "") -> Metric:
    """Make a gauge with one value for each label; `{"": value}` for one without labels."""
    found = GaugeMetricFamily(f"entente_{name}", text, labels=(label,) if label else ())
    for named, value in values.items():
        found.add_metric((named,) if label else (), value)
    return found
