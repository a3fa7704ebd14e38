"""Journeys of those who take an answer along: each is counted in steps, by keys and on a phone."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from briefs.test_briefs import lay_out, stretch
from explorer.conftest import open_page
from explorer.test_explorer import RULES, TOO_WIDE, open_view
from playwright.sync_api import Browser, Page, expect

from app.briefs.layout import fit_on_page
from app.briefs.render import render_brief_html
from app.briefs.schemas import BriefAnswer

pytestmark = pytest.mark.slow

PAIR = "actor=ARM&toward=RUS"
SHIFT = f"/?view=shift&{PAIR}"
PAPER = ("A4", "Letter")
ALONE = {
    "brief": f"/brief?{PAIR}",
    "brief of nothing": "/brief?actor=FJI&toward=TON",
    "embed": f"/embed/shift?{PAIR}",
    "embeds": "/embed/compare?pair=ARM>RUS&pair=ARM>EU",
}


def count_pages(page: Page, paper: str) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format=paper)))


def open_dialog(page: Page) -> None:
    page.get_by_role("button", name="Share and cite").click()
    expect(page.locator(".share h3").first).to_be_visible()


def read_clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_reader_hears_of_changes_by_feed_and_by_webhook(page: Page) -> None:
    open_view(page, "/?view=events&actor=ARM&type=AGREE")
    open_dialog(page)
    dialog = page.locator(".share")
    feed = dialog.get_by_role("link", name="JSON Feed", exact=True).get_attribute("href")
    assert page.request.get(feed or "").json()["items"]
    dialog.get_by_text("Send changes to a webhook").click()
    dialog.get_by_label("Address").fill("https://hooks.example/x")
    dialog.get_by_label("Your key").fill("ent_wrong")
    dialog.get_by_role("button", name="Keep a watch").click()
    expect(dialog.get_by_role("status")).to_have_text("The key is unknown.")


def test_an_editor_has_footnote_table_and_picture_in_three_steps(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_view(page, SHIFT)  # step 1
    expect(page.locator("#evidence")).to_be_visible()
    open_dialog(page)  # step 2
    page.get_by_role("button", name="Copy Footnote").click()  # step 3
    expect(page.get_by_role("button", name="Copy Footnote")).to_have_text("Copied")
    [row] = page.request.get(f"/v1/shifts?{PAIR}").json()["data"]
    text = read_clipboard(page)
    assert row["title"] in text
    assert re.search(r"as_of=\d+&lineage=\w+\. Read on \d+ \w{3} \d{4}\.$", text)
    page.get_by_role("button", name="Copy the table").click()
    expect(page.locator("#status")).to_have_text(re.compile("rows copied"))
    text = read_clipboard(page)
    assert text.startswith(row["sentence"])
    assert "\t" in text
    for name in ("PNG", "SVG", "PDF", "CSV"):
        link = page.locator(".share").get_by_role("link", name=name, exact=True)
        assert page.request.get(str(link.get_attribute("href"))).status == 200


def test_a_ministry_has_the_brief_on_one_page_in_three_steps(page: Page) -> None:
    open_view(page, "/")
    page.get_by_role("link", name="Is Armenia moving away from Russia?").click()  # step 1
    open_dialog(page)  # step 2
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Brief on one page").click()  # step 3
    brief = opened.value
    [row] = page.request.get(f"/v1/shifts?{PAIR}").json()["data"]
    expect(brief.locator("h1")).to_contain_text(row["headline"])
    assert [count_pages(brief, paper) for paper in PAPER] == [1, 1]


def test_any_brief_is_printed_on_one_page(page: Page) -> None:
    for question in (
        "actor=ARM&toward=EU,USA&against=RUS,CSTO",
        "actor=FJI&toward=TON",
        "actor=ARM",
        "actor=USA",
    ):
        page.goto(f"/brief?{question}")
        assert [count_pages(page, paper) for paper in PAPER] == [1, 1], question
    found = BriefAnswer.model_validate(page.request.get(f"/v1/brief?{PAIR}").json())
    tall = '<svg xmlns="http://www.w3.org/2000/svg" width="760" height="348"/>'
    layout = fit_on_page(lay_out(stretch(found)))
    page.set_content(render_brief_html(layout, tall, "a picture"))
    page.wait_for_load_state("networkidle")
    assert [count_pages(page, paper) for paper in PAPER] == [1, 1]


def test_the_dialog_works_by_keys_and_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_view(page, SHIFT)
    opener = page.get_by_role("button", name="Share and cite")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".share h3").first).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    assert page.evaluate(TOO_WIDE) == []
    box = page.locator(".share").bounding_box()
    assert box is not None
    assert box["width"] <= 390
    found = Axe().run(page, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Escape")
    expect(page.locator(".share")).to_have_count(0)
    expect(opener).to_be_focused()


def test_printing_shows_all_evidence_and_no_empty_fields(page: Page) -> None:
    open_view(page, SHIFT)
    expect(page.locator("#evidence")).to_be_visible()
    [row] = page.request.get(f"/v1/shifts?{PAIR}").json()["data"]
    whole = len(page.request.get(f"/v1/shifts/{row['id']}").json()["evidence"])
    evidence = page.get_by_role("table", name="Events, each with its share of the change")
    assert evidence.locator("tbody > tr").count() < whole
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(evidence.locator("tbody > tr")).to_have_count(whole)
    for part in ("input", "button", "select", ".share-open"):
        for one in page.locator(part).all():
            expect(one).to_be_hidden()
    expect(page.locator("#printed")).to_contain_text(page.url)
    open_view(page, "/?view=events&between=ARM,RUS&since=2023-09&until=2023-10")
    rows = page.locator(".events tbody tr").count()
    expect(page.locator(".loaded")).to_have_text(f"{rows} events in all.")


def test_the_code_of_a_frame_is_copied_in_three_steps(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_view(page, SHIFT)
    open_dialog(page)  # step 2
    page.get_by_role("button", name="Copy Code for a page").click()  # step 3
    code = read_clipboard(page)
    address = r'"http[^"]+/embed/shift\?[^"]+as_of=\d+&amp;lineage=\w+"'
    assert re.match(rf'<iframe src={address} title="Armenia', code)


def test_a_frame_elsewhere_is_refused_by_default(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.set_content(f'<iframe src="{address}/embed/shift?{PAIR}"></iframe>')
    page.wait_for_timeout(1000)
    expect(page.frame_locator("iframe").locator("figure")).to_have_count(0)
    context.close()
    assert any("frame-ancestors" in text for text in said)


def test_without_a_connection_the_view_stays_and_says_so(page: Page) -> None:
    open_view(page, SHIFT)
    expect(page.locator("#evidence")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Share and cite").click()
    expect(page.locator(".share [role=alert]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#evidence")).to_be_visible()


@pytest.fixture(scope="module", params=ALONE)
def alone(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A page that is shown without the explorer."""
    with open_page(browser, address) as page:
        page.goto(ALONE[request.param])
        yield page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_taken_along_have_no_accessibility_violations(alone: Page, scheme: str) -> None:
    alone.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for width in (1280, 390):
        alone.set_viewport_size({"width": width, "height": 844})
        found = Axe().run(alone, options={"runOnly": RULES})
        assert found.violations_count == 0, found.generate_report()
        assert alone.evaluate(TOO_WIDE) == []
