"""Shifts as a feed: readers show each change once, and go on."""

from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]
ATOM = "{http://www.w3.org/2005/Atom}"
QUESTION = "actor=ARM&toward=RUS,CSTO,EU"


def read_entries(api: TestClient, query: str = QUESTION) -> tuple[Any, list[Any]]:
    answer = api.get(f"/v1/shifts?{query}&format=atom").raise_for_status()
    assert answer.headers["content-type"] == "application/atom+xml"
    root = ElementTree.fromstring(answer.content)
    return root, root.findall(f"{ATOM}entry")


def link_of(node: Any, relation: str) -> str:
    [found] = [n for n in node.findall(f"{ATOM}link") if n.get("rel") == relation]
    return str(found.get("href"))


@pytest.mark.parametrize("query", ["actor=ARM&toward=CSTO", "actor=ARM"])
def test_a_feed_has_the_dated_shifts_with_their_addresses(api: TestClient, query: str) -> None:
    root, entries = read_entries(api, query)
    rows = api.get(f"/v1/shifts?{query}&sort=-onset").json()["data"]
    dated = [row for row in rows if row["onset"] and row["direction"]]
    assert dated
    assert [e.findtext(f"{ATOM}title") for e in entries] == [row["title"] for row in dated]
    assert [e.findtext(f"{ATOM}summary") for e in entries] == [row["sentence"] for row in dated]
    for entry in entries[:3]:
        assert api.get(link_of(entry, "alternate")).status_code == 200
        assert api.get(link_of(entry, "via")).json()["onset"]
        assert str(entry.findtext(f"{ATOM}updated")).endswith("T00:00:00Z")
    assert link_of(root, "self") == f"http://testserver/v1/shifts?{query}&format=atom"
    assert api.get(link_of(root, "alternate")).status_code == 200
    assert "CC BY 4.0" in str(root.findtext(f"{ATOM}rights"))


def test_ids_of_entries_are_the_same_at_another_version(api: TestClient) -> None:
    root, entries = read_entries(api, "actor=ARM&toward=CSTO")
    via = link_of(root, "via")
    assert "as_of=" in via
    again = ElementTree.fromstring(api.get(via).raise_for_status().content)
    names = [e.findtext(f"{ATOM}id") for e in entries]
    assert names == [e.findtext(f"{ATOM}id") for e in again.findall(f"{ATOM}entry")]
    assert names[0] == "urn:entente:shift:ARM:CSTO::away:2022-06"


def test_json_feed_has_the_same_items(api: TestClient) -> None:
    _, entries = read_entries(api, "actor=ARM")
    answer = api.get("/v1/shifts?actor=ARM", headers={"Accept": "application/feed+json"})
    feed = answer.json()
    assert answer.headers["content-type"] == "application/feed+json"
    assert [item["id"] for item in feed["items"]] == [e.findtext(f"{ATOM}id") for e in entries]
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert api.get(feed["items"][0]["url"]).status_code == 200


def test_the_latest_onset_comes_first(api: TestClient) -> None:
    items = api.get("/v1/shifts?actor=ARM&format=jsonfeed").json()["items"]
    onsets = [item["_entente"]["onset"][:7] for item in items]
    assert onsets == sorted(onsets, reverse=True)


def test_pages_of_a_feed_follow_each_other(api: TestClient) -> None:
    feed = api.get("/v1/shifts?max_q=1&limit=2&format=jsonfeed").json()
    other = api.get(feed["next_url"]).raise_for_status().json()
    assert not {item["id"] for item in feed["items"]} & {item["id"] for item in other["items"]}


def test_a_width_does_not_go_with_a_feed(api: TestClient) -> None:
    answer = api.get("/v1/shifts?actor=ARM&format=atom&width=500")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", "width"]
