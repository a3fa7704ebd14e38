"""Retries and races: one request is carried out once, and no change is lost."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = pytest.mark.slow

EVENT = {"key": "retried", "title": "t", "date": "2023-05-01"}


def test_the_same_key_at_once_writes_once(editor: Any) -> None:
    before = editor.read_version()

    def post(_: int) -> Any:
        return editor.send("POST", "/v1/events", EVENT, Idempotency_Key="k-1")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {(a.status_code, a.text, a.headers["etag"]) for a in answers} == {
        (201, answers[0].text, answers[0].headers["etag"])
    }
    assert sum("idempotency-replayed" in a.headers for a in answers) == 7
    assert editor.read_version() == before + 1


def test_the_same_key_for_another_request_is_refused(editor: Any) -> None:
    editor.send_ok("POST", "/v1/events", EVENT, Idempotency_Key="k-1")
    for method, path, body in (
        ("POST", "/v1/events", {**EVENT, "title": "other"}),
        ("POST", "/v1/events?reason=x", EVENT),
        ("PUT", "/v1/events/curated:retried", EVENT),
    ):
        refused = editor.send(method, path, body, Idempotency_Key="k-1")
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]


def test_refused_request_does_not_consume_its_idempotency_key(editor: Any) -> None:
    bad = editor.send("POST", "/v1/events", {**EVENT, "date": "2023-02-30"}, Idempotency_Key="k-1")
    assert bad.status_code == 422
    editor.send_ok("POST", "/v1/events", EVENT, Idempotency_Key="k-1")


def test_one_of_several_patches_of_one_revision_wins(editor: Any) -> None:
    editor.add_event("raced")
    path = "/v1/events/curated:raced"
    tag = editor.send("GET", path).headers["etag"]

    def patch(number: int) -> Any:
        return editor.send("PATCH", path, {"title": f"by {number}"}, If_Match=tag)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(patch, range(6)))
    assert sorted(a.status_code for a in answers) == [200] + [412] * 5
    [won] = [a.json() for a in answers if a.status_code == 200]
    for lost in (a.json() for a in answers if a.status_code == 412):
        assert lost["current"]["document"] == won
    assert editor.send_ok("GET", path) == won


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_write_to_merged_document_is_409(editor: Any, method: str) -> None:
    for key in ("one", "two"):
        editor.add_event(key)
    editor.send_ok("POST", "/v1/events/curated:one/merge", {"into": "curated:two"})
    before = editor.read_version()
    body = {"title": "t", "date": "2023"} if method == "PUT" else {"reason": "r"}
    refused = editor.send(method, "/v1/events/curated:one", body)
    assert refused.status_code == 409
    assert "/v1/events/curated:two" in refused.json()["detail"]
    assert editor.read_version() == before
