"""Alignment and shifts in the terminal, on both databases."""

import re

import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.cli import shifts as shift_commands
from app.db.engine import Database
from app.db.migrate import downgrade_schema


@pytest.fixture(autouse=True)
def chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setattr(shift_commands.console, "width", 160)
    monkeypatch.setattr(shift_commands.errors, "width", 160)


def run_command(*words: str) -> Result:
    return CliRunner().invoke(cli.main, list(words))


@pytest.mark.bundled
def test_alignment_is_drawn_with_its_interval() -> None:
    result = run_command("alignment", "ARM", "RUS", "--granularity", "year")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["from", "index", "90", "%", "−1", "+1", "signals"]
    assert all("●" in line and "─" in line for line in lines[1:])
    assert [line.split()[0][:4] for line in lines[1:]] == [str(y) for y in range(2018, 2027)]


@pytest.mark.bundled
def test_a_tilt_is_asked_with_against() -> None:
    result = run_command("alignment", "ARM", "EU", "USA", "--against", "RUS", "--since", "2023")
    assert result.exit_code == 0
    assert "2023-01-01" in result.stdout


@pytest.mark.bundled
def test_toward_and_away_from_whom() -> None:
    result = run_command("shifts", "--actor", "ARM", "--since", "2022")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["onset", "who", "toward", "index", "p", "q", "verdict"]
    assert any("RUS" in line and "moved apart" in line for line in lines[1:])


def test_a_named_pair_always_gets_a_row() -> None:
    result = run_command("shifts", "--actor", "ARM", "--toward", "TUR")
    assert result.exit_code == 0
    assert "TUR" in result.stdout


@pytest.mark.bundled
def test_named_sides_lack_sentence_range_and_evidence() -> None:
    result = run_command("shifts", "--actor", "ARM", "--toward", "CSTO")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert re.match(r"2022-\d\d … 202\d-\d\d  ARM  +CSTO", lines[1].strip())
    sentence = "Armenia and the Collective Security Treaty Organization moved apart between"
    assert sentence in " ".join(lines)
    shares = [line for line in lines if re.match(r"  [+-]0\.\d\d\d  \d{4}", line)]
    assert len(shares) == shift_commands.SHOWN_EVENTS
    assert sum("https://" in line for line in lines) >= len(shares)


def test_nothing_found_is_said() -> None:
    result = run_command("shifts", "--actor", "FJI")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No shift" in result.stderr
    quiet = run_command("alignment", "FJI", "TUV")
    assert (quiet.exit_code, quiet.stdout) == (0, "")
    assert "No signals between them" in quiet.stderr


@pytest.mark.parametrize(
    "words", [("alignment", "ali-khamenei", "USA"), ("shifts", "--actor", "ali-khamenei")]
)
def test_nothing_found_of_a_leader_says_which_state_to_ask_for(words: tuple[str, ...]) -> None:
    said = " ".join(run_command(*words).stderr.split())
    assert "counts as an act of Iran: ask for IRN." in said


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["alignment", "Armenai", "RUS"], "actor"),
        (["alignment", "ARM", "ARM"], "toward"),
        (["alignment", "ARM", "RUS", "--granularity", "hour"], "granularity"),
        (["alignment", "ARM", "RUS", "--since", "2023-13"], "since"),
        (["shifts", "--toward", "RUS"], "toward"),
        (["shifts", "--actor", "ARM", "--since", "2024", "--until", "2023"], "since"),
        (["shifts", "--max-q", "2"], "max_q"),
    ],
)
def test_wrong_input_exits_2_and_names_the_field(words: list[str], field: str) -> None:
    refused = run_command(*words)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"{field}: ")
    assert refused.stdout == ""


def test_refresh_says_how_many_dyads_were_looked_at() -> None:
    assert "dyads were refreshed" in run_command("shifts", "refresh").stdout
    assert run_command("shifts", "refresh").stdout == "0 dyads were refreshed.\n"


def test_what_is_kept_is_verified() -> None:
    assert run_command("shifts", "refresh").exit_code == 0
    assert run_command("verify").exit_code == 0


def test_a_corpus_too_thin_to_calibrate_is_refused() -> None:
    refused = run_command("shifts", "calibrate")
    assert refused.exit_code == 2
    assert "the calibration in use does not change" in refused.stderr


def test_a_stale_schema_is_refused(database: Database) -> None:
    downgrade_schema(database, "base")
    for words in (["alignment", "ARM", "RUS"], ["shifts"], ["shifts", "refresh"]):
        refused = run_command(*words)
        assert refused.exit_code == 1
        assert "Run: entente db upgrade" in refused.stderr
