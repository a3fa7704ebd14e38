"""The README shows what is so."""

import json
import re
from pathlib import Path

import pytest
from examples import is_contained
from fastapi.testclient import TestClient

from app.settings import Settings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(
    r"```sh\ncurl 'http://127\.0\.0\.1:8000(\S+)'\n```\n\n```json\n(.+?)```", README, re.DOTALL
)


def test_there_are_six_questions() -> None:
    assert len(SHOWN) == README.count("\ncurl ") == 6


@pytest.mark.parametrize(("address", "shown"), SHOWN)
def test_an_answer_is_the_real_one_shortened(api: TestClient, address: str, shown: str) -> None:
    real = api.get(address)
    assert real.status_code == 200
    assert is_contained(json.loads(shown), real.json())


def test_readme_check_detects_a_wrong_answer() -> None:
    assert not is_contained({"data": [{"a": 1}]}, {"data": [{"a": 2}]})
    assert not is_contained([2, 1], [1, 2])
    assert not is_contained({"a": None}, {})


def test_commands_of_the_readme_read_the_database_that_make_run_fills() -> None:
    makefile = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8")
    kept = re.search(r"^DATA \?= (\S+)$", makefile, re.MULTILINE)
    served = re.search(r"ENTENTE_DATABASE_URL:-(\S+)\}\"", makefile)
    assert kept
    assert served
    url = served[1].replace("$(DATA)", kept[1])
    assert f"```sh\nexport ENTENTE_DATABASE_URL={url}\n.venv/bin/entente timeline" in README


def test_readme_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `ENTENTE_.+$", README, re.MULTILINE)
    expected = []
    for name, field in Settings.model_fields.items():
        value = field.default
        value = json.dumps(value) if isinstance(value, tuple) else str(value)
        default = f"`{value}`" if value else "empty"
        expected.append(f"| `ENTENTE_{name.upper()}` | {default} | {field.description} |")
    assert rows == expected
