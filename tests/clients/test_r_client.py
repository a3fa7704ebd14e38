"""The client for R, against the running service; skips where R or jsonlite is missing."""

import shutil
import subprocess
from pathlib import Path

import pytest
from serving import serve_database

from app.db.engine import Database
from app.dumps.write import write_dumps

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("try_client.R")


@pytest.mark.slow
@pytest.mark.by_turns
def test_r_reads_the_service(bundled_database: Database, tmp_path: Path) -> None:
    program = shutil.which("Rscript")
    if (
        program is None
        or subprocess.run(
            [program, "-e", "library(jsonlite)"], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("R with jsonlite is not installed")
    list(write_dumps(bundled_database, tmp_path / "dumps", ["realignments"], ["parquet"]))
    url = bundled_database.engine.url.render_as_string(hide_password=False)
    with serve_database(url, dump_folder=str(tmp_path / "dumps")) as address:
        words = [ROOT / "clients/r/entente.R", address, tmp_path]
        done = subprocess.run(
            [program, "--vanilla", SCRIPT, *words], capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (0, "all is well\n"), done.stderr
