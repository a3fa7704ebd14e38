"""A list of many thousand events of a database is shown in steps that never block the page."""

from collections.abc import Iterator
from typing import Any

import pytest
from explorer.conftest import open_page
from playwright.sync_api import Browser, Page, expect
from serving import serve_database
from soak import choose_size

from app.db.engine import Database
from bench.generate import fill_database

EVENTS = choose_size(20_000, 100_000)
BLOCK = 0.1
"""Seconds of the page's own work that a reader would notice."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def long(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The explorer on a generated record."""
    url = f"sqlite:///{tmp_path_factory.mktemp('long') / 'many.db'}"
    database = Database(url)
    fill_database(database, EVENTS)
    database.close()
    with serve_database(url) as address, open_page(browser, address) as page:
        page.set_default_timeout(60_000)
        page.goto("/?view=events")
        expect(page.locator(".loaded")).to_contain_text("The first 500 of ")
        yield page


def test_the_first_rows_are_in_the_page_without_a_scroll_box(long: Page) -> None:
    assert long.locator("tr.row").count() == 500
    inner = long.locator(".events").evaluate("e => getComputedStyle(e).overflowY")
    assert inner == "visible"


def test_more_rows_are_added_without_blocking_the_page(long: Page) -> None:
    """CPU time of the page a step, so that a busy machine does not decide."""
    session = long.context.new_cdp_session(long)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    for shown in range(1000, 2001, 500):
        before = _measure_seconds(session)
        long.get_by_role("button", name="Show 500 more").click()
        expect(long.locator(".loaded")).to_contain_text(f"The first {shown:,} of ")
        assert _measure_seconds(session) - before < 2.5 * BLOCK
    assert long.locator("tr.row").count() == 2000
    assert long.evaluate("document.activeElement.textContent") == "Show 500 more"
    session.detach()


def test_reading_the_chart_of_many_events_does_not_block_the_page(long: Page) -> None:
    """CPU time of a step: a reader moves three boxes, however many events a period has."""
    plot = long.get_by_role("slider", name="Read the chart by period: Events")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    session = long.context.new_cdp_session(long)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _measure_seconds(session)
    for step in range(12):
        long.mouse.move(box["x"] + box["width"] * step / 12, box["y"] + 20)
    plot.focus()
    for _ in range(12):
        plot.press("ArrowLeft")
    expect(long.locator(".tip")).to_contain_text("events:")
    assert (_measure_seconds(session) - before) / 24 < BLOCK / 2
    session.detach()


def test_months_of_a_full_map_change_without_blocking_the_page(long: Page) -> None:
    """CPU time of a step: the circles change, the land and the chart of all days stay."""
    long.goto("/?view=map")
    expect(long.locator("[aria-busy]")).to_have_count(0)
    expect(long.locator(".map circle").first).to_be_attached()
    long.locator(".map .land").evaluate("land => { land.kept = true; }")
    months = long.get_by_role("slider", name="Month")
    months.press("End")
    session = long.context.new_cdp_session(long)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    for _ in range(3):
        before, address = _measure_seconds(session), long.url
        months.press("ArrowLeft")
        long.wait_for_url(lambda url, old=address: url != old)
        expect(long.locator("[aria-busy]")).to_have_count(0)
        assert _measure_seconds(session) - before < 1.5 * BLOCK
    assert long.locator(".map .land").evaluate("land => land.kept")
    expect(months).to_be_focused()
    session.detach()


def _measure_seconds(session: Any) -> float:
    """Seconds of scripts, styles and layout so far."""
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return float(
        metrics["ScriptDuration"] + metrics["LayoutDuration"] + metrics["RecalcStyleDuration"]
    )
