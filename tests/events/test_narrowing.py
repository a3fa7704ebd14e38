"""A page reads a bounded number of blocks, whatever it is narrowed to, and however rare that is."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from app.db.engine import Database
from app.db.tables import events
from app.events.filter import EventQuery
from app.events.joined_page import fetch_joined_page
from app.events.queries import bind_query, resolve_filter
from app.events.rare_days import NO_DAYS_KNOWN, find_event_days
from app.events.resolved_filter import ResolvedFilter
from bench.generate import HUB, NAMES, RARE_COUNTRY, fill_with_hub
from bench.narrowing import (
    LIMIT,
    QUESTIONS,
    Ran,
    count_page_blocks,
    record_statements,
    settle_tables,
)

pytestmark = [pytest.mark.slow, pytest.mark.on_both]
EVENTS = 20_000
"""Enough that a page which walks through the events of the busy actor reads over the bound."""


@pytest.fixture(scope="module")
def hub(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """Many events of one actor, of which few match what the questions are narrowed to."""
    if kind == "sqlite":
        folder: Path = tmp_path_factory.mktemp("hub")
        url = f"sqlite:///{folder}/hub.db"
    else:
        url = request.getfixturevalue("server").create_database(f"hub-{uuid4().hex[:8]}")
    database = Database(url)
    fill_with_hub(database, EVENTS)
    settle_tables(database)
    yield database
    database.close()


MOST = 4 * 51
UNBOUNDED = {"word": 6 * 51}
"""What is beyond that yet (docs/performance.md), and how many blocks it reads at most."""


def test_a_narrowed_page_reads_four_blocks_a_row_at_most(hub: Database) -> None:
    found = {name: count_page_blocks(hub, asked) for name, asked in QUESTIONS.items()}
    assert all(bool(page.rows) != ("never was" in name) for name, page in found.items()), found
    beyond = {name: page.blocks for name, page in found.items() if page.blocks > MOST}
    assert beyond.keys() == UNBOUNDED.keys(), found
    assert all(blocks <= UNBOUNDED[name] for name, blocks in beyond.items()), found


def test_days_of_a_country_are_sought_only_where_it_is_rare(hub: Database) -> None:
    with hub.connect() as db:
        rows = db.execute(select(events.c.country, func.count()).group_by(events.c.country)).all()
        common = max((n, country) for country, n in rows if country is not None)[1]
        found = [
            find_event_days(db, ResolvedFilter(actor=(HUB,), country=(code,)), "", "2200-01-01")
            for code in (RARE_COUNTRY, common)
        ]
    assert len(found[0].days) > 20
    assert found[1] == NO_DAYS_KNOWN


def read_page(hub: Database, actor: str, since: str | None) -> None:
    asked = EventQuery.model_validate({"actor": [actor], "since": since})
    with hub.connect() as db:
        resolved = resolve_filter(db, asked, None)
        fetch_joined_page(db, bind_query(db, resolved, limit=LIMIT + 1), LIMIT)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("since", [None, "2016-01-01"])
def test_one_plan_reads_pages_of_the_busiest_and_of_the_rarest_actor(
    hub: Database, since: str | None
) -> None:
    ran: Ran = []
    with record_statements(ran):
        for actor in [NAMES[-1], HUB] * 6:
            read_page(hub, actor, since)
    walks = [
        (prepared, values)
        for statement, values in ran
        if (prepared := statement.prepared_statement) is not None
        and "page" in values
        and not prepared.is_planned_each_time
    ]
    assert len(walks) == 12
    plans = text("SELECT generic_plans FROM pg_prepared_statements WHERE name = :name")
    with hub.connect() as db:
        for prepared, values in walks[-2:]:
            name = prepared.name.decode()
            assert db.scalar(plans, {"name": name}) >= 6  # after some that were made for values
            given = ", ".join(repr(values[one]) for one in prepared.parameter_names)
            db.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            again = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name} ({given})"
            [found] = db.exec_driver_sql(again).scalar() or []
            assert found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"] <= MOST
