"""Every view in each theme and width: nothing that stops a reader who needs more than eyes."""

from itertools import product
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer.test_explorer import RULES, TOO_WIDE, VIEWS, open_view
from playwright.sync_api import Page
from soak import IN_FULL

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCREENS: list[tuple[Literal["light", "dark"], int]] = [
    (scheme, width) for scheme, width in product(SCHEMES, (1440, 1100, 390))
]
"""Colour schemes and widths in CSS pixels."""
SOME = [(view, SCREENS[place % len(SCREENS)]) for place, view in enumerate(VIEWS)][2::8]
TRIED = list(product(VIEWS, SCREENS)) if IN_FULL else SOME

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.by_turns]


@pytest.mark.parametrize(("view", "screen"), TRIED, ids=str)
def test_no_screen_has_accessibility_violations(
    page: Page, view: str, screen: tuple[Literal["light", "dark"], int]
) -> None:
    scheme, width = screen
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    open_view(page, VIEWS[view])
    for summary in page.locator("summary:visible").all():
        summary.click()
    assert page.evaluate(TOO_WIDE) == []
    found = Axe().run(page, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()
