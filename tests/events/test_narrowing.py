"""A page reads a bounded number of blocks, whatever it is narrowed to, and however rare that is."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.db.engine import Database
from bench.generate import fill_with_hub
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
