"""The terminal, on both databases."""

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from app import cli
from app.cli import terminal
from app.cli.first_start import prepare_first_start
from app.db.engine import Database
from app.db.migrate import downgrade_schema
from app.db.tables import events, revisions

AUTUMN = ["timeline", "--actor", "ARM", "--with", "RUS", "--since", "2023-09", "--until", "2023-10"]


@pytest.fixture(autouse=True)
def chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    monkeypatch.setattr(terminal.console, "width", 240)
    monkeypatch.setattr(terminal.errors, "width", 240)


def run_command(*words: str) -> Result:
    return CliRunner().invoke(cli.main, list(words))


def read_last_id(database: Database) -> int | None:
    with database.connect() as db:
        return db.scalar(select(func.max(revisions.c.seq)))


@pytest.mark.bundled
def test_timeline_prints_events_oldest_first_with_sources() -> None:
    result = run_command(*AUTUMN)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["date", "type", "what", "sources"]
    [vote] = [line for line in lines if "ratifies the Rome Statute" in line]
    assert vote.split()[:2] == ["2023-10-03", "SUPPORT"]
    assert "Meduza" in vote


@pytest.mark.bundled
def test_timeline_between_two_excludes_events_of_one_alone() -> None:
    both, one = run_command(*AUTUMN).stdout, run_command(*AUTUMN[:3], *AUTUMN[5:]).stdout
    assert 1 < len(both.splitlines()) < len(one.splitlines())


@pytest.mark.bundled
def test_timeline_reports_that_more_events_match() -> None:
    result = run_command(*AUTUMN, "--limit", "1")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert "More events match than 1; raise --limit." in result.stderr


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("words", "field", "hint"),
    [
        (["--actor", "Armenai"], "actor", "ARM"),
        (["--with", "Russsia"], "between", "RUS"),
        (["--since", "2023-13"], "since", ""),
        (["--until", "yesterday"], "until", ""),
        (["--since", "2023-10", "--until", "2023-09"], "since:", "until"),
        (["--limit", "0"], "limit", ""),
        (["--sinse", "2023"], "--sinse", ""),
    ],
)
def test_wrong_input_exits_2_and_names_the_field(words: list[str], field: str, hint: str) -> None:
    refused = run_command("timeline", *words)
    assert refused.exit_code == 2
    assert field in refused.stderr
    assert hint in refused.stderr
    assert refused.stdout == ""


def test_check_passes_on_current_schema() -> None:
    assert run_command("db", "check").exit_code == 0


def test_stale_schema_is_refused_until_upgraded(database: Database) -> None:
    downgrade_schema(database, "base")
    for words in (["db", "check"], AUTUMN, ["serve"]):
        refused = run_command(*words)
        assert refused.exit_code == 1
        assert "Run: entente db upgrade" in refused.stderr

    assert run_command("db", "upgrade").exit_code == 0
    assert run_command("db", "check").exit_code == 0
    assert read_last_id(database) is None


@pytest.mark.slow
@pytest.mark.by_turns  # the templates of all tests are loaded on both
def test_upgrade_loads_bundled_data_on_request(database: Database) -> None:
    downgrade_schema(database, "base")
    assert run_command("db", "upgrade", "--bundled").exit_code == 0
    with database.connect() as db:
        assert db.scalar(select(func.count()).select_from(events))


@pytest.mark.slow
@pytest.mark.by_turns
def test_starting_an_initialised_database_again_changes_nothing(database: Database) -> None:
    downgrade_schema(database, "base")
    prepare_first_start()
    before = read_last_id(database)
    assert before
    prepare_first_start()
    assert run_command("db", "upgrade", "--bundled").exit_code == 0
    assert read_last_id(database) == before


def test_key_is_printed_when_holder_name_contains_markup() -> None:
    made = run_command("keys", "create", "[/bold] [red]:smile:", "--scope", "read")
    assert (made.exit_code, made.stdout[:4]) == (0, "ent_"), made.output
    assert "[/bold] [red]:smile:" in made.stderr
    listed = run_command("keys", "list")
    assert (listed.exit_code, "[/bold] [red]:smile:" in listed.stdout) == (0, True)
    assert run_command("keys", "revoke", "[/x]").exit_code == 2
    assert run_command("keys", "revoke", "[/bold] [red]:smile:").exit_code == 0


def test_unprintable_holder_name_exits_2() -> None:
    for name in ("a\nb", "a\x1b[2J", "\udcff", "a" * 201):
        assert run_command("keys", "create", "--name", name).exit_code == 2
