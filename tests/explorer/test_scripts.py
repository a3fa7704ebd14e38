"""The explorer's scripts and styles, checked by the tools of their trade where there are any."""

import subprocess

import pytest
from test_project_files import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["tsc", "-p", "."],
        ["tsc", "-p", "tsconfig.shared.json"],
        ["biome", "lint", "--error-on-warnings"],
    ],
    ids=["types", "types of what views share", "lint"],
)
def test_scripts_have_no_faults(command: list[str]) -> None:
    tool = ROOT / "node_modules" / ".bin" / command[0]
    if not tool.exists():
        pytest.skip(f"{command[0]} is not installed; with Node: npm ci")
    done = subprocess.run([tool, *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
