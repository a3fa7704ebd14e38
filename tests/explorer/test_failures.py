"""What fails is asked again only where that can help, and says what to do."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.slow


def count_requests(page: Page, path: str) -> list[str]:
    """Keep the addresses below a path that the page asks for from now on."""
    found: list[str] = []
    page.on("request", lambda r: found.append(r.url) if path in r.url else None)
    return found


def refuse(page: Page, path: str, status: int, **headers: str) -> list[str]:
    """Let every request below a path fail; the addresses asked for."""
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        body: dict[str, Any] = {"title": "No", "status": status, "detail": "Too much at once."}
        route.fulfill(status=status, json=body, headers=headers)

    page.route(path, fail)
    return asked


def test_refused_question_is_asked_once_and_told_once(own_page: Page) -> None:
    asked = count_requests(own_page, "/v1/")
    own_page.goto("/?view=events&since=2023-13")
    expect(own_page.locator(".state.failure")).to_have_count(1)
    own_page.wait_for_timeout(1500)
    assert sorted(url.partition("?")[0].rpartition("/")[2] for url in asked) == [
        "events",
        "facets",
        "timeline",
    ]
    expect(own_page.locator(".state.failure")).to_have_count(1)
    expect(own_page.locator(".state.failure button")).to_have_count(0)


@pytest.mark.parametrize(
    ("wrong", "mended", "result"),
    [
        ("view=events&since=2023-13&tag=csto", "2023-12", "since=2023-12&tag=csto"),
        ("view=events&actor=Armnia", "Armenia", "actor=ARM"),
        ("view=events&between=RUS,Armnia", "Armenia", "between=RUS%2CARM"),
        ("view=events&type=AID&type=AGREEE", "AGREE", "type=AID&type=AGREE"),
        ("view=compare&pair=Armnia>EU", "Armenia", "pair=ARM%3EEU"),
        ("view=shift&actor=ARM&toward=Russsia", "Russia", "toward=RUS"),
    ],
)
def test_suggestion_mends_its_parameter_alone(
    page: Page, wrong: str, mended: str, result: str
) -> None:
    page.goto(f"/?{wrong}")
    page.locator(".state.failure").get_by_role("link", name=mended, exact=True).click()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.locator(".state.failure")).to_have_count(0)
    assert result in page.url


def test_busy_service_is_asked_three_times_more_with_a_countdown(page: Page) -> None:
    asked = refuse(page, "**/v1/events?*", 503, **{"Retry-After": "1"})
    page.goto("/?view=events&actor=ARM")
    expect(page.locator(".state.busy")).to_contain_text("Trying again in")
    expect(page.locator(".state.failure")).to_contain_text("Too much at once.")
    page.wait_for_timeout(1500)
    assert len(asked) == 4
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_countdown_can_be_stopped(page: Page) -> None:
    asked = refuse(page, "**/v1/events?*", 429, **{"Retry-After": "30"})
    page.goto("/?view=events&actor=ARM")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert len(asked) == 1


def test_service_that_names_no_time_is_asked_by_the_reader_alone(page: Page) -> None:
    asked = refuse(page, "**/v1/events?*", 503)
    page.goto("/?view=events&actor=ARM")
    expect(page.locator(".state.failure")).to_be_visible()
    page.wait_for_timeout(1500)
    assert len(asked) == 1
    page.unroute("**/v1/events?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tr.row").first).to_be_visible()


def test_pair_that_cannot_be_answered_leaves_the_others_alone(page: Page) -> None:
    page.goto("/?view=compare&pair=ARM-RUS&pair=Armnia>EU&pair=nonsense")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.locator("figure svg")).to_have_count(1)
    expect(page.locator(".state.failure")).to_have_count(1)
    expect(page.locator(".chips .wrong")).to_contain_text("write it as ARM>RUS")


def test_a_page_without_one_of_its_files_says_so_and_tries_again(page: Page) -> None:
    asked = refuse(page, "**/explorer/views/map.js", 503)
    page.goto("/?view=datasets")
    expect(page.get_by_role("alert")).to_contain_text("A part of the page did not arrive")
    expect(page.get_by_role("alert")).to_contain_text("Trying again in")
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    page.unroute("**/explorer/views/map.js")
    expect(page.locator("h1")).to_contain_text("Datasets")
    assert len(asked) == 1
    assert page.evaluate("sessionStorage.getItem('retries')") is None
