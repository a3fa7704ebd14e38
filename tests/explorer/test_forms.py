"""Fields for names, and where the reader is left when a view is drawn again."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow


def open_view(page: Page, address: str) -> None:
    """Open a view and wait until all of its parts have answered."""
    page.goto(address)
    expect(page.locator("[aria-busy]")).to_have_count(0)


def test_name_is_chosen_with_the_keys(page: Page) -> None:
    open_view(page, "/?view=shift")
    who = page.get_by_role("combobox", name="Who", exact=True)
    who.press_sequentially("armeni")
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_contain_text("Armenia")
    expect(who).to_have_attribute("aria-expanded", "true")
    who.press("ArrowDown")
    chosen = str(options.first.get_attribute("id"))
    expect(who).to_have_attribute("aria-activedescendant", chosen)
    who.press("Enter")
    expect(who).to_have_value("Armenia")
    expect(options).to_have_count(0)
    toward = page.get_by_role("combobox", name="toward")
    toward.fill("Russia")
    toward.press("Enter")
    page.wait_for_url(re.compile("actor=ARM&toward=RUS"))


def test_several_names_are_chips_that_can_be_removed(page: Page) -> None:
    open_view(page, "/?view=shift&actor=ARM&toward=EU,USA")
    toward = page.get_by_role("combobox", name="toward")
    expect(page.get_by_role("button", name="Remove European Union")).to_be_visible()
    toward.press("Backspace")
    expect(page.get_by_role("button", name="Remove United States")).to_have_count(0)
    toward.fill("France")
    toward.press(",")
    expect(page.get_by_role("button", name="Remove France")).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url(re.compile(r"toward=EU%2CFRA"))


@pytest.mark.parametrize("typed", ["ARM", "Armenia", "Armenia (ARM)", "armenia"])
def test_typed_name_of_one_actor_is_taken(page: Page, typed: str) -> None:
    open_view(page, "/")
    field = page.get_by_role("combobox", name="Find an actor")
    field.fill(typed)
    field.press("Enter")
    expect(page.locator("h1")).to_have_text("Armenia (ARM)")


def test_unknown_name_is_told_at_its_field_and_nothing_is_sent(page: Page) -> None:
    open_view(page, "/?view=shift")
    before = page.url
    who = page.get_by_role("combobox", name="Who", exact=True)
    who.fill("Armnia")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("main .fault").first).to_contain_text("No actor is called “Armnia”")
    expect(who).to_have_attribute("aria-invalid", "true")
    assert page.url == before
    page.locator("main .fault").get_by_role("button", name="Armenia", exact=True).click()
    expect(who).to_have_value("Armenia")


def test_slider_keeps_the_keyboard(page: Page) -> None:
    open_view(page, "/?view=alliance&code=CSTO&on=2023-10-13")
    slider = page.get_by_label("Slide through the years")
    slider.focus()
    for day in (12, 11, 10):
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(re.compile(f"on=2023-10-{day}"))
        expect(page.get_by_role("table", name=f"Members on {day} Oct 2023")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "on-slider"


def test_removing_a_chip_leads_to_the_next(page: Page) -> None:
    open_view(page, "/?view=events&between=ARM,RUS&since=2023-09&until=2023-10")
    page.get_by_role("button", name="Remove Between: ARM,RUS").click()
    expect(page.locator(".chips li")).to_have_count(2)
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "Remove Since: September 2023"


def test_going_back_restores_the_place_in_the_list(page: Page) -> None:
    open_view(page, "/?view=events&actor=ARM")
    expect(page.locator("tr.row").nth(60)).to_be_attached()
    page.evaluate("scrollTo(0, 3000)")
    page.wait_for_timeout(300)
    page.locator("tr.row a.what").nth(40).click()
    expect(page.locator("h1")).not_to_have_text("Events")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Events")
    expect(page.locator("tr.row").nth(60)).to_be_attached()
    page.wait_for_function("() => Math.abs(scrollY - 3000) < 50")


def test_list_is_sorted_by_a_column(page: Page) -> None:
    open_view(page, "/?view=events&between=ARM,RUS&since=2023-09&until=2023-10")
    head = page.get_by_role("columnheader", name="Date")
    expect(head).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Date").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("tr.row").first).to_contain_text("peacekeeping contingent")
    page.get_by_role("button", name="Together or apart").click()
    expect(page.locator("tr.row td.effect").first).to_contain_text("apart")


def test_print_has_every_row_and_no_forms(page: Page) -> None:
    open_view(page, "/?view=events&actor=ARM&since=2023")
    rows = page.locator("tr.row").count()
    page.emulate_media(media="print")
    for gone in ("header", "form", "details"):
        for part in page.locator(gone).all():
            expect(part).to_be_hidden()
    assert page.locator("tr.row:visible").count() == rows
    expect(page.locator("#printed")).to_contain_text("actor=ARM")


def test_facet_narrows_the_result_and_is_taken_back(page: Page) -> None:
    open_view(page, "/?view=events&between=ARM,RUS&since=2023-09&until=2023-10")
    before = page.locator("tr.row").count()
    page.locator(".facets").get_by_role("link", name="accusation").click()
    page.wait_for_url(re.compile("type=ACCUSE"))
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert 0 < page.locator("tr.row").count() < before
    page.locator(".facets").get_by_role("link", name="accusation ×").click()
    expect(page.locator("tr.row")).to_have_count(before)
