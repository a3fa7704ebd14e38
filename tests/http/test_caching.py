"""What caches are allowed to keep: the headers, and a proxy that goes by them."""

import shutil
import subprocess
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path
from socket import socket
from time import monotonic, sleep

import httpx2
import pytest
from fastapi.testclient import TestClient
from serving import open_client, serve_database

from app.access.keys import create_key
from app.db.engine import Database

pytestmark = pytest.mark.by_turns
CURRENT = "public, max-age=0, s-maxage=10, stale-while-revalidate=30"
LASTING = "public, max-age=2592000, immutable"


@pytest.mark.parametrize(
    "address",
    [
        "/v1/events?actor=ARM", "/v1/actors/ARM", "/v1/timeline?actor=ARM", "/v1/datasets",
        "/v1/alliances/CSTO/members", "/v1/events?format=csv&limit=2", "/v1/dumps",
        "/ogc/conformance", "/openapi.json", "/v1/shifts?actor=ARM&toward=RUS",
    ],
)  # fmt: skip
def test_current_answers_are_kept_shortly_by_shared_caches(api: TestClient, address: str) -> None:
    answer = api.get(address).raise_for_status()
    assert answer.headers["cache-control"] == CURRENT
    varies = answer.headers["vary"].split(", ")
    assert varies == sorted(set(varies))
    assert {"Accept-Encoding", "Authorization"} <= set(varies)
    same = api.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert same.status_code == 304
    assert same.headers["cache-control"] == CURRENT
    assert same.headers["vary"] == answer.headers["vary"]


@pytest.mark.parametrize(
    "address",
    ["/v1/events?actor=ARM", "/v1/timeline?actor=ARM", "/v1/actors?limit=2",
     "/v1/alliances/CSTO/members"],
)  # fmt: skip
def test_permalinks_are_kept_for_long(api: TestClient, address: str) -> None:
    link = api.get(address).json()["links"]["permalink"]
    assert "as_of=" in link
    today = "on=" in link
    answer = api.get(link).raise_for_status()
    assert answer.headers["cache-control"] == (CURRENT if today else LASTING)
    same = api.get(link, headers={"If-None-Match": answer.headers["etag"]})
    assert same.headers["cache-control"] == answer.headers["cache-control"]


@pytest.mark.parametrize("as_of", ["2999-01-01", "2026-11-24", "99999999"])
def test_a_day_is_no_version(api: TestClient, as_of: str) -> None:
    answer = api.get(f"/v1/events?as_of={as_of}")  # the last one is of the future: refused
    assert "immutable" not in answer.headers["cache-control"]


def test_a_past_day_of_a_version_is_kept_for_long(api: TestClient) -> None:
    link = api.get("/v1/alliances/CSTO/members?on=2023-10-13").json()["links"]["permalink"]
    assert api.get(link).headers["cache-control"] == LASTING


def test_answers_to_a_key_are_private(database: Database) -> None:
    with database.write() as db:
        key = {"Authorization": f"Bearer {create_key(db, 'a reader', 'read')}"}
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        for address in ("/v1/events", "/v1/actors/ARM"):
            answer = api.get(address, headers=key)
            assert answer.headers["cache-control"] == "private, no-cache"
            assert api.get(address).headers["cache-control"] == CURRENT


def test_problems_are_not_kept(api: TestClient) -> None:
    for address in ("/v1/actors/NOBODY", "/v1/events?actr=ARM", "/nothing"):
        assert api.get(address).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "no-cache"), (5, CURRENT.replace("10", "5"))]
)
def test_seconds_of_shared_caches_are_a_setting(
    bundled_database: Database, seconds: int, expected: str
) -> None:
    url = bundled_database.engine.url.render_as_string(hide_password=False)
    with open_client(url, shared_cache_seconds=seconds) as client:
        assert client.get("/v1/actors/ARM").headers["cache-control"] == expected


PROXY = """
user {user}; daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/kept keys_zone=kept:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {origin};
      proxy_http_version 1.1;
      proxy_cache kept;
      proxy_cache_revalidate on;
      proxy_cache_background_update on;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


@pytest.fixture
def proxy(database: Database, tmp_path: Path) -> Iterator[str]:
    """The address of a caching proxy before the service; skips where nginx is not installed."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed")
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = database.engine.url.render_as_string(hide_password=False)
    with serve_database(url) as origin:
        file = tmp_path / "nginx.conf"
        config = PROXY.format(user=getuser(), folder=tmp_path, port=port, origin=origin)
        file.write_text(config, "utf-8")
        running = subprocess.Popen(
            [program, "-c", str(file), "-p", str(tmp_path), "-e", str(tmp_path / "errors")]
        )
        try:
            _wait_for_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(10)


def _wait_for_port(port: int) -> None:
    until = monotonic() + 10
    while True:
        with socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert monotonic() < until, "nginx did not start"
        sleep(0.02)


@pytest.mark.slow
@pytest.mark.bundled
def test_a_proxy_answers_readers_without_a_key_from_its_copy(
    proxy: str, database: Database
) -> None:
    with database.write() as db:
        key = {"Authorization": f"Bearer {create_key(db, 'a reader', 'read')}"}
    with httpx2.Client(base_url=proxy) as reader:

        def ask(address: str, **headers: str) -> str:
            answer = reader.get(address, headers=headers).raise_for_status()
            return str(answer.headers["x-cache"])

        assert [ask("/v1/events?actor=ARM") for _ in range(3)] == ["MISS", "HIT", "HIT"]
        link = reader.get("/v1/events?actor=ARM").json()["links"]["permalink"]
        assert [ask(link) for _ in range(2)] == ["MISS", "HIT"]
        # A reader with a key gets an answer of its own, which is not kept for others.
        assert ask("/v1/events?actor=ARM", **key) == "MISS"
        assert ask("/v1/events?actor=ARM", **key) == "MISS"
        assert ask("/v1/events?actor=ARM") == "HIT"
        assert ask("/v1/events?actor=ARM", Accept="text/csv") == "MISS"
        assert ask("/v1/events?actor=ARM") == "HIT"
        problem = [reader.get("/v1/actors/NONE").headers["x-cache"] for _ in range(2)]
        assert problem == ["MISS", "MISS"]
