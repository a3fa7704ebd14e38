"""Nothing on a screen moves by itself while its parts arrive, wide or narrow."""

import time

import pytest
from explorer.conftest import open_page
from explorer.test_budget import MOST_JUMP, WATCH
from playwright.sync_api import Browser, Route, expect

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


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_stays_where_it_is(
    browser: Browser, address: str, screen: str, width: int
) -> None:
    with open_page(browser, address, viewport={"width": width, "height": 900}) as page:
        page.add_init_script(WATCH)
        page.goto(SCREENS[screen])
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("[aria-busy]")).to_have_count(0)
        assert page.evaluate("window.jumped ?? 0") < MOST_JUMP


@pytest.mark.parametrize("late", ["/v1/shifts", "/v1/alignment"])
def test_a_refusal_stays_where_it_is_whichever_part_is_late(
    browser: Browser, address: str, late: str
) -> None:
    def pass_on(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    with open_page(browser, address, viewport={"width": 1280, "height": 900}) as page:
        page.add_init_script(WATCH)
        page.route(lambda url: late in url, pass_on)
        page.goto(SCREENS["an unknown name"])
        expect(page.locator(".answers .failure")).to_be_visible()
        expect(page.locator("[aria-busy]")).to_have_count(0)
        page.wait_for_timeout(300)  # what has jumped is said after it was painted
        assert page.evaluate("window.jumped ?? 0") < MOST_JUMP
