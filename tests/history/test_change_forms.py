"""The feed of changes in its forms: the same changes in each, without a ceiling in a stream."""

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient
from make import FIRST_LINEAGE
from pydantic import ValidationError

from app.history import change_formats
from app.history.change_formats import CHANGE_MEDIA_TYPES, STREAMED_FORMATS
from app.history.router import ChangesFilter
from app.history.schemas import Change
from app.lineages import Ancestry, Lineage
from app.text import unescape_formula

pytestmark = pytest.mark.by_turns

ATOM = "{http://www.w3.org/2005/Atom}"
FORMS = sorted(CHANGE_MEDIA_TYPES)


def read_all_changes(api: TestClient, query: str = "") -> list[dict[str, Any]]:
    """All changes, page after page of JSON."""
    found: list[dict[str, Any]] = []
    url = f"/v1/changes?limit=1000{query}"
    while url:
        body = api.get(url).raise_for_status().json()
        found += body["data"]
        url = body["links"]["next"]
    return found


def get_changes(api: TestClient, form: str, query: str = "") -> Any:
    return api.get(f"/v1/changes?format={form}{query}").raise_for_status()


@pytest.mark.parametrize("query", ["", "&kind=event", "&actor=ARM&since=2023", "&after=700"])
def test_a_stream_contains_every_change_of_the_pages(api: TestClient, query: str) -> None:
    wanted = read_all_changes(api, query)
    assert len(wanted) > 20
    lines = get_changes(api, "ndjson", query).text.splitlines()
    assert [json.loads(line) for line in lines] == wanted
    rows = list(csv.DictReader(io.StringIO(get_changes(api, "csv", query).text, newline="")))
    assert [row["seq"] for row in rows] == [str(change["seq"]) for change in wanted]
    assert [row["id"] for row in rows] == [change["id"] for change in wanted]
    assert {row["derived"] for row in rows} == {"false"}


def test_fixture_has_more_changes_than_one_chunk(api: TestClient) -> None:
    assert len(get_changes(api, "ndjson").text.splitlines()) > 1000


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_limit_makes_a_page_that_says_where_to_go_on(api: TestClient, form: str) -> None:
    answer = get_changes(api, form, "&limit=7&after=3")
    assert answer.links["next"]["url"] == (
        f"/v1/changes?format={form}&limit=7&after=10&lineage={FIRST_LINEAGE}"
    )
    assert len(answer.text.splitlines()) == 7 + (form == "csv")


def test_a_stream_says_where_to_go_on_and_finds_nothing_twice(api: TestClient) -> None:
    answer = get_changes(api, "ndjson")
    assert answer.headers["entente-version"] == str(read_all_changes(api)[-1]["seq"])
    assert api.get(answer.links["next"]["url"]).raise_for_status().text == ""


def test_documents_come_along_where_they_are_asked_for(api: TestClient) -> None:
    row = next(
        csv.DictReader(io.StringIO(get_changes(api, "csv", "&kind=event&document=true").text))
    )
    line = get_changes(api, "ndjson", "&kind=event&document=true").text.split("\n")[0]
    assert json.loads(row["document"]) == json.loads(line)["document"]
    assert json.loads(row["document"])["id"] == row["id"]


def test_atom_is_a_feed_of_changes(api: TestClient) -> None:
    wanted = read_all_changes(api, "&kind=event")[:3]
    answer = get_changes(api, "atom", "&kind=event&limit=3")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated", "rights"):
        assert root.findtext(f"{ATOM}{name}")
    entries = root.findall(f"{ATOM}entry")
    assert [e.findtext(f"{ATOM}id") for e in entries] == [
        f"urn:entente:change:{change['seq']}" for change in wanted
    ]
    for entry, change in zip(entries, wanted, strict=True):
        assert entry.findtext(f"{ATOM}updated") == change["at"]
        assert entry.findtext(f"{ATOM}author/{ATOM}name") == change["by"]
        where = entry.find(f"{ATOM}link[@rel='alternate']")
        assert where is not None
        assert api.get(where.attrib["href"]).status_code == 200
    onward = root.find(f"{ATOM}link[@rel='next']")
    assert onward is not None
    after = ElementTree.fromstring(api.get(onward.attrib["href"]).content)
    assert after.findtext(f"{ATOM}entry/{ATOM}id") != entries[0].findtext(f"{ATOM}id")


def test_a_feed_that_is_read_to_its_end_has_no_next(api: TestClient) -> None:
    newest = read_all_changes(api)[-1]["seq"]
    root = ElementTree.fromstring(get_changes(api, "atom", f"&after={newest - 2}").content)
    assert len(root.findall(f"{ATOM}entry")) == 2
    assert root.find(f"{ATOM}link[@rel='next']") is None


@pytest.mark.parametrize("form", FORMS)
def test_accept_chooses_the_form(api: TestClient, form: Any) -> None:
    answer = api.get("/v1/changes?limit=2", headers={"Accept": CHANGE_MEDIA_TYPES[form][0]})
    assert answer.headers["content-type"].startswith(CHANGE_MEDIA_TYPES[form][0])
    assert "Accept" in answer.headers["vary"].split(", ")
    assert answer.content == get_changes(api, form, "&limit=2").content or form in ("json", "atom")


def test_each_change_format_has_its_own_etag(api: TestClient) -> None:
    tags = {
        api.get("/v1/changes?limit=2", headers={"Accept": CHANGE_MEDIA_TYPES[form][0]}).headers[
            "etag"
        ]
        for form in CHANGE_MEDIA_TYPES
    }
    assert len(tags) == len(CHANGE_MEDIA_TYPES)


def test_unsupported_change_format_is_406_with_alternatives(api: TestClient) -> None:
    refused = api.get("/v1/changes", headers={"Accept": "application/vnd.apache.parquet"})
    assert refused.status_code == 406
    assert "format=ndjson" in refused.json()["detail"]
    assert api.get("/v1/changes?format=parquet").status_code == 422


@pytest.mark.parametrize("form", sorted(STREAMED_FORMATS))
def test_change_stream_names_licences(api: TestClient, form: str) -> None:
    assert 'rel="license"' in get_changes(api, form, "&limit=1").headers["link"]


HOSTILE = Change(
    seq=1, at="2026-01-01T00:00:00Z", action="update", kind="source", id="-2+3", revision=1,
    by="@SUM(1+1)", reason="=HYPERLINK(\"http://evil.example\") \x07 & <b>", derived=False,
)  # fmt: skip


def test_no_cell_is_a_formula() -> None:
    text = b"".join(change_formats.render_change_table(iter([[HOSTILE]]), False)).decode()
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    for name in ("id", "by", "reason"):
        assert row[name].startswith("'")
        assert unescape_formula(row[name]) == getattr(HOSTILE, name)


def test_a_reason_cannot_break_the_feed() -> None:
    known = Ancestry((Lineage("a", None, 0, "", ""),))
    root = ElementTree.fromstring(
        change_formats.render_change_feed([HOSTILE], "/v1/changes", None, [], known)
    )
    assert "HYPERLINK" in str(root.findtext(f"{ATOM}entry/{ATOM}summary"))
    assert root.find(".//{*}b") is None


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"id": ["ARM"]}, "Add kind=event, or another."),
        ({"id": ["ARM"], "kind": ["event", "actor"]}, "Keep kind=actor or kind=event."),
        ({"id": ["ARM"], "kind": ["event"], "actor": ["ARM"]}, "Leave out one of them."),
    ],
)
def test_the_way_out_of_an_id_fits_what_was_asked(asked: dict[str, list[str]], hint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ChangesFilter.model_validate(asked)
    assert [fault["ctx"]["hint"] for fault in refused.value.errors()] == [hint]
