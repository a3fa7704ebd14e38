"""The pages for analysts do what they say."""

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_database
from fastapi.testclient import TestClient
from openapi_document import PATHS
from reference import DOCS, MODELS, PAGES, describe_field
from serving import serve_database

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

TUTORIAL = (DOCS / "tutorial.md").read_text("utf-8")
BLOCKS = re.findall(r"```python(?: needs=(\S+))?\n(.+?)```", TUTORIAL, re.DOTALL)
HERE = "http://127.0.0.1:8000"
ADDRESSES = sorted(
    {
        address
        for page in ("tutorial.md", "answer-formats.md", "charts.md")
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
    with serve_database(
        copy_database(kind, "taught", tmp_path_factory.mktemp("taught"), request)
    ) as found:
        yield found


def test_the_python_of_the_tutorial_runs(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    fields: dict[str, Any] = {}
    ran = 0
    for needed, code in BLOCKS:
        if not needed or needed in PATHS:
            exec(compile(code.replace(HERE, address), "docs/tutorial.md", "exec"), fields)
            ran += 1
    printed = capsys.readouterr().out
    assert ran >= 6
    assert "CSTO exercise in Kyrgyzstan without Armenia" in printed
    assert "as_of=" in printed


def test_power_query_request_returns_readable_csv(api: TestClient) -> None:
    """Nothing but Excel runs it: its request is made, and its steps are done to the answer."""
    [code] = re.findall(r"```powerquery\n(.+?)```", TUTORIAL, re.DOTALL)
    [(path, query)] = re.findall(
        rf'Web\.Contents\("{re.escape(HERE)}(\S+)",\s*\[Query = \[(.+?)\]\]', code, re.DOTALL
    )
    answer = api.get(path, params=dict(re.findall(r'(\w+) = "(.+?)"', query)))
    assert (answer.status_code, answer.charset_encoding) == (200, "utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline=""), strict=True))
    reads = {"date": date.fromisoformat, "number": float}
    typed = re.findall(r'\{"(\w+)", type (\w+)\}', code)
    assert len(typed) == 3
    for column, kind in typed:
        assert [reads[kind](row[column]) for row in rows if row[column]]


R = re.findall(r"```r\n(.+?)```", TUTORIAL, re.DOTALL)
NOTEBOOK = re.findall(r"```python\n(.+?)```", (DOCS / "charts.md").read_text("utf-8"), re.DOTALL)


def run_in_r(code: str) -> str:
    """What R prints; skips where R or its reader of JSON is not installed."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed (apt install r-base-core r-cran-jsonlite)")
    has = [rscript, "-e", "quit(status = !requireNamespace('jsonlite', quietly = TRUE))"]
    if subprocess.run(has, check=False, capture_output=True).returncode:
        pytest.skip("jsonlite is not installed (apt install r-cran-jsonlite)")
    command = [rscript, "--vanilla", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_r_of_the_tutorial_runs(address: str) -> None:
    assert len(R) == 1
    result = run_in_r(R[0].replace(HERE, address))
    assert "in-force 1994-04-20" in result
    assert "2023" in result


def test_two_lines_of_a_notebook_show_a_chart(address: str) -> None:
    """What is shown is what the service drew: its spec, valid to Altair's schema of Vega-Lite."""
    pytest.importorskip("altair")
    (cell,) = NOTEBOOK
    first, second = filter(None, cell.replace(HERE, address).split("\n"))
    fields: dict[str, Any] = {}
    exec(first, fields)
    shown = eval(second, fields)
    assert "Events of Armenia" in shown._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    "asked",
    ["/v1/timeline?actor=ARM", "/v1/alignment?actor=ARM&toward=RUS", "/v1/shifts", "/v1/actors/ARM",
     "/v1/alliances/CSTO/history", "/v1/actors/ARM/relations"],
)  # fmt: skip
def test_every_chart_can_be_shown_in_a_notebook(api: TestClient, asked: str) -> None:
    altair = pytest.importorskip("altair")
    spec = api.get(asked, params=None, headers={"Accept": "application/vnd.vegalite+json"}).json()
    assert altair.Chart.from_dict(spec).to_dict()["description"] == spec["description"]


@pytest.mark.parametrize("asked", ADDRESSES)
def test_every_address_in_the_pages_answers(api: TestClient, asked: str) -> None:
    assert len(ADDRESSES) > 8
    answer = api.get(asked)
    assert answer.status_code == 200
    assert answer.content


@pytest.mark.parametrize("page", PAGES)
def test_reference_pages_match_the_code(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    assert text == PAGES[page](), "the code changed: run tests/reference.py"


def test_every_field_has_a_meaning() -> None:
    for model in MODELS:
        for name, field in model.model_fields.items():
            assert describe_field(model, name, field)


def test_every_link_between_pages_leads_somewhere() -> None:
    root = DOCS.parent
    for page in (*DOCS.rglob("*.md"), root / "README.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not re.match(r"https?:", target):
                assert Path(os.path.normpath(page.parent / target)).exists(), (page.name, target)


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    for page in ("tutorial", "filters", "dictionary", "answer-formats", "charts", "citing"):
        assert f"docs/{page}.md" in readme
