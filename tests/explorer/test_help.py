"""The documentation as the service shows it: complete, linked, searchable, without JavaScript."""

import re
from html import unescape
from urllib.parse import urldefrag, urljoin

import explorer_words
import pytest
from fastapi.testclient import TestClient
from test_project_files import CORE_TERMS, ROOT

PAGES = sorted(
    path.relative_to(ROOT / "docs").as_posix().removesuffix(".md")
    for path in (ROOT / "docs").rglob("*.md")
)

pytestmark = pytest.mark.by_turns


@pytest.fixture(scope="module")
def pages(api: TestClient) -> dict[str, str]:
    """Every page of help by its address."""
    found = {f"/help/{name}": api.get(f"/help/{name}") for name in PAGES}
    assert {answer.status_code for answer in found.values()} == {200}
    return {"/help": api.get("/help").text} | {path: one.text for path, one in found.items()}


def test_every_page_has_its_title_and_is_listed(pages: dict[str, str]) -> None:
    for name in PAGES:
        text = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
        first = next(line for line in text.splitlines() if line.startswith("# "))
        title = re.sub(r"<[^>]*>", "", re.findall(r"<h1.*?</h1>", pages[f"/help/{name}"])[0])
        assert unescape(title) == first.removeprefix("# ").replace("`", "")
        assert f'href="/help/{name}"' in pages["/help"]


def test_every_link_leads_to_a_page_and_a_place_on_it(
    pages: dict[str, str], api: TestClient
) -> None:
    broken: list[tuple[str, str]] = []
    for path, html in pages.items():
        for link in map(unescape, set(re.findall(r'<a [^>]*href="([^"]+)"', html))):
            address, anchor = urldefrag(urljoin(path, link))
            if address.startswith("http"):
                continue
            if address in pages:
                known = f'id="{anchor}"' in pages[address]
                broken += [(path, link)] if anchor and not known else []
            elif address.startswith("/help"):
                answer = api.get(address)
                broken += [] if answer.status_code == 200 else [(path, link)]
    assert broken == []


def test_tables_code_and_drawings_are_shown(pages: dict[str, str]) -> None:
    assert '<td data-label="' in pages["/help/filters"]
    assert "<pre><code" in pages["/help/tutorial"]
    drawing = re.search(r"<details><summary>.*?Mermaid</summary>", pages["/help/architecture"])
    assert drawing is not None
    assert "<img" not in "".join(pages.values())


def test_pages_load_nothing_from_elsewhere(pages: dict[str, str], api: TestClient) -> None:
    for path, html in pages.items():
        assert not re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', html), path
    policy = api.get("/help").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_terms_that_the_explorer_asks_for_are_in_the_glossary(api: TestClient) -> None:
    terms = api.get("/help/glossary.json").json()
    assert set(CORE_TERMS) <= {one["term"] for one in terms.values()}
    scripts = "".join(path.read_text("utf-8") for path in explorer_words.SCRIPTS)
    asked = set(re.findall(r'\bterm\("([\w-]+)"', scripts))
    assert len(asked) > 3
    assert asked - terms.keys() == set()
    assert terms["onset-set"]["text"].startswith("the smallest set of dates")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("onset set", "/help/glossary#onset-set"),
        ("false discovery rate", "/help/glossary#q"),
        ("quick as_of permalink", "/help/"),
    ],
)
def test_search_leads_to_the_section(api: TestClient, text: str, first: str) -> None:
    html = api.get("/help", params={"q": text}).text
    found = re.findall(r'<li><a href="([^"]+)"', html.partition('<ol class="found">')[2])
    assert found[0].startswith(first)


@pytest.mark.parametrize("text", ["zyxwvut", "<script>alert(1)</script>", "\x00", '" onload="x'])
def test_search_without_result_says_so_and_keeps_words_as_text(api: TestClient, text: str) -> None:
    answer = api.get("/help", params={"q": text})
    assert answer.status_code == 200
    assert "No section has all words" in answer.text or text == "\x00"
    assert "<script>alert" not in answer.text
    assert ' onload="' not in answer.text


@pytest.mark.parametrize("name", ["nothing", "../README", "%2e%2e/README", "decisions/x"])
def test_unknown_page_is_404(api: TestClient, name: str) -> None:
    assert api.get(f"/help/{name}").status_code == 404


def test_a_file_name_and_a_slash_lead_to_the_page(api: TestClient) -> None:
    for name in ("shifts.md", "shifts/"):
        assert (
            api.get(f"/help/{name}", follow_redirects=False).headers["location"] == "/help/shifts"
        )
