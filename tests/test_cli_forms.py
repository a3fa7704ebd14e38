"""Every command that prints data has it as a table, JSON and CSV, and says why it is empty."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.db.engine import Database

DATA = {
    "timeline": (["timeline", "--actor", "ARM", "--with", "RUS", "--since", "2023-09"], "title"),
    "alignment": (["alignment", "ARM", "RUS", "--since", "2022"], "index"),
    "shifts": (["shifts", "--actor", "ARM", "--toward", "RUS"], "verdict"),
    "census": (["census"], "two_publishers"),
    "actors unresolved": (["actors", "unresolved"], "name"),
    "keys list": (["keys", "list"], "scope"),
    "verify": (["verify"], "difference"),
    "db lineage": (["db", "lineage"], "lineage"),
}
"""Each command with a field of its rows."""
WITHOUT_ROWS = ("actors unresolved", "verify")
OF_EVENTS = ("timeline", "alignment", "shifts", "census")
"""Commands that show rows only where there are events."""
pytestmark = pytest.mark.by_turns


@pytest.fixture(autouse=True)
def chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTENTE_DATABASE_URL", database.engine.url.render_as_string(False))


def run_command(*words: str) -> Result:
    return CliRunner().invoke(cli.main, list(words))


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.bundled) if n in OF_EVENTS else n for n in DATA],
)
def test_data_is_printed_in_three_forms(name: str) -> None:
    words, field = DATA[name]
    if name == "keys list":
        assert run_command("keys", "create", "desk").exit_code == 0
    table, as_json, as_csv = (run_command(*words, *form) for form in ([], ["--json"], ["--csv"]))
    for result in (table, as_json, as_csv):
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.output, "colours are for terminals"
    documents = json.loads(as_json.stdout)
    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert len(documents) == len(rows)
    assert (not rows) == (name in WITHOUT_ROWS)
    assert all(field in row for row in [*documents, *rows])
    refused = run_command(*words, "--json", "--csv")
    assert refused.exit_code == 2
    assert "--json" in refused.stderr


def test_settings_are_printed_in_three_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTENTE_FRAME_ANCESTORS", '["https://news.example"]')
    plain, as_json, as_csv = (run_command("config", *form) for form in ([], ["--json"], ["--csv"]))
    shown = json.loads(as_json.stdout)
    rows = {row["setting"]: row["value"] for row in csv.DictReader(io.StringIO(as_csv.stdout))}
    lines = dict(line.split("=", 1) for line in plain.stdout.splitlines())
    assert shown.keys() == rows.keys() == lines.keys()
    assert rows == lines
    assert json.loads(rows["ENTENTE_FRAME_ANCESTORS"]) == ["https://news.example"]
    assert run_command("config", "--json", "--csv").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["timeline", "--actor", "ARM", "--since", "1800", "--until", "1801"], "Not covered"),
        (["timeline", "--actor", "ARM", "--since", "2099"], "Not covered yet"),
        (
            ["timeline", "--actor", "FJI", "--with", "TON", "--since", "2018", "--until", "2018"],
            "Out of scope",
        ),
        (["alignment", "FJI", "TUV"], "Out of scope"),
        (["shifts", "--actor", "FJI"], "Out of scope"),
        (["keys", "list"], "entente keys create"),
    ],
)
def test_an_empty_answer_says_why_and_what_to_do(words: list[str], said: str) -> None:
    result = run_command(*words)
    assert result.exit_code == 0
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.bundled
def test_events_are_listed_newest_first_unless_the_oldest_are_asked_for() -> None:
    words = [*DATA["timeline"][0], "--json"]
    newest, oldest = (
        [event["start"] for event in json.loads(run_command(*words, *more).stdout)]
        for more in ([], ["--oldest-first"])
    )
    assert newest == sorted(newest, reverse=True)
    assert oldest == sorted(oldest)
    assert len(set(newest)) > 3


@pytest.mark.parametrize(
    "words",
    [
        ["--actor", "ARM", "--toward", "EU", "--toward", "USA"],
        ["--actor", "ARM", "EU", "USA"],
        ["ARM", "EU", "--toward", "USA"],
    ],
)
def test_sides_of_alignment_are_named_by_place_or_by_option(words: list[str]) -> None:
    by_place = run_command("alignment", "ARM", "EU", "USA", "--csv").stdout
    assert run_command("alignment", *words, "--csv").stdout == by_place


def test_a_missing_side_is_named_with_an_example() -> None:
    for words, option in ((["alignment"], "--actor"), (["alignment", "ARM"], "--toward")):
        refused = run_command(*words)
        assert refused.exit_code == 2
        assert option in refused.stderr
        assert "alignment --actor ARM --toward RUS" in " ".join(refused.stderr.split())


@pytest.mark.slow
@pytest.mark.bundled
@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(no_color: str, coloured: bool) -> None:
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    env |= {"TERM": "xterm-256color"} | ({"NO_COLOR": no_color} if no_color else {})
    command = [sys.executable, "-m", "app", *DATA["alignment"][0]]
    root = Path(__file__).resolve().parents[1]
    subprocess.run(command, stdout=theirs, stderr=theirs, check=True, env=env, cwd=root)
    os.close(theirs)
    printed = os.read(ours, 100_000).decode()
    os.close(ours)
    assert ("\x1b[36m" in printed) == coloured
