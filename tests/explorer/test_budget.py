"""What a first view costs: bytes of scripts and styles, the wait for its answer, and jumps."""

from typing import Any

import pytest
from explorer.conftest import open_page
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.slow

MOST_BYTES = 120_000
MOST_WAIT = 300
"""Milliseconds from the end of the service's answer until its words are on the page."""
MOST_JUMP = 0.1
"""Cumulative layout shift; 0.1 is what browsers call good. It is 0.01 on an idle machine."""
WATCH = """
    new PerformanceObserver(list => {
        for (const one of list.getEntries())
            if (!one.hadRecentInput) window.jumped = (window.jumped ?? 0) + one.value;
    }).observe({ type: "layout-shift", buffered: true });
    new MutationObserver(() => {
        if (!window.answered && document.querySelector(".answer, .events tr.row"))
            window.answered = performance.now();
    }).observe(document, { subtree: true, childList: true });
"""
READ = """path => {
    const all = performance.getEntriesByType("resource");
    const files = all.filter(one => one.name.includes("/explorer/"));
    const answer = all.find(one => one.name.includes(path) && !one.name.includes("format=svg"));
    return { bytes: files.reduce((sum, one) => sum + one.encodedBodySize, 0),
             waited: window.answered - answer.responseEnd, jumped: window.jumped ?? 0 };
}"""
VIEWS = {
    "/?view=shift&actor=ARM&toward=RUS": "/v1/shifts",
    "/?view=events&between=ARM,RUS&since=2023-09&until=2023-10": "/v1/events",
}


def measure(page: Page, view: str) -> dict[str, Any]:
    page.add_init_script(WATCH)
    page.goto(view)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    found: dict[str, Any] = page.evaluate(READ, VIEWS[view])
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_a_first_view_is_light_soon_there_and_steady(
    browser: Browser, address: str, view: str
) -> None:
    with open_page(browser, address) as page:
        found = measure(page, view)
    assert 20_000 < found["bytes"] < MOST_BYTES
    assert found["waited"] < MOST_WAIT
    assert found["jumped"] < MOST_JUMP
