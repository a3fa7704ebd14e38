"""The explorer's files, as they are served."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.explorer.router import read_explorer_files

STATIC = Path(__file__).resolve().parents[2] / "app" / "explorer" / "static"
FILES = sorted(str(p.relative_to(STATIC)) for p in STATIC.rglob("*") if p.is_file())


def test_every_file_is_served(api: TestClient) -> None:
    assert sorted(read_explorer_files()) == FILES
    for name in FILES:
        answer = api.get(f"/explorer/{name}")
        assert answer.status_code == 200
        if not name.endswith(".html"):  # whose words are filled in from the catalogue
            assert answer.content == (STATIC / name).read_bytes()
        again = api.get(f"/explorer/{name}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_the_page_is_at_the_root_and_may_fetch_nothing_from_elsewhere(api: TestClient) -> None:
    answer = api.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "name", ["", "nothing.js", "../router.py", "%2e%2e/router.py", "views", "views/", "main.js/"]
)
def test_unknown_explorer_file_is_404(api: TestClient, name: str) -> None:
    assert api.get(f"/explorer/{name}").status_code == 404


@pytest.mark.parametrize("name", FILES)
def test_explorer_files_reference_no_other_host(name: str) -> None:
    text = (STATIC / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"(?:https?:)?//[\w-]+\.\w+", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_every_javascript_import_exists(name: str) -> None:
    for wanted in re.findall(r'from "(\..+?)"', (STATIC / name).read_text("utf-8")):
        assert (STATIC / name).parent.joinpath(wanted).resolve().is_file(), wanted


def test_land_outline_is_within_world_bounds(api: TestClient) -> None:
    land = api.get("/explorer/land.json").json()
    assert "Natural Earth" in land["source"]
    for ring in land["rings"]:
        lons = [sum(ring[0 : n + 1 : 2]) / land["scale"] for n in range(0, len(ring), 2)]
        lats = [sum(ring[1 : n + 2 : 2]) / land["scale"] for n in range(0, len(ring), 2)]
        assert min(lons) >= -180.01
        assert max(lons) <= 180.01
        assert min(lats) >= -90
        assert max(lats) <= 84
        assert len(ring) >= 8, "no outline"
