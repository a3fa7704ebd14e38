"""A list of many thousand events of a database is shown in steps that never block the page."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from conftest import GENERATED_EVENTS, copy_database
from explorer.conftest import open_page
from playwright.sync_api import Browser, Page, expect
from serving import serve_database
from soak import choose_size

from app.db.engine import Database
from bench.generate import fill_database

EVENTS = choose_size(GENERATED_EVENTS, 100_000)
BLOCK = 0.1
"""Seconds of one piece of the page's own work that a reader would notice."""
PLAIN_TABLE = """() => Math.max(...Array.from({ length: 5 }, () => {
  const begun = performance.now();
  const table = document.createElement("table");
  for (let n = 0; n < 3000; n++) {
    const cell = (n % 12 ? table.rows[table.rows.length - 1] : table.insertRow()).insertCell();
    const link = cell.appendChild(document.createElement("a"));
    link.href = `?n=${n}`;
    link.textContent = `what a cell says ${n}`;
  }
  document.body.append(table);
  table.getBoundingClientRect();
  table.remove();
  return performance.now() - begun;
}))"""
"""Builds and lays out 3,000 links, which takes the browser 0.1 s: a measure of the processor."""

pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.fixture(scope="module")
def long(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The explorer on a generated record."""
    folder = tmp_path_factory.mktemp("long")
    url = copy_database("sqlite", "many", folder, request, "generated")
    if EVENTS != GENERATED_EVENTS:
        url = f"sqlite:///{folder / 'more.db'}"
        with closing(Database(url)) as database:
            fill_database(database, EVENTS)
    with serve_database(url) as address, open_page(browser, address) as page:
        page.set_default_timeout(60_000)
        with _never_blocking(page):
            page.goto("/?view=events")
            expect(page.locator(".loaded")).to_contain_text("The first 500 of ")
        yield page


@contextmanager
def _never_blocking(page: Page) -> Iterator[None]:
    """No piece of the page's work takes `BLOCK` of CPU time.

    Where the processor is shared, even CPU time is longer: then as long as a plain table takes.
    """
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    yield
    events = json.loads(browser.stop_tracing())["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    pieces = [
        event.get("tdur", 0) / 1e6
        for event in events
        if event["name"].endswith("RunTask") and (event["pid"], event["tid"]) in main
    ]
    assert pieces, "the page did nothing"
    longest = max(pieces)
    assert longest < BLOCK or longest < page.evaluate(PLAIN_TABLE) / 1000


def test_the_first_rows_are_in_the_page_without_a_scroll_box(long: Page) -> None:
    assert long.locator("tr.row").count() == 500
    inner = long.locator(".events").evaluate("e => getComputedStyle(e).overflowY")
    assert inner == "visible"


def test_more_rows_are_added_without_blocking_the_page(long: Page) -> None:
    for shown in range(1000, 2001, 500):
        with _never_blocking(long):
            long.get_by_role("button", name="Show 500 more").click()
            expect(long.locator(".loaded")).to_contain_text(f"The first {shown:,} of ")
    assert long.locator("tr.row").count() == 2000
    assert long.evaluate("document.activeElement.textContent") == "Show 500 more"


def test_reading_the_chart_of_many_events_does_not_block_the_page(long: Page) -> None:
    """A reader moves three boxes, however many events a period has."""
    plot = long.get_by_role("slider", name="Read the chart by period: Events")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    with _never_blocking(long):
        for step in range(12):
            long.mouse.move(box["x"] + box["width"] * step / 12, box["y"] + 20)
        plot.focus()
        for _ in range(12):
            plot.press("ArrowLeft")
        expect(long.locator(".tip")).to_contain_text("events:")


def test_months_of_a_full_map_change_without_blocking_the_page(long: Page) -> None:
    """The circles change, the land and the chart of all days stay."""
    with _never_blocking(long):
        long.goto("/?view=map")
        expect(long.locator("[aria-busy]")).to_have_count(0)
        expect(long.locator(".map circle").first).to_be_attached()
    long.locator(".map .land").evaluate("land => { land.kept = true; }")
    months = long.get_by_role("slider", name="Month")
    months.press("End")
    for _ in range(3):
        address = long.url
        with _never_blocking(long):
            months.press("ArrowLeft")
            long.wait_for_url(lambda url, old=address: url != old)
            expect(long.locator("[aria-busy]")).to_have_count(0)
    assert long.locator(".map .land").evaluate("land => land.kept")
    expect(months).to_be_focused()


def test_going_back_to_the_list_does_not_block_the_page(long: Page) -> None:
    with _never_blocking(long):
        long.goto("/?view=events")
        expect(long.locator(".loaded")).to_contain_text("The first 500 of ")
    with _never_blocking(long):
        long.locator("tr.row a").first.click()
        expect(long.locator(".loaded")).to_have_count(0)
    with _never_blocking(long):
        long.go_back()
        expect(long.locator(".loaded")).to_contain_text("The first 500 of ")
