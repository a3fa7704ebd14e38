"""Worker processes that a service starts for long work, so that its readers need not wait."""

import os
import subprocess
import sys
from pathlib import Path

from app.db.engine import Database

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def start_worker_process(module: str, *, answers: bool = False) -> subprocess.Popen[bytes]:
    """Start `python -m` with a module of the application.

    The worker ends when its standard input closes, which happens when the service is gone. With
    `answers`, its standard output is a pipe for the service to read.
    """
    paths = [str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", module], bufsize=0, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if answers else None,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip


def render_database_url(database: Database) -> str:
    """Return the URL of a database with its password, to pass to the service's own workers only."""
    return database.engine.url.render_as_string(hide_password=False)
