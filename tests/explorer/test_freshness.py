"""The first page says in words how current each followed dataset is."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import copy_database
from explorer.conftest import open_page
from playwright.sync_api import Browser, expect
from serving import serve_database

from app.db.engine import Database
from app.pull import ledger
from app.pull.items import PullItem, SourceState

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def followed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The service on a database with a dataset that is followed, and has two late files."""
    folder: Path = tmp_path_factory.mktemp("fresh")
    url = copy_database("sqlite", "fresh", folder, request)
    asked, before = (ledger.format_instant(NOW - timedelta(hours=h)) for h in (3, 73))
    slot = f"{NOW - timedelta(hours=5):%Y-%m-%dT%H:%M}"
    with closing(Database(url)) as database, database.write() as db:
        state = SourceState("entente-curated", asked, newest=slot)
        state.last_round, state.last_success = asked, before
        ledger.write_source(db, state)
        late = [PullItem("x", str(n), "https://a.example", slot, state="late") for n in (1, 2)]
        ledger.write_items(db, "entente-curated", late)
    with serve_database(url) as found:
        yield found


@pytest.mark.parametrize("width", [1440, 390])
def test_how_current_a_dataset_is_is_said_in_words(
    browser: Browser, followed: str, width: int
) -> None:
    with open_page(browser, followed, viewport={"width": width, "height": 900}) as page:
        page.goto("/")
        line = page.get_by_role("listitem").filter(has_text="Entente: the Armenian case")
        expect(line).to_contain_text("Newest:")
        expect(line).to_contain_text("5 hours ago. 2 files are late and are asked for again.")
        expect(line).to_contain_text(
            "Its source was asked 3 hours ago and did not give all; it was complete 3 days ago."
        )
        others = page.get_by_role("listitem").filter(has_text="Entente: steps of memberships")
        expect(others).not_to_contain_text("Newest")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto("/?view=datasets")
        expect(page.get_by_text("5 hours ago")).to_be_visible()
