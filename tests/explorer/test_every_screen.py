"""Every view in each theme and width: nothing that stops a reader who needs more than eyes."""

from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer.conftest import open_page
from explorer.test_explorer import RULES, TOO_WIDE, VIEWS, open_view
from playwright.sync_api import Browser
from soak import IN_FULL

SCREENS: list[tuple[str, int]] = [
    (scheme, width) for scheme, width in product(("light", "dark"), (1440, 1100, 390))
]
"""Colour schemes and widths in CSS pixels."""
SOME = [(view, SCREENS[place % len(SCREENS)]) for place, view in enumerate(VIEWS)][2::8]
TRIED = list(product(VIEWS, SCREENS)) if IN_FULL else SOME

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.by_turns]


@pytest.mark.parametrize(("view", "screen"), TRIED, ids=str)
def test_no_screen_has_accessibility_violations(
    browser: Browser, address: str, view: str, screen: tuple[str, int]
) -> None:
    scheme, width = screen
    size = {"width": width, "height": 900}
    with open_page(browser, address, viewport=size, color_scheme=scheme) as page:
        open_view(page, VIEWS[view])
        for summary in page.locator("summary:visible").all():
            summary.click()
        assert page.evaluate(TOO_WIDE) == []
        found = Axe().run(page, options={"runOnly": RULES})
        assert found.violations_count == 0, found.generate_report()
