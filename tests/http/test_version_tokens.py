"""The version as a token of consistency: answers say it, and requests may require it."""

import make
import pytest
from examples import add_key
from fastapi.testclient import TestClient
from serving import open_client

from app.db.engine import Database

MIN_VERSION = "Entente-Min-Version"


def test_a_write_says_the_version_that_it_made(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
    key = {"Authorization": f"Bearer {add_key(database)}"}
    url = database.engine.url.render_as_string(hide_password=False)
    act = {"key": "k", "title": "t", "date": "2020-01-01",
           "participants": [{"actor": "ARM", "role": "initiator"}]}  # fmt: skip
    with open_client(url) as api:
        before = int(api.get("/v1/events?limit=1").headers["entente-version"])
        written = api.post("/v1/events", json=[act], headers=key)
        version = written.headers["entente-version"]
        assert int(version) == before + 1
        lineage = written.headers["entente-lineage"]
        for required in (version, f"{version}.{lineage}", "0"):
            headers = {MIN_VERSION: required}
            answer = api.get("/v1/events/curated:k", headers=headers)
            assert (answer.status_code, answer.headers["entente-version"]) == (200, version)
            tag = answer.headers["etag"]
            unchanged = api.get("/v1/events/curated:k", headers={**headers, "If-None-Match": tag})
            assert (unchanged.status_code, unchanged.headers["entente-version"]) == (304, version)
        again = api.post("/v1/events", json=[act], headers=key)
        assert again.headers["entente-version"] == version


@pytest.mark.by_turns
@pytest.mark.parametrize(
    "required", ["", "x", "-1", "1.5", "1.", "1.XYZ", "9" * 17, "1e3", "٣", "1 ", "1.3f9c2a7e2"]
)
def test_what_is_no_version_is_refused(api: TestClient, required: str) -> None:
    answer = api.get("/v1/events?limit=1", headers={MIN_VERSION: required.encode()})  # type: ignore[dict-item]
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["header", MIN_VERSION]


@pytest.mark.by_turns
def test_a_version_that_the_primary_does_not_know_is_no_matter_of_waiting(api: TestClient) -> None:
    newest = api.get("/v1/events?limit=1").headers["entente-version"]
    for path in ("/v1/events?limit=1", "/v1/events/none:such", "/v1/changes"):
        answer = api.get(path, headers={MIN_VERSION: "9007199254740992"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["hint"].startswith(f"Newest: {newest}.")
    left = api.get("/v1/events", headers={MIN_VERSION: "1.00000000"})
    assert (left.status_code, left.json()["type"]) == (410, "/problems/history-left")
    assert api.get("/healthz", headers={MIN_VERSION: "9007199254740992"}).status_code == 200
