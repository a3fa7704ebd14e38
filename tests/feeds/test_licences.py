"""Every answer and every exported file says under which licence its rows may be used."""

import io
import zipfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app import cli
from app.db.engine import Database

pytestmark = pytest.mark.by_turns

FORMATS = (
    "ndjson", "csv", "xlsx", "geojson", "parquet", "arrow", "timelinejs", "vis", "ics", "atom",
    "jsonfeed", "jsonld",
)  # fmt: skip
LICENCE = b"CC BY 4.0"
IN_THE_HEADER = {"ndjson", "csv"}
"""Formats that have no place for a licence."""
READS = (
    "/v1/events?limit=1",
    "/v1/events/curated:2023-10-03-armenia-ratifies-rome-statute",
    "/v1/timeline?actor=ARM&since=2023&until=2023",
    "/v1/timeline?actor=ARM&since=2023&until=2023&format=csv",
    "/v1/alignment?actor=ARM&toward=RUS&since=2023&until=2023&format=vega",
    "/v1/shifts?actor=ARM&toward=RUS",
    "/v1/actors/ARM",
    "/v1/alliances/CSTO/members?on=2023-10-13",
    "/v1/sources?limit=1",
    "/v1/changes?limit=1",
)


def unpack_file(form: str, body: bytes) -> bytes:
    """The bytes of a file as its reader sees them: unzipped, unfolded."""
    if form == "xlsx":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return b"".join(archive.read(name) for name in archive.namelist())
    return body.replace(b"\r\n ", b"") if form == "ics" else body


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_without_its_licence_is_missed(api: TestClient, form: str) -> None:
    answer = api.get(f"/v1/events?actor=ARM&limit=3&format={form}")
    assert answer.status_code == 200
    if form in IN_THE_HEADER:
        assert "CC%20BY%204.0" in answer.headers["link"]
    else:
        assert LICENCE in unpack_file(form, answer.content)


@pytest.mark.parametrize("path", READS)
def test_every_read_leads_to_the_licences(api: TestClient, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 200
    assert '</v1/datasets>; rel="license"' in answer.headers["link"]


def test_datasets_name_their_licence(api: TestClient) -> None:
    found = {row["code"]: row["licence"] for row in api.get("/v1/datasets").json()["data"]}
    assert found["curated"] == LICENCE.decode()


@pytest.mark.parametrize("form", [*sorted(IN_THE_HEADER), "json"])
def test_the_terminal_says_the_licence_that_a_file_cannot(
    database: Database, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    words = ["export", "--actor", "ARM", "--limit", "3", "--format", form]
    done = CliRunner().invoke(cli.main, [*words, "-o", str(tmp_path / "events")])
    assert done.exit_code == 0, done.output
    assert "Licence: CC BY 4.0." in done.stderr
    assert done.stdout == ""
