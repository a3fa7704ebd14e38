"""The reference of the API: ordered, searchable, with ways back, and nothing from elsewhere."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer.test_explorer import RULES
from openapi_document import DOCUMENT
from playwright.sync_api import Page, expect


def test_every_tag_of_an_operation_is_described_and_used() -> None:
    described = [tag["name"] for tag in DOCUMENT["tags"]]
    used = {
        tag
        for operations in DOCUMENT["paths"].values()
        for operation in operations.values()
        for tag in operation["tags"]
    }
    assert set(described) == used
    assert described[0] == "events"
    assert all(tag["description"].endswith(".") for tag in DOCUMENT["tags"])


@pytest.mark.slow
def test_reference_is_searched_and_leads_back(page: Page) -> None:
    page.goto("/docs")
    operations = page.locator(".opblock")
    expect(operations.first).to_be_visible()
    every = operations.count()
    field = page.get_by_role("searchbox", name="Search the operations")
    field.fill("timeline")
    expect(operations.first).to_contain_text("/v1/timeline")
    assert 0 < operations.count() < every
    expect(page.locator("#found")).to_have_text(re.compile(r"^\d+ operations?$"))
    for theme in ("Dark", None):
        found = Axe().run(page, context={"exclude": [["#swagger-ui"]]}, options={"runOnly": RULES})
        assert found.violations_count == 0, found.generate_report()
        if theme:
            page.get_by_role("button", name=theme).click()
    page.get_by_role("link", name="All filters").click()
    expect(page.locator("h1")).to_have_text("Filters")
    page.get_by_role("link", name="API reference").first.click()
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.locator("h1")).to_have_text("Events")
