"""What was cited is answered in the same bytes, whatever is written later."""

from collections.abc import Iterator
from typing import Any

import pytest
from examples import add_key
from fastapi.testclient import TestClient
from serving import open_client

from app.db.engine import Database
from app.events.verify import find_event_faults

pytestmark = pytest.mark.slow

SOURCE = "news-2023-10-13-putin-loses-another-ally"
EVENT = "curated:2023-10-03-armenia-ratifies-rome-statute"
READS = (
    "/v1/events?limit=20", "/v1/events?actor=Armenia&since=2023&count=exact",
    "/v1/events?actor=ARM&count=estimate", "/v1/events?member_of=CSTO",
    "/v1/events?between=ARM,RUS", "/v1/events?q=rome", "/v1/events?sort=-recorded&limit=10",
    "/v1/events?status=retracted", f"/v1/events?source={SOURCE}", "/v1/events?known_by=2023-10-05",
    "/v1/events?min_independent_sources=2", "/v1/events?actor=nikol-pashinyan",
    "/v1/events?actor=ARM&via=false", "/v1/events?fields=id,title&actor=ARM", f"/v1/events/{EVENT}",
    "/v1/timeline?actor=ARM&since=2020&top=3", "/v1/facets?by=type,actor,country,dataset,status",
    "/v1/actors?limit=400", "/v1/actors/ARM", "/v1/actors/nikol-pashinyan",
    "/v1/actors/ARM/relations", "/v1/actors/nikol-pashinyan/relations",
    "/v1/actors/resolve?q=Armenia", "/v1/alliances", "/v1/alliances/CSTO",
    "/v1/alliances/CSTO/members", "/v1/alliances/CSTO/history", "/v1/ties?actor=ARM",
    "/v1/memberships?actor=ARM", "/v1/sources?limit=500", "/v1/datasets", "/v1/coverage",
)  # fmt: skip
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("PATCH", f"/v1/events/{EVENT}", {"title": "Other", "date": "2019", "reports": []}),
    ("PATCH", "/v1/actors/ARM", {"name": "Hayastan", "aliases": [], "kind": "organization"}),
    ("PATCH", "/v1/actors/ARM", {"kind": "state"}),
    ("PATCH", f"/v1/sources/{SOURCE}", {"publisher": "Else", "published": "2024-01-01"}),
    ("DELETE", f"/v1/events/{EVENT}", {"reason": "test"}),
    ("PATCH", f"/v1/events/{EVENT}", {"status": "confirmed"}),
    ("DELETE", "/v1/memberships/ARM:CSTO:member:1", {"reason": "test"}),
    ("DELETE", "/v1/memberships/nikol-pashinyan:ARM:prime-minister:1", {"reason": "test"}),
    ("POST", f"/v1/events/{EVENT}/merge", None),
    ("POST", f"/v1/sources/{SOURCE}/merge", {"into": "alma-ata-protocol-1991"}),
    ("POST", "/v1/actors/nikol-pashinyan/merge", {"into": "RUS"}),
    ("POST", "/v1/actors/ARM/merge", {"into": "AZE"}),
    ("POST", "/v1/actors/CSTO/merge", {"into": "NATO"}),
    ("PATCH", "/v1/datasets/curated", {"name": "N", "first": "2000", "last": "2001"}),
)


@pytest.fixture
def api(database: Database) -> Iterator[TestClient]:
    """The service on a database of its own."""
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, follow_redirects=False) as client:
        client.headers["Authorization"] = f"Bearer {add_key(database)}"
        yield client
    with database.connect() as db:
        assert list(find_event_faults(db)) == []


def read_permalink(api: TestClient, path: str, version: int) -> str:
    """The address under which an answer is cited."""
    links = api.get(path).raise_for_status().json().get("links", {})
    return str(links.get("permalink") or f"{path}{'&' if '?' in path else '?'}as_of={version}")


def read_data(api: TestClient, path: str) -> Any:
    """What an answer says, but for its links."""
    body = api.get(path).raise_for_status().json()
    return {name: value for name, value in body.items() if name != "links"}


@pytest.mark.bundled
def test_permalink_answers_the_same_after_later_writes(api: TestClient) -> None:
    version = api.get("/readyz").json()["version"]
    links = {path: read_permalink(api, path, version) for path in READS}
    for path, link in links.items():
        assert read_data(api, path) == read_data(api, link), path
    document = {link: api.get(link) for link in links.values()}
    survivor = api.get("/v1/events?limit=1").json()["data"][0]["id"]
    for method, path, body in WRITES:
        sent = {"into": survivor} if path == f"/v1/events/{EVENT}/merge" else body
        answer = api.request(method, path, json=sent)
        assert answer.status_code == 200, (path, answer.text)
    for link, before in document.items():
        after = api.get(link)
        assert after.content == before.content, link
        assert after.headers["etag"] == before.headers["etag"], link


@pytest.mark.bundled
@pytest.mark.by_turns
def test_what_a_person_does_counts_for_the_state_while_it_belongs_there(api: TestClient) -> None:
    here = "/v1/memberships/nikol-pashinyan:ARM:prime-minister:1"
    spell = api.get(here).json()

    def rolled() -> set[str]:
        events = api.get("/v1/events?actor=nikol-pashinyan&limit=1000").json()["data"]
        offices = [p for e in events for p in e["participants"] if p["via"] == "nikol-pashinyan"]
        return {p["actor"] for p in offices}

    assert rolled() == {"ARM"}
    api.request("DELETE", here, json={"reason": "test"}).raise_for_status()
    assert rolled() == set()
    api.put(here, json=spell).raise_for_status()
    assert rolled() == {"ARM"}
    api.patch(here, json={"steps": [{"step": "in-force", "date": "2040"}]}).raise_for_status()
    assert rolled() == set()


@pytest.mark.bundled
@pytest.mark.by_turns
def test_partners_are_counted_once_an_event(api: TestClient) -> None:
    both = {"actor": "ARM", "role": "initiator"}, {"actor": "RUS", "role": "target"}
    again = {"actor": "ARM", "role": "participant"}, {"actor": "RUS", "role": "host"}
    before = api.get("/v1/actors/ARM/relations").json()["data"][0]
    fields = {"key": "k", "title": "t", "date": "2023", "participants": [*both, *again]}
    api.post("/v1/events", json=fields).raise_for_status()
    after = api.get("/v1/actors/ARM/relations").json()["data"][0]
    assert (before["actor"], after["count"]) == ("RUS", before["count"] + 1)
