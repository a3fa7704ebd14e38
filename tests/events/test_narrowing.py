"""A page reads a bounded number of blocks, whatever it is narrowed to, and however rare that is."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import events
from app.events.rare_days import NO_DAYS_KNOWN, find_event_days
from app.events.resolved_filter import ResolvedFilter
from bench.generate import HUB, RARE_COUNTRY, fill_with_hub
from bench.narrowing import QUESTIONS, count_page_blocks, settle_tables

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
UNBOUNDED = {"word"}
"""What is not bounded yet (docs/performance.md)."""


def test_a_narrowed_page_reads_four_blocks_a_row_at_most(hub: Database) -> None:
    found = {name: count_page_blocks(hub, asked) for name, asked in QUESTIONS.items()}
    assert all(bool(page.rows) != ("never was" in name) for name, page in found.items()), found
    assert {name for name, page in found.items() if page.blocks > MOST} == UNBOUNDED, found


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
