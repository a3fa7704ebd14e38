"""The start of the command: what it imports, and what it says where the fault lies outside."""

import os
import subprocess
import sys

import pytest

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
    words: list[str], url: str, named: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "app", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "ENTENTE_DATABASE_URL": url},
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert named in result.stderr


def test_what_a_load_does_not_need_is_not_imported() -> None:
    """It would take longer than the file of a quarter of an hour."""
    asked = "import sys, app.ingest.command; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert not {"alembic", "fastapi", "pyarrow", "scipy", "uvicorn"} & set(result.stdout.split())


def test_version_is_printed_without_importing_the_program() -> None:
    """It would take a second, and scripts ask often."""
    asked = (
        "import sys, app.start; sys.argv = ['entente', '--version']; app.start.main();"
        " print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    printed, modules = done.stdout.splitlines()
    assert printed == f"entente {read_program_version()}"
    assert not {"app.cli", "fastapi", "sqlalchemy", "typer"} & set(modules.split())


def test_the_version_goes_with_any_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "--version", "serve"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == f"entente {read_program_version()}\n"
