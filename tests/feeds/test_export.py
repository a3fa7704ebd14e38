"""`entente export`: the same filters and forms as over HTTP, on both databases."""

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from serving import open_client
from typer.testing import CliRunner, Result

from app import cli
from app.cli import terminal
from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.output_formats import OUTPUT_FORMATS

pytestmark = pytest.mark.slow

AUTUMN = ["--actor", "ARM", "--since", "2023-09", "--until", "2023-10"]
QUERY = "actor=ARM&since=2023-09&until=2023-10"


@pytest.fixture
def url(bundled_database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    found = bundled_database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", found)
    monkeypatch.setattr(terminal.errors, "width", 240)
    return found


def run_export(*words: str) -> Result:
    return CliRunner().invoke(cli.main, ["export", *words])


@pytest.mark.parametrize("form", ["ndjson", "csv", "ics"])
def test_a_file_contains_what_http_answers(
    url: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "events"
    monkeypatch.setenv("ENTENTE_PUBLIC_URL", "http://testserver")
    assert run_export(*AUTUMN, "--format", form, "--limit", "50", "-o", str(file)).exit_code == 0
    with open_client(url) as api:
        answer = api.get(f"/v1/events?{QUERY}&format={form}&limit=50").content
    assert file.read_bytes() == answer
    assert [path.name for path in tmp_path.glob("events*")] == ["events"]


def test_standard_output_is_the_file(url: str) -> None:
    assert url
    result = run_export(*AUTUMN, "--format", "parquet")
    assert pq.read_table(io.BytesIO(result.stdout_bytes)).num_rows > 10


@pytest.mark.by_turns
@pytest.mark.parametrize("form", OUTPUT_FORMATS)
def test_every_form(url: str, form: str) -> None:
    assert url
    result = run_export(*AUTUMN, "--format", form, "--limit", "3")
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes


def test_export_format_defaults_to_ndjson(url: str) -> None:
    assert url
    assert (
        len(run_export(*AUTUMN).stdout.splitlines())
        == len(run_export(*AUTUMN, "--format", "csv").stdout.splitlines()) - 1
    )


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--actor", "Armenai"], "actor"),
        (["--format", "cvs"], "format"),
        (["--since", "2023-13"], "since"),
        (["--limit", "0"], "limit"),
        (["--fields", "title", "--format", "ics"], "fields"),
    ],
)
def test_wrong_input_exits_2_and_names_the_field(url: str, words: list[str], field: str) -> None:
    assert url
    refused = run_export(*words)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"{field}:")
    assert refused.stdout_bytes == b""


def test_a_refused_export_leaves_no_file(url: str, tmp_path: Path) -> None:
    assert url
    assert run_export("--actor", "Armenai", "-o", str(tmp_path / "x.csv")).exit_code == 2
    assert not (tmp_path / "x.csv").exists()


def test_every_filter_is_an_option(url: str) -> None:
    assert url
    result = run_export("--help").stdout
    for name in EventQuery.model_fields:
        assert f"--{name.replace('_', '-')}"[:20] in result, name
