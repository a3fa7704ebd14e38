"""What the API says beside its numbers is read beside them, at each width, once."""

import json
import re
from collections.abc import Iterator

import pytest
from closed_record import CLOSED, make_closed_record
from conftest import copy_database
from explorer.conftest import open_page
from playwright.sync_api import Browser, Page, Route, expect
from serving import serve_database

from app.db.engine import Database

pytestmark = pytest.mark.slow
PARTLY = "Only some members of"
VIEWS = {
    "/?view=shift&actor=ARM&toward=CSTO": "Acts with members of a group count too",
    "/?view=shift&actor=RUS&toward=AFRICAN-UNION": PARTLY,
    "/?view=events&member_of=AFRICAN-UNION&since=2022": PARTLY,
    "/?view=alliance&code=AFRICAN-UNION&on=2023-10-13": "Only some members are recorded",
}


def open_with_notes(page: Page, view: str) -> str:
    """Open a view, and return the only note that it shows beside its numbers."""
    page.goto(view)
    note = page.get_by_role("note", name="What these numbers leave out")
    expect(note).to_have_count(1)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(note).to_have_count(1)
    expect(note).to_be_visible()
    return note.inner_text()


@pytest.mark.parametrize("view", VIEWS)
def test_a_remark_is_on_the_screen_once_and_fits_a_phone(page: Page, view: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    said = open_with_notes(page, view)
    assert said.count(VIEWS[view]) == 1
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    size = "parseFloat(getComputedStyle(document.querySelector('.remarks p')).fontSize)"
    assert page.evaluate(size) >= 15
    drawn = page.locator(".drawing")
    assert VIEWS[view] not in drawn.inner_text()
    assert VIEWS[view] not in str(page.locator("figcaption").first.text_content())


def test_the_source_is_at_the_foot_of_a_drawing_whose_remarks_were_taken_out(page: Page) -> None:
    open_with_notes(page, "/?view=shift&actor=ARM&toward=CSTO")
    below = page.evaluate(
        """() => {
            const svg = document.querySelector(".drawing > svg").getBoundingClientRect();
            const source = document.querySelector(".drawing .credit").getBoundingClientRect();
            return [svg.bottom - source.bottom, svg.right - source.right];
        }"""
    )
    assert 0 <= below[0] < 15
    assert below[1] >= 0


def test_words_that_are_not_searched_are_said_beside_the_timeline(page: Page) -> None:
    """The bundled datasets are all searched, so a drawing is shown as one that is not."""
    said = "Words are not searched in the data of GDELT."

    def add_remark(route: Route) -> None:
        answer = route.fetch()
        kept = f"data-remarks='{json.dumps([said])}' width="
        svg = re.sub(r"width=", kept, answer.text(), count=1)
        group = '<g class="remarks" data-height="0"></g></svg>'
        route.fulfill(response=answer, body=svg.removesuffix("</svg>") + group)

    page.route("**/v1/timeline*format=svg*", add_remark)
    assert open_with_notes(page, "/?view=events&q=summit&since=2023") == said


def test_a_screen_without_a_remark_shows_no_note(page: Page) -> None:
    page.goto("/?view=events&between=ARM,RUS&since=2023-09&until=2023-10")
    expect(page.locator(".drawing")).to_have_count(1)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.locator("[role=note]")).to_have_count(0)


@pytest.fixture(scope="module")
def closed_address(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The service on a record of which one dataset is closed."""
    url = copy_database("sqlite", "shut", tmp_path_factory.mktemp("shut"), request)
    database = Database(url)
    make_closed_record(database)
    database.close()
    with serve_database(url, alignment_datasets=("curated", CLOSED)) as found:
        yield found


@pytest.mark.parametrize(
    "view",
    [
        "/?view=shift&actor=ARM&toward=RUS",
        "/?view=shift&actor=FJI",
        "/?view=compare&pair=ARM>RUS",
        "/?view=events&between=ARM,RUS",
        "/?view=map&actor=ARM",
        "/?view=actor&actor=ARM",
    ],
)
def test_a_closed_dataset_that_is_left_out_is_named(
    browser: Browser, closed_address: str, view: str
) -> None:
    with open_page(browser, closed_address) as page:
        said = open_with_notes(page, view)
    assert said.count(f"closed to readers without a key: the data of {CLOSED}") == 1


def test_the_list_of_datasets_says_which_are_closed(browser: Browser, closed_address: str) -> None:
    with open_page(browser, closed_address) as page:
        page.goto("/?view=datasets")
        expect(page.get_by_text("Closed: readers without a key see neither")).to_have_count(1)
        expect(page.get_by_text("Its events are closed to readers without a key;")).to_have_count(1)
