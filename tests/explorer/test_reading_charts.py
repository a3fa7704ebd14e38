"""Charts are read by pointer, keys and touch: periods in words, their events, and stretches."""

import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import pytest
from explorer.conftest import open_page
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.slow
CURVE = "/?view=shift&actor=ARM&toward=RUS"
PAIR = "/?view=events&between=ARM,RUS&since=2023-09&until=2023-10"


def open_chart(page: Page, address: str) -> Locator:
    """Open a view; the reader of its first chart."""
    page.goto(address)
    expect(page.locator("[aria-busy]")).to_have_count(0, timeout=60_000)
    plot = page.get_by_role("slider", name=re.compile("Read the chart")).first
    plot.scroll_into_view_if_needed()
    return plot


def find_spot(plot: Locator, share: float) -> tuple[float, float]:
    """The point of a plot at a share of its days."""
    box = plot.bounding_box()
    assert box is not None
    return box["x"] + box["width"] * share, box["y"] + box["height"] / 2


def read_query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def drag_over(page: Page, plot: Locator, first: float, last: float) -> None:
    page.mouse.move(*find_spot(plot, first))
    page.mouse.down()
    page.mouse.move(*find_spot(plot, last), steps=4)
    page.mouse.up()


def test_pointer_and_keys_read_the_same_of_a_month(page: Page) -> None:
    plot = open_chart(page, CURVE)
    points = page.request.get("/v1/alignment?actor=ARM&toward=RUS&granularity=month").json()
    page.mouse.move(*find_spot(plot, 0.57))
    tip = page.locator(".tip")
    expect(tip).to_contain_text("90 % confidence")
    [at] = [p for n, p in enumerate(points["data"]) if n == int(_read(plot, "aria-valuenow"))]
    said = f"{abs(at['index']):.2f}, with 90 % confidence"
    expect(tip).to_contain_text(said)
    expect(tip).to_contain_text("The break may lie here")
    pointed = tip.text_content()
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    plot.press("ArrowRight")
    plot.press("ArrowLeft")
    expect(tip).to_have_text(str(pointed))
    expect(page.locator(".drawing [aria-live]")).to_contain_text(said)
    month = _read(plot, "aria-valuetext")
    plot.press("PageUp")
    assert _read(plot, "aria-valuetext").split()[0] == month.split()[0]
    plot.press("Home")
    assert _read(plot, "aria-valuenow") == "0"
    plot.press("Escape")
    expect(tip).to_be_hidden()


def _read(part: Locator, name: str) -> str:
    return str(part.get_attribute(name))


@pytest.mark.parametrize("way", ["click", "Enter"])
def test_month_leads_to_its_events(page: Page, way: str) -> None:
    plot = open_chart(page, CURVE)
    page.mouse.move(*find_spot(plot, 0.66))
    if way == "click":
        page.mouse.down()
        page.mouse.up()
    else:
        plot.press("Enter")
    page.wait_for_url(re.compile("view=events"))
    query = read_query(page)
    assert query["between"] == "ARM,RUS"
    assert query["since"][:7] == query["until"][:7]
    expect(page.locator("[aria-busy]")).to_have_count(0)
    asked = {name: query[name] for name in ("between", "since", "until")}
    counted = page.request.get("/v1/events", params={**asked, "count": "exact"}).json()["meta"]
    expect(page.locator("tr.row")).to_have_count(counted["count"])
    page.go_back()
    expect(page.locator("h1")).to_contain_text("Shifts")


def test_stretch_of_a_curve_is_drawn_alone_and_the_answer_stays(page: Page) -> None:
    plot = open_chart(page, CURVE)
    sentence = str(page.locator(".answer").first.text_content())
    drag_over(page, plot, 0.5, 0.75)
    page.wait_for_url(re.compile("zoom="))
    first, last = read_query(page)["zoom"].split("/")
    expect(page.locator("figure svg")).to_have_attribute("data-t0", first)
    expect(page.locator(".answer").first).to_have_text(sentence)
    page.reload()
    expect(page.locator("figure svg")).to_have_attribute("data-t0", first)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    plot.press("End")
    plot.press("Shift+ArrowLeft")
    plot.press("Shift+ArrowLeft")
    expect(page.locator(".drawing [aria-live]")).to_contain_text("Enter draws these days alone")
    plot.press("Enter")
    page.wait_for_url(lambda url: "zoom=" in url and first not in url)
    assert read_query(page)["zoom"].endswith(last)
    expect(plot).to_be_focused()
    page.go_back()
    expect(page.locator("figure svg")).to_have_attribute("data-t0", first)
    page.get_by_role("button", name="Show all days").click()
    page.wait_for_url(lambda url: "zoom=" not in url)


def test_days_that_are_chosen_filter_the_list(page: Page) -> None:
    plot = open_chart(page, PAIR)
    before = page.locator("tr.row").count()
    expect(page.locator("figure svg")).to_contain_text("Khachaturyan signs the Rome Statute")
    drag_over(page, plot, 0.03, 0.2)
    page.wait_for_url(re.compile("since=2023-09-0"))
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert 0 < page.locator("tr.row").count() < before
    page.get_by_role("button", name="Show more days").click()
    page.wait_for_url(re.compile("since=2023-08"))


def test_a_first_touch_reads_and_a_second_follows(browser: Browser, address: str) -> None:
    with open_page(
        browser, address, viewport={"width": 390, "height": 844}, has_touch=True
    ) as page:
        plot = open_chart(page, CURVE)
        spot = find_spot(plot, 0.66)
        page.touchscreen.tap(*spot)
        expect(page.locator(".tip")).to_be_visible()
        assert "view=shift" in page.url
        page.touchscreen.tap(*spot)
        page.wait_for_url(re.compile("view=events"))


def test_a_finger_drawn_across_a_curve_chooses_a_stretch_and_one_drawn_down_scrolls(
    browser: Browser, address: str
) -> None:
    with open_page(
        browser, address, viewport={"width": 390, "height": 844}, has_touch=True
    ) as page:
        plot = open_chart(page, CURVE)
        (x, y), (end, _) = find_spot(plot, 0.4), find_spot(plot, 0.8)
        move_finger(page, [(x, y - step * 12) for step in range(9)])
        assert "zoom=" not in page.url
        page.wait_for_function("scrollY > 0")
        (x, y), (end, _) = find_spot(plot, 0.4), find_spot(plot, 0.8)
        move_finger(page, [(x + (end - x) * step / 8, y) for step in range(9)])
        page.wait_for_url(re.compile("zoom="))
        first, last = read_query(page)["zoom"].split("/")
        assert first < last
        expect(page.locator("figure svg")).to_have_attribute("data-t0", first)


def move_finger(page: Page, path: Sequence[tuple[float, float]]) -> None:
    """Put a finger down at the first spot, move it over the others, and lift it."""
    session = page.context.new_cdp_session(page)
    for n, (x, y) in enumerate(path):
        kind = "touchMove" if n else "touchStart"
        points = [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(20)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def test_pairs_side_by_side_share_scale_days_height_and_reading(page: Page) -> None:
    pairs = "&".join(f"pair={pair}" for pair in ("ARM>RUS", "ARM>EU", "ARM>USA", "GEO>RUS"))
    plot = open_chart(page, f"/?view=compare&{pairs}")
    drawn = page.locator("figure svg").evaluate_all(
        "all => all.map(({dataset: d}) => [d.t0, d.t1, d.x0, d.x1, d.y1 - d.y0].join())"
    )
    assert len(drawn) == 4
    assert len(set(drawn)) == 1
    for limit in ("1.0", "−1.0"):
        expect(page.locator("figure svg").get_by_text(limit, exact=True)).to_have_count(4)
    page.mouse.move(*find_spot(plot, 0.5))
    expect(page.locator(".tip:visible")).to_have_count(4)
    expect(page.get_by_text("No dataset covers these days").first).to_be_visible()
    months = page.locator(".tip strong").all_text_contents()
    assert len(set(months)) == 1
    page.mouse.move(5, 5)
    expect(page.locator(".tip:visible")).to_have_count(0)


@pytest.fixture
def phone(page: Page) -> Page:
    """A page of the size of a phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    return page


def test_map_gathers_places_and_names_the_largest_also_on_a_phone(phone: Page) -> None:
    phone.goto("/?view=map&actor=ARM")
    expect(phone.locator(".map circle").first).to_be_attached()
    circles = phone.locator(".map circle").evaluate_all(
        "all => all.map(c => [c.cx.baseVal.value, c.cy.baseVal.value, c.r.baseVal.value])"
    )
    for n, (x, y, _) in enumerate(circles):
        assert all((x - a) ** 2 + (y - b) ** 2 >= 24**2 for a, b, _ in circles[:n])
    names = phone.locator(".map .names")
    for largest in ("Yerevan", "Moscow"):
        expect(names).to_contain_text(largest)
    cluster = phone.locator(".map .cluster").first
    count = int(str(cluster.locator("text").text_content()))
    cluster.focus()
    phone.keyboard.press("Enter")
    phone.wait_for_url(re.compile("bbox="))
    expect(phone.locator("h1")).to_be_visible()
    expect(phone.get_by_text(re.compile(f"^{count} of {count} events"))).to_be_visible()
    phone.get_by_role("button", name="Show all places").click()
    phone.wait_for_url(lambda url: "bbox=" not in url)


def test_map_moves_through_the_months_with_the_keyboard(page: Page) -> None:
    page.goto("/?view=map&actor=ARM")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    months = page.get_by_role("slider", name="Month")
    months.press("End")
    page.wait_for_url(re.compile("since=2026-06&until=2026-06"))
    for month, name in (("2026-05", "May 2026"), ("2026-04", "April 2026")):
        months.press("ArrowLeft")
        page.wait_for_url(re.compile(f"since={month}&until={month}"))
        expect(page.locator(".chips")).to_contain_text(f"Since: {name}")
    expect(months).to_be_focused()
    expect(months).to_have_attribute("aria-valuetext", "April 2026")
    months.press("Home")
    page.wait_for_url(lambda url: "since=" not in url)
