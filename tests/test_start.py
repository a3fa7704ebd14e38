"""The start of the command: what it imports, and what it says where the fault lies outside."""

import os
import subprocess
import sys

import pytest


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
    told = subprocess.run(
        [sys.executable, "-m", "app", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "ENTENTE_DATABASE_URL": url},
    )  # fmt: skip
    assert told.returncode == 1
    assert told.stdout == ""
    assert len(told.stderr.splitlines()) == 1
    assert named in told.stderr


def test_what_a_load_does_not_need_is_not_imported() -> None:
    """It would take longer than the file of a quarter of an hour."""
    asked = "import sys, app.ingest.command; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert not {"alembic", "fastapi", "pyarrow", "scipy", "uvicorn"} & set(told.stdout.split())
