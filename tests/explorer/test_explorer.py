"""The explorer in a real browser: from a name to a quotation, by links, keys and going back."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer.conftest import Pages
from openapi_document import PATHS
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.slow

shifts = pytest.mark.skipif("/v1/shifts" not in PATHS, reason="no shifts in this service")
VIEWS = {
    "home": "/",
    "events": "/?view=events&between=ARM,RUS&since=2023-09&until=2023-10",
    "event": "/?view=event&id=curated:2023-10-03-armenia-ratifies-rome-statute",
    "actor": "/?view=actor&actor=ARM",
    "alliances": "/?view=alliances&on=2023-10-13",
    "alliance": "/?view=alliance&code=CSTO&on=2023-10-13",
    "map": "/?view=map&actor=ARM",
    "datasets": "/?view=datasets",
    "help": "/help/filters",
    "imports": "/?view=imports",
    "uncovered": "/?view=events&until=1900",
    "failure": "/?view=actor&actor=Armenai",
}
WITH_SHIFTS = {
    "shift": "/?view=shift&actor=ARM&toward=RUS",
    "shifts": "/?view=shift&actor=ARM",
    "compare": "/?view=compare&pair=ARM>RUS&pair=ARM>EU",
}
if "/v1/shifts" in PATHS:
    VIEWS |= WITH_SHIFTS
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""What else there is to find is the same in the dark."""
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.body.querySelectorAll("*")]
        .filter(part => part.getBoundingClientRect().right > innerWidth)
        .map(part => part.outerHTML.slice(0, 90))"""
NOT_DARK = """() => [...document.querySelectorAll(".drawing svg *")].flatMap(part =>
    ["fill", "stroke"].filter(name => /^(#|rgb|[a-z]+$)/.test(part.getAttribute(name) ?? "none"))
        .filter(name => !["none", "transparent"].includes(part.getAttribute(name) ?? "none"))
        .filter(name => {
            const probe = document.createElement("i");
            probe.style.color = part.getAttribute(name);
            document.body.append(probe);
            const drawn = getComputedStyle(probe).color;
            probe.remove();
            return getComputedStyle(part)[name] === drawn;
        })
        .map(name => `${name}=${part.getAttribute(name)}`))"""
"""The colours of drawings that have no counterpart in the dark."""
TITLE = "Armenian parliament ratifies the Rome Statute"


def open_view(page: Page, address: str) -> Page:
    """A view, once it and its charts are there."""
    page.goto(address)
    expect(page.locator("h1")).to_be_visible(timeout=30_000)
    expect(page.locator("[aria-busy]")).to_have_count(0, timeout=30_000)
    return page


@pytest.fixture(scope="module", params=VIEWS)
def view(request: pytest.FixtureRequest, pages: Pages, shots: Path | None) -> Iterator[Page]:
    """Each view in turn, opened once for the tests that follow, with its first details shown."""
    with pages.borrow_page() as page:
        open_view(page, VIEWS[request.param])
        if shots:
            page.screenshot(path=shots / f"{request.param}.png")
        for summary in page.locator("summary").all()[:1]:
            summary.click()
        yield page


def test_every_request_shown_answers(view: Page) -> None:
    for code in view.locator("details.request summary code").all():
        answer = view.request.get(str(code.text_content()))
        assert answer.status == 200, code.text_content()


def test_no_view_has_accessibility_violations(view: Page) -> None:
    found = Axe().run(view, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()


def test_colours_in_the_dark_have_enough_contrast(view: Page) -> None:
    view.get_by_role("button", name="Dark").click()
    assert set(view.evaluate(NOT_DARK)) == set()
    found = Axe().run(view, options={"runOnly": COLOURS})
    assert found.violations_count == 0, found.generate_report()


def test_no_view_overflows_a_phone_screen(
    view: Page, shots: Path | None, request: pytest.FixtureRequest
) -> None:
    view.set_viewport_size({"width": 360, "height": 740})
    open_view(view, view.url)
    too_wide = view.evaluate(TOO_WIDE)
    assert too_wide == []
    name = request.node.callspec.params["view"]
    if shots and name in ("events", "shift"):
        for light in view.get_by_role("button", name="Light").all():
            light.click()
        view.screenshot(path=shots / f"{name}-phone.png")


def test_when_a_revision_was_written_is_said_as_other_days_are(page: Page) -> None:
    open_view(page, VIEWS["event"])
    written = page.get_by_role("table", name="Revisions of this record").locator("time").first
    day = r"\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}, \d\d:\d\d UTC"
    expect(written).to_have_text(re.compile(day))


def test_dark_theme_is_toggled_by_button(page: Page, shots: Path | None) -> None:
    open_view(page, VIEWS["events"])
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(paper) != light
    if shots:
        page.screenshot(path=shots / "events-dark.png")


def test_actor_search_leads_to_event_with_quotation(page: Page) -> None:
    open_view(page, "/")
    page.get_by_role("combobox", name="Find an actor").fill("Armenia")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("h1")).to_have_text("Armenia (ARM)")
    expect(page.locator("figure svg").first).to_be_visible()
    page.get_by_role("link", name="All events, with filters").click()
    expect(page.locator("h1")).to_have_text("Events")
    page.get_by_text("Add filters").click()
    page.get_by_label("Words").fill("rome statute parliament")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name=TITLE).first.click()
    expect(page.locator("h1")).to_have_text(TITLE)
    body = page.request.get(f"/v1/events/{VIEWS['event'].partition('id=')[2]}").json()
    assert len(body["reports"]) > 1
    for report in body["reports"]:
        expect(page.get_by_role("listitem").filter(has_text=report["publisher"])).to_have_count(1)
    expect(page.locator(".grade").first).to_have_attribute("title", re.compile("reliable"))


@shifts
def test_shift_leads_to_evidence_and_sources_in_two_clicks(page: Page) -> None:
    open_view(page, "/?view=shift&actor=ARM&toward=RUS")
    expect(page.locator("figcaption").first).to_contain_text("Armenia toward Russia")
    [row] = page.request.get("/v1/shifts?actor=ARM&toward=RUS").json()["data"]
    expect(page.locator(".shifts p").first).to_have_text(row["sentence"])
    ends = (row["onset_set"][0]["start"], row["onset_set"][-1]["end"])
    first, last = (f"{date.fromisoformat(day):%B %Y}" for day in ends)
    expect(page.locator(".shifts a").first).to_contain_text(f"{first} – {last}: {row['label']}")
    grounds = page.get_by_role("table", name="What the verdict rests on")
    expect(grounds).to_be_visible()
    page.locator(".shifts a").first.click()
    page.wait_for_url(re.compile("shift="))
    expect(page.locator("#evidence")).to_be_focused()
    expect(grounds).to_contain_text("scores stated by an analyst")
    evidence = page.get_by_role("table", name="Events, each with its share of the change")
    page.get_by_role("button", name=re.compile("Show all")).click()
    expect(evidence).to_contain_text(TITLE)
    said = page.request.get(f"/v1/events/{VIEWS['event'].partition('id=')[2]}").json()["reports"]
    for report in said:
        expect(evidence).to_contain_text(report["publisher"])
        if report["url"]:
            expect(evidence.locator(f'a[href="{report["url"]}"]').first).to_be_visible()
    evidence.get_by_role("link", name=TITLE).click()
    expect(page.locator("h1")).to_have_text(TITLE)
    page.go_back()
    expect(evidence).to_be_visible()


def test_filters_are_kept_in_the_url_and_browser_history(page: Page) -> None:
    open_view(page, VIEWS["events"])
    expect(page.locator(".chips li")).to_have_count(3)
    expect(page.locator(".chips")).to_contain_text("Between: Armenia – Russia")
    page.get_by_role("button", name="Remove Until: October 2023").click()
    expect(page.locator(".chips li")).to_have_count(2)
    assert "until" not in page.url
    page.go_back()
    expect(page.locator(".chips li")).to_have_count(3)
    page.go_forward()
    expect(page.locator(".chips li")).to_have_count(2)


def test_a_deep_link_survives_a_reload(page: Page) -> None:
    open_view(page, VIEWS["event"])
    page.reload()
    expect(page.locator("h1")).to_have_text(TITLE)


def test_known_by_is_kept_when_the_view_changes(page: Page) -> None:
    open_view(page, "/?view=events&member_of=CSTO&since=2023-08")
    page.get_by_text("As recorded today").click()
    page.get_by_label("Known by", exact=True).fill("2023-09-30")
    page.get_by_role("button", name="Set").click()
    expect(page.locator(".chips")).to_contain_text("Known by: 30 Sep 2023")
    expect(page.locator(".row").first).to_be_visible()
    expect(page.get_by_text(TITLE)).to_have_count(0)
    page.get_by_role("link", name="Map").click()
    expect(page.locator("h1")).to_have_text("Where it happened")
    assert "known_by=2023-09-30" in page.url


def test_every_view_says_which_request_made_it(page: Page, address: str) -> None:
    open_view(page, VIEWS["events"])
    box = page.locator("details.request").first
    box.locator("summary").click()
    expect(box).to_contain_text(f"curl -o entente.csv '{address}/v1/events?")
    for word in ("pd.read_csv(", "read.csv(", "as_of="):
        expect(box).to_contain_text(word)
    for form in ("csv", "parquet", "xlsx", "geojson", "ics"):
        link = box.get_by_role("link", name=form, exact=True)
        answer = page.request.get(str(link.get_attribute("href")))
        assert answer.status == 200, form


def read_shown_text(page: Page, label: str) -> str:
    """The text that a view offers to copy."""
    box = page.locator("details.request").first
    box.evaluate("box => { box.open = true; }")
    return str(box.get_by_role("group", name=label, exact=True).text_content())


HOSTILE_ADDRESS = "/?view=events&q=Pashinyan's+%22CSTO%22+%26+summit&actor=ARM&since=2023"


@pytest.mark.parametrize("view", [VIEWS["events"], "/?view=events&actor=ARM", HOSTILE_ADDRESS])
def test_copied_lines_give_the_whole_answer(page: Page, tmp_path: Path, view: str) -> None:
    """In a shell, in pandas and in R, with quotes and signs in the filter: every row."""
    open_view(page, view)
    asked = view.partition("view=events&")[2]
    counted = page.request.get(f"/v1/events?{asked}&count=exact").json()["meta"]["count"]
    subprocess.run(["sh", "-c", read_shown_text(page, "curl")], cwd=tmp_path, check=True)
    with (tmp_path / "entente.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == counted
    fields: dict[str, Any] = {}
    exec(read_shown_text(page, "Python"), fields)
    assert len(fields["table"]) == counted
    if shutil.which("Rscript") is not None:
        code = read_shown_text(page, "R") + "\ncat(nrow(table))"
        ran = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, check=True)
        assert ran.stdout.decode() == str(counted), ran.stderr.decode()


def test_copied_lines_of_a_document_without_a_table_run(page: Page) -> None:
    open_view(page, VIEWS["alliances"])
    text = str(page.locator("details.request summary code").first.text_content())
    wanted = page.request.get(text).json()["data"]
    curl = ["sh", "-c", read_shown_text(page, "curl")]
    assert (
        json.loads(subprocess.run(curl, capture_output=True, check=True).stdout)["data"] == wanted
    )
    fields: dict[str, Any] = {}
    exec(read_shown_text(page, "Python"), fields)
    assert fields["body"]["data"] == wanted
    assert page.request.get(read_shown_text(page, "Permalink")).json()["data"] == wanted


def test_empty_uncovered_and_failed_states_look_different(page: Page) -> None:
    open_view(page, "/?view=events&q=zyxwvut")
    expect(page.locator(".state.empty")).to_contain_text("Nothing matched")
    open_view(page, VIEWS["uncovered"])
    expect(page.locator(".state.uncovered")).to_contain_text("Not covered")
    open_view(page, VIEWS["failure"])
    expect(page.locator(".state.failure")).to_contain_text("ARM")
    expect(page.locator(".state.failure")).to_contain_text("cannot be answered")
    page.get_by_role("link", name="Armenia (ARM)").click()
    expect(page.locator("h1")).to_have_text("Armenia (ARM)")


def test_a_failure_of_the_service_is_shown_as_such_and_can_be_tried_again(page: Page) -> None:
    broken = True

    def fail(route: Route) -> None:
        if broken:
            route.fulfill(
                status=503,
                content_type="application/problem+json",
                body='{"title":"The service is unavailable","status":503,"detail":"Busy."}',
            )
        else:
            route.fallback()

    page.route("**/v1/events?*", fail)
    open_view(page, VIEWS["events"])
    failure = page.locator(".state.failure")
    expect(failure).to_contain_text("The service is busy")
    expect(failure).to_contain_text("Busy.")
    broken = False
    failure.get_by_role("button", name="Try again").click()
    expect(page.locator(".row").first).to_be_visible()


def test_unreachable_service_is_shown_as_failure(page: Page) -> None:
    page.route("**/v1/coverage", lambda route: route.abort())
    open_view(page, "/")
    expect(page.locator(".state.failure")).to_contain_text("could not be reached")


def test_the_keyboard_reaches_everything(page: Page) -> None:
    open_view(page, "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Events")
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_places_lie_on_land(page: Page) -> None:
    """Each circle is on the land that the map shows: both are drawn by the same measure."""
    open_view(page, "/?view=map&actor=ARM&country=ARM&country=RUS&country=BEL")
    expect(page.locator(".map .land")).to_have_count(1)
    off = page.locator(".map svg").evaluate(
        """svg => {
            const land = svg.querySelector(".land");
            const spots = [...svg.querySelectorAll("circle")].map(c => [c, svg.createSVGPoint()]);
            return spots.filter(([c, spot]) => {
                spot.x = c.cx.baseVal.value; spot.y = c.cy.baseVal.value;
                const inside = spot.matrixTransform(land.transform.baseVal[0].matrix.inverse());
                return !land.isPointInFill(inside);
            }).map(([c]) => c.textContent);
        }"""
    )
    assert page.locator(".map circle").count() > 3
    assert off == []


@shifts
def test_two_dyads_are_drawn_over_the_same_days(page: Page) -> None:
    open_view(page, WITH_SHIFTS["compare"])
    captions = [str(t).split(": a line")[0] for t in page.locator("figcaption").all_text_contents()]
    assert [t.partition(", ")[0] for t in captions] == [
        "Armenia toward Russia",
        "Armenia toward European Union",
    ]
    assert captions[0].partition(", ")[2] == captions[1].partition(", ")[2]


def test_chart_is_redrawn_when_the_window_is_resized(page: Page) -> None:
    open_view(page, "/?view=events")
    svg = page.locator("figure svg")
    wide = float(str(svg.get_attribute("width")))
    page.set_viewport_size({"width": 420, "height": 900})
    expect(svg).not_to_have_attribute("width", str(int(wide)))
    assert float(str(svg.get_attribute("width"))) <= 420


def test_hostile_titles_stay_text(page: Page) -> None:
    def hostile(route: Route) -> None:
        route.fulfill(
            json={
                "data": [
                    {
                        "id": "made:x", "title": "<img src=//evil.example/x onerror=alert(1)>",
                        "date": "2020", "type": None, "participants": [], "reports": [],
                    }
                ],
                "meta": {"version": 1}, "links": {"self": "", "next": None},
            }
        )  # fmt: skip

    page.route("**/v1/events?*", hostile)
    open_view(page, "/?view=events")
    expect(page.locator(".row .what")).to_contain_text("<img")
    assert page.locator(".row img").count() == 0


def test_slider_changes_the_day_of_members(page: Page) -> None:
    open_view(page, VIEWS["alliance"])
    expect(page.get_by_role("table", name="Members on 13 Oct 2023")).to_contain_text("Armenia")
    slider = page.get_by_label("Slide through the years")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_url(re.compile("on=2023-10-12"))
    expect(page.get_by_role("table", name="Members on 12 Oct 2023")).to_be_visible()
