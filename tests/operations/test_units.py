"""What systemd is given: units that it accepts, and commands that do what they are for."""

import os
import re
import shutil
import subprocess
import sys
import time
from configparser import RawConfigParser
from pathlib import Path

import pytest

from app.db.engine import Database
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy/systemd").iterdir())
INSTALLED, STATE = "/opt/entente/bin", "/var/lib/entente"


def read_unit(name: str, folder: Path) -> RawConfigParser:
    """Read a unit as if the program were installed here and its state were in a folder."""
    text = (ROOT / "deploy/systemd" / name).read_text("utf-8")
    text = text.replace(INSTALLED, str(Path(sys.executable).parent)).replace(STATE, str(folder))
    found = RawConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[method-assign, assignment]
    found.read_string(text)
    return found


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text("utf-8").replace(INSTALLED, str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "entente" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_the_backup_unit_writes_a_copy_and_removes_old_ones(
    database: Database, tmp_path: Path
) -> None:
    unit, folder = read_unit("entente-backup.service", tmp_path)["Service"], tmp_path / "backups"
    address = database.engine.url.render_as_string(hide_password=False)
    for name in ("ExecStartPre", "ExecStart", "ExecStartPost"):
        if name == "ExecStartPost":
            old = folder / "entente-2020-01-01"
            old.touch()
            os.utime(old, (time.time() - 16 * 86_400,) * 2)
        command = unit[name].replace("%%", "%").replace("entente-*", "'entente-*'")
        subprocess.run(
            command, shell=True, check=True, env=os.environ | {"ENTENTE_DATABASE_URL": address},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
    assert [path.name for path in folder.iterdir()] == [time.strftime("entente-%Y-%m-%d")]


@pytest.mark.slow
def test_the_service_unit_starts_what_the_program_offers(tmp_path: Path) -> None:
    unit = read_unit("entente.service", tmp_path)["Service"]
    for name in ("ExecStartPre", "ExecStart"):
        command = [*unit[name].split(), "--help"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        options = re.findall(r"--[a-z-]+", unit[name])
        assert all(option in shown for option in options)
    variable, _, address = unit["Environment"].partition("=")
    assert variable == "ENTENTE_DATABASE_URL"
    assert Settings(database_url=address).database_url == f"sqlite:///{tmp_path}/entente.db"
