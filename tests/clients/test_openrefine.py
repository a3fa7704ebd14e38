"""OpenRefine against the running service: a column of names is matched and extended by codes."""

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from serving import serve_database
from soak import IN_FULL

from app.db.engine import Database

pytestmark = [
    pytest.mark.slow,
    pytest.mark.soak,
    pytest.mark.skipif(not IN_FULL, reason="starts a virtual machine of Java: make soak"),
]
NAMES = {
    "Armenia": "ARM",
    "NATO": "NATO",
    "Türkiye": "TUR",
    "Collective Security Treaty Organization": "CSTO",
    "Atlantis": None,
    "Soviet Union": "SUN",
}
ROWS = {"engine": json.dumps({"facets": [], "mode": "row-based"})}


class Refine:
    """A running OpenRefine, asked as its own pages ask it."""

    def __init__(self, port: int) -> None:
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{port}/command/core", timeout=60)

    def create_project(self, text: str) -> str:
        answer = self.http.post(
            "/create-project-from-upload",
            params=self._read_token(),
            data={
                "project-name": "names",
                "format": "text/line-based/*sv",
                "options": json.dumps({"separator": ",", "headerLines": 1}),
            },
            files={"project-file": ("names.csv", text, "text/csv")},
        )
        return str(answer.headers["location"]).partition("project=")[2]

    def run(self, project: str, command: str, **fields: str) -> None:
        """Start a command, and wait until the project has no work."""
        answer = self.http.post(
            f"/{command}", params={"project": project}, data=fields | self._read_token()
        )
        assert answer.json()["code"] in ("ok", "pending"), answer.text
        while self.http.get("/get-processes", params={"project": project}).json()["processes"]:
            time.sleep(0.05)

    def read_matches(self, project: str) -> dict[str, str | None]:
        """Read the identifier that each cell of the first column was matched to."""
        answer = self.http.get("/get-rows", params={"project": project, "start": 0, "limit": 50})
        page: dict[str, Any] = json.loads(re.sub(r"^[^{]*|[^}]*$", "", answer.text))
        recons = page["pool"]["recons"]
        cells = [row["cells"][0] for row in page["rows"]]
        return {c["v"]: (recons[str(c["r"])].get("m") or {}).get("id") for c in cells}

    def export_rows(self, project: str) -> list[dict[str, str]]:
        fields = {"project": project, "format": "csv"} | ROWS
        text = self.http.post("/export-rows/names.csv", data=fields).text
        return list(csv.DictReader(text.splitlines()))

    def _read_token(self) -> dict[str, str]:
        return {"csrf_token": self.http.get("/get-csrf-token").json()["token"]}


@contextmanager
def run_refine(folder: Path) -> Iterator[Refine]:
    program = shutil.which("openrefine")
    if program is None:
        pytest.skip("OpenRefine is not installed (apt-get install openrefine)")
    with closing(socket.create_server(("127.0.0.1", 0))) as place:
        port = place.getsockname()[1]
    words = [program, "-i", "127.0.0.1", "-p", str(port), "-d", str(folder)]
    with subprocess.Popen(
        [*words, "-x", "refine.headless=true"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as server:  # fmt: skip
        refine = Refine(port)
        try:
            for _ in range(600):
                with suppress(httpx2.TransportError):
                    refine.http.get("/get-version").raise_for_status()
                    break
                time.sleep(0.1)
            yield refine
        finally:
            refine.http.close()
            os.killpg(server.pid, signal.SIGTERM)  # the program is started by scripts


@pytest.mark.by_turns
def test_openrefine_matches_names_and_adds_codes(
    bundled_database: Database, tmp_path: Path
) -> None:
    url = bundled_database.engine.url.render_as_string(hide_password=False)
    with serve_database(url) as address, run_refine(tmp_path) as refine:
        service = f"{address}/v1/reconcile"
        manifest = httpx2.get(service).json()
        spaces = {key: manifest[key] for key in ("identifierSpace", "schemaSpace")}
        project = refine.create_project("\n".join(["name", *NAMES]))
        config = {
            "mode": "standard-service", "service": service, "type": None, "autoMatch": True,
            "columnDetails": [], "limit": 0, **spaces,
        }  # fmt: skip
        refine.run(project, "reconcile", columnName="name", config=json.dumps(config), **ROWS)
        assert refine.read_matches(project) == NAMES
        codes = {"properties": [{"id": code, "name": code} for code in ("iso3", "kind", "since")]}
        refine.run(
            project, "extend-data", baseColumnName="name", endpoint=service, **spaces, **ROWS,
            extension=json.dumps(codes), columnInsertIndex="1",
        )  # fmt: skip
        rows = {row["name"]: list(row.values())[1:] for row in refine.export_rows(project)}
    assert rows["Armenia"] == ["ARM", "state", "1991-09-21"]
    assert rows["Collective Security Treaty Organization"] == ["", "alliance", "1994-04-20"]
    assert rows["Atlantis"] == ["", "", ""]
