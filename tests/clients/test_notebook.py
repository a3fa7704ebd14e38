"""The notebook of the client for Python runs from the first cell to the last."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from serving import serve_database
from soak import IN_FULL

from app.db.engine import Database

NOTEBOOK = Path(__file__).resolve().parents[2] / "clients/python/example.ipynb"
pytestmark = [pytest.mark.slow, pytest.mark.soak]


def test_the_notebook_is_stored_without_outputs() -> None:
    cells = [c for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    assert len(cells) > 5
    assert [cell.outputs for cell in cells if cell.outputs or cell.execution_count] == []


@pytest.mark.skipif(not IN_FULL, reason="a kernel takes seconds: `make notebook`, `make soak`")
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_every_cell_runs(bundled_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = bundled_database.engine.url.render_as_string(hide_password=False)
    folders = [str(NOTEBOOK.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with serve_database(url) as address:
        monkeypatch.setenv("ENTENTE_URL", address)
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    printed = str(notebook.cells)
    assert "CSTO exercise in Kyrgyzstan without Armenia" in printed
    assert "as_of=" in printed
