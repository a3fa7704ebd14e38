"""The start of the command: what it imports, and what it says where the fault lies outside."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from app import start
from app.cli import COMMANDS, LazyCommand, main
from app.version import read_program_version


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("postgresql://nobody@127.0.0.1:1/none", "connection"),
        ("mysql://host/none", "must begin with sqlite: or postgresql:"),
    ],
)
@pytest.mark.parametrize("words", [["load", __file__], ["db", "check"]])
def test_unreachable_database_is_reported_in_one_line(
    words: list[str], url: str, named: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["entente", *words])
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    with pytest.raises(SystemExit) as ended:
        start.main()
    printed = capsys.readouterr()
    assert ended.value.code == 1
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert named in printed.err


@pytest.mark.slow
def test_what_a_load_does_not_need_is_not_imported() -> None:
    """It would take longer than the file of a quarter of an hour."""
    asked = "import sys, app.ingest.command; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert not {"alembic", "fastapi", "pyarrow", "scipy", "uvicorn"} & set(result.stdout.split())


@pytest.mark.slow
def test_a_supervisor_imports_no_application() -> None:
    """It answers nothing, and a start without `--first-start` migrates nothing."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, app.cli.serve; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not {"alembic", "app.main", "numpy", "pyarrow"} & set(done.stdout.split())


HEAVY = {
    "alembic", "fastapi", "icalendar", "numpy", "psycopg", "pyarrow", "pydantic", "sqlalchemy",
    "uvicorn", "vl_convert",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_options_of_the_program_import_no_command(option: str) -> None:
    """The imports of all commands together take two seconds, and scripts ask often."""
    asked = (
        "import sys, app.start; sys.argv = ['entente', sys.argv[1]]\n"
        "try: app.start.main()\n"
        "except SystemExit: print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, option], capture_output=True, text=True, check=True
    )
    *printed, modules = done.stdout.splitlines()
    assert printed == [f"entente {read_program_version()}"] or option == "--help"
    assert not HEAVY & set(modules.split())
    assert not {source.module for source in COMMANDS.values()} & set(modules.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_that_is_shown_without_a_command_is_its_own(name: str) -> None:
    command = LazyCommand(name, COMMANDS[name])
    own = command.load()
    assert own.help.splitlines()[0] == command.help


def test_unknown_command_is_answered_by_the_nearest() -> None:
    done = CliRunner().invoke(main, ["tmeline"])
    assert done.exit_code == 2
    assert "Did you mean 'timeline'?" in done.output


@pytest.mark.slow
def test_the_version_goes_with_any_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "--version", "serve"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == f"entente {read_program_version()}\n"
