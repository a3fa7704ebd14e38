"""Imports in the explorer: what was loaded, and the names in it that no actor has."""

import urllib.request
from collections.abc import Iterator

import pytest
from conftest import copy_database
from examples import add_key
from explorer.conftest import open_page
from ingest.rows import join_events, make_event
from playwright.sync_api import Browser, expect
from serving import serve_database

from app.db.engine import Database

pytestmark = pytest.mark.slow
NAMES = ("Zedland", "Zedland", "United Stats", "ARM")


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A service into which a file with unresolved names was sent."""
    url = copy_database("sqlite", "imported", tmp_path_factory.mktemp("imports"), request)
    database = Database(url)
    key = add_key(database)
    database.close()
    rows = [
        make_event(f"e{n}", participants=[{"actor": name, "role": "initiator"}])
        for n, name in enumerate(NAMES)
    ]
    with serve_database(url, in_background=True) as address:
        sent = urllib.request.Request(
            f"{address}/v1/imports?dataset=mine",
            join_events(*rows, make_event("x", date="no")).encode(),
            {"Authorization": f"Bearer {key}", "Prefer": "wait=60"},
        )
        with urllib.request.urlopen(sent) as answer:
            assert answer.status == 200
        yield address


def test_an_import_shows_its_unresolved_names(browser: Browser, loaded: str) -> None:
    with open_page(browser, loaded) as page:
        page.goto("/?view=imports")
        row = page.locator("table").first.locator("tbody tr")
        expect(row).to_contain_text("25.0 % of 4")
        row.get_by_role("link").click()
        expect(page.locator("h1")).to_contain_text("Import of")
        expect(page.locator("[aria-busy]")).to_have_count(0)
        expect(page.get_by_text("Parties resolved: 25.0 % of 4")).to_be_visible()
        names = page.get_by_role("region", name="Unresolved names").locator("tbody tr")
        expect(names).to_have_count(2)
        assert names.first.locator("td").all_text_contents()[:3] == ["Zedland", "actor", "2"]
        expect(names.nth(1).get_by_role("link", name="United States", exact=True)).to_be_visible()
        expect(page.get_by_role("region", name="Rejected")).to_contain_text("date:")
        table = page.request.get(
            str(page.get_by_role("link", name="The table as CSV").get_attribute("href"))
        )
        assert table.text().splitlines()[1].startswith("Zedland,,,,actor,,2,")
        page.locator("summary", has_text="/unresolved").click()
        page.get_by_role("link", name="json", exact=True).last.click()
        expect(page.locator("body")).to_contain_text('"nearest"')
