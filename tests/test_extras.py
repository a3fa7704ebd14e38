"""Without its extras the program starts and answers, and says which extra a question needs."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from openapi_document import PATHS

from app import start
from app.briefs import render as briefs
from app.charts import rendering as charts
from app.extras import EXTRA_MODULES
from app.http.answer_memory import AnswerMemory
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.readers.files import open_input_files
from app.ingest.readers.recognize import recognize_file

BLOCKED = "import sys; sys.modules.update(dict.fromkeys({!r}))\n"


@pytest.fixture
def _no_extras(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No library of an extra can be imported."""
    for name in EXTRA_MODULES.values():
        monkeypatch.setitem(sys.modules, name, None)
    loaders = (charts._load_engine, briefs._load_compiler)
    for loader in loaders:
        loader.cache_clear()
    yield
    for loader in loaders:
        loader.cache_clear()


@pytest.fixture
def forgetful(api: TestClient) -> Iterator[TestClient]:
    """The service without its memory: another test may have asked the same."""
    state = api.app.state  # type: ignore[attr-defined]
    memory, state.answers = state.answers, AnswerMemory(0)
    yield api
    state.answers = memory


@pytest.mark.slow
def test_the_program_starts_without_its_extras() -> None:
    asked = BLOCKED.format(tuple(EXTRA_MODULES.values())) + (
        "from app.main import create_app; from app.settings import Settings\n"
        "create_app(Settings()).openapi(); import app.cli.dump, app.cli.serve"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)


@pytest.mark.by_turns
@pytest.mark.usefixtures("_no_extras")
@pytest.mark.parametrize(
    ("path", "query", "extra"),
    [
        ("/v1/events", "format=parquet", "parquet"),
        ("/v1/events", "format=arrow&flat=true", "parquet"),
        ("/v1/timeline", "actor=ARM&format=svg", "charts"),
        ("/v1/timeline", "actor=ARM&format=png", "charts"),
        ("/v1/alignment", "actor=ARM&toward=RUS&format=svg", "charts"),
        ("/v1/shifts", "actor=ARM&toward=RUS&format=png", "charts"),
        ("/v1/actors/{code}", "format=svg", "charts"),
        ("/v1/actors/{code}/relations", "format=svg", "charts"),
        ("/v1/alliances/{code}/history", "format=svg", "charts"),
        ("/v1/brief", "actor=ARM&toward=RUS&format=pdf", "charts"),
    ],
)  # fmt: skip
def test_what_needs_a_missing_extra_is_501_that_names_it(
    forgetful: TestClient, path: str, query: str, extra: str
) -> None:
    address = path.replace("{code}", "CSTO" if "alliances" in path else "ARM")
    answer = forgetful.get(f"{address}?{query}")
    assert answer.status_code == 501, answer.text
    assert answer.json()["type"] == "/problems/not-installed"
    assert f"entente[{extra}]" in answer.json()["detail"]
    assert "501" in PATHS[path]["get"]["responses"]


@pytest.mark.by_turns
@pytest.mark.usefixtures("_no_extras")
@pytest.mark.parametrize(
    "address",
    [
        "/v1/events?limit=2", "/v1/events?format=csv", "/v1/events?format=xlsx",
        "/v1/timeline?actor=ARM&format=vega", "/v1/timeline?actor=ARM&format=csv", "/v1/dumps",
        "/v1/brief?actor=ARM&toward=RUS", "/", "/readyz", "/openapi.json",
    ],
)  # fmt: skip
def test_all_else_answers_without_extras(api: TestClient, address: str) -> None:
    assert api.get(address).status_code == 200


@pytest.mark.by_turns
@pytest.mark.usefixtures("_no_extras")
def test_assistants_are_answered_with_the_extra_that_is_missing(api: TestClient) -> None:
    answer = api.post("/mcp", json={})
    assert answer.status_code == 501
    assert "entente[mcp]" in answer.json()["detail"]


@pytest.mark.usefixtures("_no_extras")
def test_loading_parquet_names_the_missing_extra(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"x" * 100)
    [file] = open_input_files(tmp_path / "a.parquet")
    with pytest.raises(UnreadableFileError, match=r"entente\[parquet\]"):
        recognize_file(file)


@pytest.mark.usefixtures("_no_extras")
def test_a_command_names_the_missing_extra_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["entente", "mcp"])
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        "This needs the extra 'mcp', which is not installed here: pip install 'entente[mcp]'."
    ]
