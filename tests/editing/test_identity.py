"""What is written under a name is that which the name says, and can be read under it."""

from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

ARMENIA = "/v1/events/curated:2023-10-03-armenia-ratifies-rome-statute"


def list_error_places(answer: Any) -> list[Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return [fault["loc"] for fault in answer.json()["errors"]]


@pytest.mark.bundled
def test_what_was_answered_can_be_sent_back_and_changes_nothing(editor: Any) -> None:
    before = editor.read_version()
    body = editor.api.get("/v1/events?limit=100").json()["data"]
    assert len(body) > 20
    for event in body:
        again = editor.send("PUT", f"/v1/events/{event['id']}", event)
        assert (again.status_code, again.json()) == (200, event)
    assert editor.read_version() == before


@pytest.mark.bundled
def test_put_with_another_key_than_the_path_is_422(editor: Any) -> None:
    mine = editor.add_event("mine")
    body = editor.api.get(ARMENIA).json()
    put = editor.send("PUT", f"/v1/events/{mine['id']}", {**body, "revision": 1})
    assert put.status_code == 422
    patch = editor.send("PATCH", f"/v1/events/{mine['id']}", {"id": body["id"]})
    assert patch.status_code == 422
    assert editor.api.get(f"/v1/events/{mine['id']}").json() == mine


def test_body_id_that_contradicts_the_key_is_422(editor: Any) -> None:
    fields = {"dataset": "curated", "key": "mine", "title": "t", "date": "2023"}
    for ident in ("nocolon", "curated:other", 7, "other:mine"):
        assert editor.send("POST", "/v1/events", {**fields, "id": ident}).status_code == 422
    assert editor.send("POST", "/v1/events", {**fields, "id": "curated:mine"}).status_code == 201


def test_a_key_that_cannot_be_read_or_indexed_is_refused(editor: Any) -> None:
    for key in ("a\u200bb", "a\u202eb", "a\x01b", " a", "é" * 199 + "𠀀"):
        answer = editor.send("POST", "/v1/events", {"key": key, "title": "t", "date": "2023"})
        assert answer.status_code == 422
        assert list_error_places(answer) == [["body", "key"]]


def test_unprintable_id_is_404(editor: Any) -> None:
    for kind in ("events", "actors", "memberships", "sources", "datasets"):
        for ident in ("%00", "a%E2%80%8Bb", "%EF%BF%BF"):
            make_unknown_address(editor, kind, ident)


def make_unknown_address(editor: Any, kind: str, ident: str) -> None:
    here = f"/v1/{kind}/{ident}"
    assert editor.send("PATCH", here, {}).status_code == 404
    assert editor.send("DELETE", here, {"reason": "none"}).status_code == 404
    assert editor.send("PUT", here, {}).status_code == 422
    if kind in ("events", "actors", "sources"):
        assert editor.send("POST", f"{here}/merge", {"into": "x"}).status_code == 404


@pytest.mark.bundled
def test_stale_if_match_is_412_with_current_document(editor: Any) -> None:
    document = editor.api.get(ARMENIA, headers={"Accept-Encoding": "identity"})
    for tag in ('"' + "9" * 5000 + '"', '"1"', 'W/"1"', "1", '"x"', ""):
        answer = editor.send("PATCH", ARMENIA, {"summary": "x"}, If_Match=tag)
        assert answer.status_code == 412
        assert answer.json()["current"] == {
            "etag": document.headers["etag"],
            "document": document.json(),
        }


@pytest.mark.bundled
def test_weak_etag_in_if_match_is_412(editor: Any) -> None:
    tag = editor.api.get(ARMENIA).headers["etag"]
    assert (
        editor.send("PATCH", ARMENIA, {"summary": "x"}, If_Match=f'"1", W/{tag}').status_code == 412
    )
    assert (
        editor.send("PATCH", ARMENIA, {"summary": "x"}, If_Match=f'W/"1", {tag}').status_code == 200
    )


def test_blank_or_unprintable_reason_is_422(editor: Any) -> None:
    for reason in ("%00", "a%00b", "%20", ""):
        answer = editor.send("DELETE", f"{ARMENIA}?reason={reason}")
        assert answer.status_code == 422
        assert list_error_places(answer) == [["query", "reason"]]


def test_missing_key_is_401_before_the_body_is_read(editor: Any) -> None:
    answer = editor.api.post("/v1/events", content=b"{" * 100, headers={"Content-Type": "text/odd"})
    assert answer.status_code == 401


@pytest.mark.on_both
def test_a_text_larger_than_a_tsvector_is_still_found(editor: Any) -> None:
    source = "meduza-2023-10-03-rome-statute"
    quotes = [" ".join(f"{n:03}word{m:05}" for m in range(1500)) for n in range(75)]
    reports = [{"source": source, "locator": q[:3], "quote": q} for q in quotes]
    made = editor.add_event("large", title="Zyxwv", reports=reports)
    for word in ("zyxwv", "000word00000", "010word00000"):
        found = editor.api.get(f"/v1/events?q={word}").json()["data"]
        assert [e["id"] for e in found] == [made["id"]]
