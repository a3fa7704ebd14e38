"""Programs find their way: types of problems are pages, and catalogs lead to what exists."""

import re
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from app.db.failures import FailureKind
from app.explorer.help_pages import read_help_page
from app.http.problems import PROBLEM_SLUGS

OF_SINGLE_CAUSES = {
    "too-costly", "overload", "stale-schema", "behind", "standby", "closed-dataset",
}  # fmt: skip


def test_every_type_of_problem_is_explained() -> None:
    slugs = {*PROBLEM_SLUGS.values(), *get_args(FailureKind), *OF_SINGLE_CAUSES}
    sections = [s for s in read_help_page("problems").sections if s.level == 2]
    assert {section.anchor for section in sections} == slugs
    assert all(
        re.search(r"Status [45]\d\d\. .{40}", section.text, re.DOTALL) for section in sections
    )


def test_the_type_of_a_problem_leads_to_its_explanation(api: TestClient) -> None:
    problem = api.get("/v1/events?actor=Armenai").json()
    page = api.get(problem["type"])
    assert page.status_code == 200
    assert page.url.fragment == "invalid"
    assert 'id="invalid"' in page.text
    assert api.get("/problems/none-such").status_code == 404


@pytest.mark.slow
def test_every_link_of_the_catalogs_leads_somewhere(api: TestClient) -> None:
    catalog = api.get("/.well-known/api-catalog")
    assert catalog.headers["content-type"].startswith("application/linkset+json")
    described = [part for part in catalog.json()["linkset"] if "service-desc" in part]
    assert {part["anchor"] for part in described} == {
        "http://testserver/v1",
        "http://testserver/ogc",
    }
    links = {link["href"] for part in described for rel in part.values() if isinstance(rel, list)
             for link in rel}  # fmt: skip
    guide = api.get("/llms.txt").text
    links |= set(re.findall(r"\]\((.*?)\)", guide))
    assert len(links) > 15
    for link in links:
        assert api.get(link).status_code == 200, link
    assert 'rel="service-desc"' in api.get("/").headers["link"]
