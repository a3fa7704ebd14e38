"""The pages for analysts do what they say."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import copied
from fastapi.testclient import TestClient
from reference import DOCS, MODELS, PAGES, meaning
from serving import serving

from app.main import create_app
from app.settings import Settings

PATHS = create_app(Settings(database_url="sqlite://", cursor_key="test")).openapi()["paths"]
TUTORIAL = (DOCS / "tutorial.md").read_text("utf-8")
BLOCKS = re.findall(r"```python(?: needs=(\S+))?\n(.+?)```", TUTORIAL, re.DOTALL)
HERE = "http://127.0.0.1:8000"
ADDRESSES = sorted(
    {
        address
        for page in ("tutorial.md", "formats.md", "charts.md")
        for address in re.findall(
            rf"{re.escape(HERE)}(/[^\s'\"`)>]*)", (DOCS / page).read_text("utf-8")
        )
        if "…" not in address
    }
)


@pytest.fixture(scope="module")
def address(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    with serving(copied(kind, "taught", tmp_path_factory.mktemp("taught"), request)) as found:
        yield found


def test_the_python_of_the_tutorial_runs(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    held: dict[str, Any] = {}
    ran = 0
    for needed, code in BLOCKS:
        if not needed or needed in PATHS:
            exec(compile(code.replace(HERE, address), "docs/tutorial.md", "exec"), held)
            ran += 1
    told = capsys.readouterr().out
    assert ran >= 6
    assert "CSTO exercise in Kyrgyzstan without Armenia" in told
    assert "as_of=" in told


@pytest.mark.parametrize("asked", ADDRESSES)
def test_every_address_in_the_pages_answers(api: TestClient, asked: str) -> None:
    assert len(ADDRESSES) > 8
    answer = api.get(asked)
    assert answer.status_code == 200
    assert answer.content


@pytest.mark.parametrize("page", PAGES)
def test_a_reference_page_is_as_the_code_is(page: str) -> None:
    held = (DOCS / page).read_text("utf-8")
    assert held == PAGES[page](), "the code changed: run tests/reference.py"


def test_every_field_has_a_meaning() -> None:
    for model in MODELS:
        for name, field in model.model_fields.items():
            assert meaning(model, name, field)


def test_every_link_between_pages_leads_somewhere() -> None:
    root = DOCS.parent
    for page in (*DOCS.rglob("*.md"), root / "README.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not re.match(r"https?:", target):
                assert Path(os.path.normpath(page.parent / target)).exists(), (page.name, target)


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    for page in ("tutorial", "filters", "dictionary", "formats", "charts", "citing"):
        assert f"docs/{page}.md" in readme
