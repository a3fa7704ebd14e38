"""What a timeline and a facet read of a busy actor does not grow with its events."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.db.engine import Database
from app.events.counts import count_facets, count_timeline
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from bench.generate import RIVAL, fill_with_hub
from bench.narrowing import record_statements, settle_tables

pytestmark = [pytest.mark.slow, pytest.mark.on_both]
SIZES = (4_000, 16_000)
"""Events, of all days of ten years: the window has the same months in both."""
WINDOW = {"actor": [RIVAL], "since": "2016-01-01", "until": "2017-12-31"}


@pytest.fixture(scope="module")
def grown(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[list[Database]]:
    """Databases of different sizes, of one busy actor."""
    folder: Path = tmp_path_factory.mktemp("grown")
    made = []
    for size in SIZES:
        if kind == "sqlite":
            url = f"sqlite:///{folder}/{size}.db"
        else:
            name = f"grown-{uuid4().hex[:8]}"
            url = request.getfixturevalue("server").create_database(name)
        made.append(Database(url))
        fill_with_hub(made[-1], size)
        settle_tables(made[-1])
    yield made
    for database in made:
        database.close()


def ask_question(db: Any, name: str) -> int:
    """Ask for a timeline or a facet, and return how many events were counted."""
    resolved = resolve_filter(db, EventQuery.model_validate(WINDOW), None)
    if name == "facets":
        return sum(row["count"] for row in count_facets(db, resolved, ["type"])["type"])
    return sum(one["count"] for one in count_timeline(db, resolved, "month", 3).buckets)


def explain_question(db: Any, name: str) -> list[dict[str, Any]]:
    """Ask a question, and return the plans of its statements on PostgreSQL."""
    ran: Any = []
    with record_statements(ran):
        ask_question(db, name)
    plans = []
    for statement, values in ran:
        explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement.text}"
        [found] = db.exec_driver_sql(explain, values).scalar() or []
        plans.append(found["Plan"])
    return plans


def count_work(database: Database, name: str) -> tuple[int, int]:
    """Count the blocks of PostgreSQL, or the steps of SQLite, that a question takes; and events."""
    with database.connect() as db:
        counted = ask_question(db, name)  # also what is read once for all questions
        if db.dialect.name == "sqlite":
            steps: list[None] = []
            raw: Any = db.connection.driver_connection
            raw.set_progress_handler(lambda: steps.append(None), 10)
            ask_question(db, name)
            raw.set_progress_handler(None, 10)
            return len(steps), counted
        plans = explain_question(db, name)
        return sum(p["Shared Hit Blocks"] + p["Shared Read Blocks"] for p in plans), counted


@pytest.mark.parametrize("name", ["timeline", "facets"])
def test_work_does_not_grow_with_the_table(grown: list[Database], name: str) -> None:
    (small, few), (large, many) = (count_work(database, name) for database in grown)
    assert many > 3 * few > 0
    assert 0 < large < small * 1.25


@pytest.mark.parametrize("name", ["timeline", "facets"])
def test_earlier_events_are_sought_among_those_that_last(
    grown: list[Database], name: str, kind: str
) -> None:
    """Else all events of the actor are walked where there are many, as the key alone has them."""
    if kind == "sqlite":
        return  # tests/events/test_plans.py: it never chooses by the number of rows
    with grown[-1].connect() as db:
        plans = list(map(str, explain_question(db, name)))
    lasting = [plan for plan in plans if "ix_participations_running" in plan]
    assert lasting
    assert all("'Index Only Scan'" in plan and "pk_part" not in plan for plan in lasting)
