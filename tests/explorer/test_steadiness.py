"""Nothing on a screen moves by itself while its parts arrive, wide or narrow."""

import json

import pytest
from explorer.conftest import open_page
from explorer.test_budget import MOST_JUMP, WATCH
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.slow

SCREENS = {
    "two pairs": "/?view=compare&pair=ARM>RUS&pair=ARM>EU",
    "pairs with long remarks": "/?view=compare&pair=ARM>CSTO&pair=NER>ECOWAS&pair=DEU>RUS",
    "one actor's shifts": "/?view=shift&actor=ARM",
    "a pair with long names": "/?view=shift&actor=NER&toward=ECOWAS",
    "several on each side": "/?view=shift&actor=ARM&toward=RUS,CSTO&against=EU,USA",
    "an unknown name": "/?view=shift&actor=Armenai&toward=RUS",
    "days that are not covered": "/?view=events&until=1900",
    "nothing found": "/?view=events&between=ARM,FJI&since=2023",
}


LATE = """(part) => {
  const ask = window.fetch;
  window.fetch = (address, ...more) => String(address.url ?? address).includes(part)
    ? new Promise((done) => setTimeout(done, 1500)).then(() => ask(address, ...more))
    : ask(address, ...more);
}"""
"""Lets the answers of an address come later than all others."""
REFUSED = "performance.getEntriesByType('resource').some((one) => one.responseStatus === 503)"
TRIES = 5


def measure_jumps(
    browser: Browser, address: str, screen: str, width: int, late: str | None = None
) -> float:
    """Return how far a screen jumped that a busy service refused no part of."""
    for _ in range(TRIES):
        with open_page(browser, address, viewport={"width": width, "height": 900}) as page:
            page.add_init_script(WATCH)
            if late is not None:
                page.add_init_script(f"({LATE})({json.dumps(late)})")
            page.goto(SCREENS[screen])
            expect(page.locator("h1")).to_be_visible()
            expect(page.locator("[aria-busy]")).to_have_count(0)
            page.wait_for_timeout(200)  # what has jumped is said after it was painted
            if not page.evaluate(REFUSED):
                return float(page.evaluate("window.jumped ?? 0"))
    pytest.fail("the service was too busy for a screen")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_stays_where_it_is(
    browser: Browser, address: str, screen: str, width: int
) -> None:
    assert measure_jumps(browser, address, screen, width) < MOST_JUMP


@pytest.mark.parametrize("late", ["/v1/shifts", "/v1/alignment"])
def test_a_refusal_stays_where_it_is_whichever_part_is_late(
    browser: Browser, address: str, late: str
) -> None:
    assert measure_jumps(browser, address, "an unknown name", 1280, late) < MOST_JUMP
