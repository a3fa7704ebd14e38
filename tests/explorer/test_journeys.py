"""Four people reach what they came for, each in so many steps: a click, a key or a text typed."""

import re
import subprocess

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow


class Steps:
    """Carries out what a person does on a page, and counts it."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def click(self, role: str, name: str | re.Pattern[str]) -> None:
        """Click the first element of a role with a name."""
        self.count += 1
        self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]

    def press(self, *keys: str) -> None:
        """Press keys, each a step."""
        for key in keys:
            self.count += 1
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type a text, as one step."""
        self.count += 1
        self.page.keyboard.type(text)


def test_newcomer_understands_an_answer_in_three_steps(page: Page) -> None:
    page.goto("/")
    steps = Steps(page)
    steps.click("link", re.compile("Is Armenia moving away from Russia"))
    [row] = page.request.get("/v1/shifts?actor=ARM&toward=RUS").json()["data"]
    expect(page.locator(".answer").first).to_have_text(row["sentence"])
    assert "Armenia" in row["sentence"]
    expect(page.locator("h1")).to_have_text("Shifts of Armenia toward Russia")
    steps.click("button", "What is “Shifts”?")
    expect(page.locator(".explained:popover-open")).to_contain_text("a change of alignment")
    page.keyboard.press("Escape")
    hint = page.locator("#hint")
    expect(hint).to_contain_text("Hint 1 of 3")
    steps.click("button", "No hints")
    expect(hint).to_be_hidden()
    page.reload()
    expect(page.locator(".answer").first).to_be_visible()
    expect(hint).to_be_hidden()
    assert steps.count == 3


def test_hints_are_left_out_where_nothing_can_be_kept(own_page: Page) -> None:
    own_page.add_init_script(
        "delete window.localStorage; Object.defineProperty(window, 'localStorage',"
        " {get() { throw new Error('closed'); }})"
    )
    own_page.goto("/?view=alliances&on=2023-10-13")
    expect(own_page.locator("table")).to_be_visible()
    expect(own_page.locator("#hint")).to_be_hidden()


def test_analyst_goes_from_a_number_to_its_source_in_two_steps(page: Page) -> None:
    page.goto("/?view=shift&actor=ARM&toward=RUS")
    steps = Steps(page)
    evidence = page.get_by_role("table", name="Events, each with its share of the change")
    row = evidence.locator("tbody tr").first
    expect(row).to_contain_text(re.compile(r"[+−]0\.\d\d"))
    title = str(row.get_by_role("link").first.text_content())
    steps.click("link", title)
    expect(page.locator("h1")).to_have_text(title)
    source = page.locator('main li a[rel~="external"]').first
    assert str(source.get_attribute("href")).startswith("http")
    expect(page.locator(".grade").first).to_have_attribute("title", re.compile("reliable"))
    steps.click("button", "What is “grade”?")
    expect(page.locator(".explained:popover-open")).to_contain_text("two judgments")
    assert steps.count == 2


def test_engineer_copies_a_request_and_runs_it_in_two_steps(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/?view=alliances&on=2023-10-13")
    steps = Steps(page)
    expect(page.locator("details.request summary").first).to_be_visible()
    steps.count += 1
    page.locator("details.request summary").first.click()
    steps.click("button", "Copy curl")
    expect(page.locator("#status")).to_have_text("curl copied")
    command = str(page.evaluate("navigator.clipboard.readText()"))
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    assert b'"CSTO"' in done.stdout
    assert steps.count == 2


def test_keyboard_alone_finds_an_event_in_six_steps(page: Page) -> None:
    page.goto("/")
    field = page.get_by_role("combobox", name="Find an actor, event or source")
    expect(page.locator("h1")).to_be_visible()
    field.focus()
    steps = Steps(page)
    steps.type("rome statute")
    option = page.get_by_role("option", name=re.compile("ratifies the Rome Statute"))
    expect(option.first).to_be_visible()
    steps.press("ArrowDown")
    while "ratifies" not in str(
        page.locator('[role="option"][aria-selected="true"]').text_content()
    ):
        steps.press("ArrowDown")
    steps.press("Enter")
    expect(page.locator("h1")).to_contain_text("ratifies the Rome Statute")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert steps.count <= 6
