"""A list of 100,000 events of a real database stays small and smooth in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from serving import serve_database

from app.db.engine import Database
from bench.generate import fill_database

EVENTS = 100_000
ROW = 72
FRAME = 1 / 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def long(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The explorer on a generated record."""
    url = f"sqlite:///{tmp_path_factory.mktemp('long') / 'many.db'}"
    database = Database(url)
    fill_database(database, EVENTS)
    database.close()
    with serve_database(url) as address:
        context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto("/?view=events")
        expect(page.locator(".row").first).to_be_visible()
        yield page
        context.close()


SCROLL = """async (box) => {
    const space = box.querySelector(".space");
    let most = 0, frames = 0;
    while (!document.querySelector(".loaded").textContent.endsWith("in all.")) {
        box.scrollTop = box.scrollHeight;
        await new Promise(requestAnimationFrame);
        most = Math.max(most, document.querySelectorAll("*").length);
        frames += 1;
        if (frames > 20000) break;
    }
    return {most, height: space.offsetHeight};
}"""
WANDER = """async (box) => {
    let most = 0;
    for (let n = 0; n < 300; n++) {
        box.scrollTop = (n * 173891) % (box.scrollHeight - 700);
        await new Promise(requestAnimationFrame);
        most = Math.max(most, box.querySelectorAll(".row").length);
    }
    return most;
}"""


def test_a_hundred_thousand_events_scroll_within_a_frame(long: Page) -> None:
    """CPU time of the page a frame, so that a busy machine does not decide."""
    box = long.locator(".list")
    empty = long.evaluate("document.querySelectorAll('*').length")
    measured = box.evaluate(SCROLL)
    assert measured["height"] == EVENTS * ROW
    assert measured["most"] < empty + 400
    session = long.context.new_cdp_session(long)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _measure_seconds(session)
    rows = box.evaluate(WANDER)
    assert rows < 60
    assert (_measure_seconds(session) - before) / 300 < FRAME / 2
    session.detach()


def test_last_row_of_a_long_list_can_be_opened(long: Page) -> None:
    box = long.locator(".list")
    box.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    last = long.locator(f"[data-at='{EVENTS - 1}'] a")
    expect(last).to_be_visible()
    expect(long.locator(f"[data-at='{EVENTS - 1}']")).to_have_attribute("aria-setsize", str(EVENTS))
    title = last.text_content()
    last.click()
    expect(long.locator("h1")).to_have_text(str(title))


def _measure_seconds(session: Any) -> float:
    """Seconds of scripts, styles and layout so far."""
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return float(
        metrics["ScriptDuration"] + metrics["LayoutDuration"] + metrics["RecalcStyleDuration"]
    )
