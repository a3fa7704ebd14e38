"""Processes beside a service, for work that its readers must not wait for."""

import os
import subprocess
import sys
from pathlib import Path

from app.db.engine import Database

ROOT = Path(__file__).resolve().parents[2]


def beside(module: str, *, answers: bool = False) -> subprocess.Popen[bytes]:
    """`python -m` of a module of ours. The end of its standard input tells it that the service is
    gone; with `answers` its standard output is for the service to read."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", module], bufsize=0, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if answers else None,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip


def address_of(database: Database) -> str:
    """The address of a database, with its password: for the eyes of our own processes alone."""
    return database.engine.url.render_as_string(hide_password=False)
