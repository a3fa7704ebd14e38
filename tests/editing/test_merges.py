"""Merges and retractions: what may go, what stays, and what clients are shown."""

from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

SOURCE = "meduza-2023-10-03-rome-statute"


def list_errors(answer: Any) -> list[tuple[list[Any], str]]:
    return [(fault["loc"], fault["message"]) for fault in answer.json()["errors"]]


@pytest.fixture
def three(editor: Any) -> Any:
    """Events a, b, c; a was merged into b."""
    for key in "abc":
        editor.add_event(key)
    editor.send_ok("POST", "/v1/events/curated:a/merge", {"into": "curated:b"})
    return editor


def test_merge_with_unknown_target_is_422(three: Any) -> None:
    here = "/v1/events/curated:c/merge"
    gone = three.send("POST", here, {"into": "curated:a"})
    assert (gone.status_code, list_errors(gone)) == (
        422,
        [(["body", "into"], "was merged already")],
    )
    assert gone.json()["errors"][0]["hint"] == "See /v1/events/curated:b."
    none = three.send("POST", here, {"duplicates": ["curated:b", "curated:x", "curated:a"]})
    assert list_errors(none) == [
        (["body", "duplicates", 1], "no event has that id"),
        (["body", "duplicates", 2], "was merged already"),
    ]


def test_merging_a_merged_document_is_409(three: Any) -> None:
    again = three.send("POST", "/v1/events/curated:a/merge", {"into": "curated:c"})
    assert again.status_code == 409
    assert "/v1/events/curated:b" in again.json()["detail"]
    assert (
        three.send("POST", "/v1/events/curated:x/merge", {"into": "curated:c"}).status_code == 404
    )
    itself = three.send("POST", "/v1/events/curated:c/merge", {"into": "curated:c"})
    assert itself.status_code == 409


def test_a_chain_of_merges_leads_to_its_end(three: Any) -> None:
    three.send_ok("POST", "/v1/events/curated:b/merge", {"into": "curated:c"})
    for key in "ab":
        moved = three.api.get(f"/v1/events/curated:{key}")
        assert (moved.status_code, moved.headers["location"]) == (308, "/v1/events/curated:c")
    last = three.api.get("/v1/events/curated:a/history").json()["data"][-1]
    assert (last["action"], last["document"]["recorded_at"]) == ("merge", last["at"])


def test_actors_are_merged_by_any_name_and_once(editor: Any) -> None:
    for code in ("OLD", "NEW"):
        editor.send_ok("POST", "/v1/actors", {"code": code, "kind": "state", "name": f"The {code}"})
    editor.send_ok("POST", "/v1/actors/the old/merge", {"into": "The New"})
    moved = editor.api.get("/v1/actors/OLD")
    assert (moved.status_code, moved.headers["location"]) == (308, "/v1/actors/NEW")
    for body in ({"into": "OLD"}, {"duplicates": ["OLD"]}, {"into": "Nobody"}):
        assert editor.send("POST", "/v1/actors/ARM/merge", body).status_code == 422
    assert editor.send("POST", "/v1/actors/ARM/merge", {"into": "Armenia"}).status_code == 409
    assert editor.send("POST", "/v1/actors/OLD/merge", {"into": "ARM"}).status_code == 409


def test_a_merge_that_would_be_too_large_is_refused(editor: Any) -> None:
    for code in ("BIG", "LARGE"):
        names = [f"{code} {n}" for n in range(150)]
        editor.send_ok(
            "POST", "/v1/actors", {"code": code, "kind": "state", "name": code, "aliases": names}
        )
        reports = [{"source": SOURCE, "locator": f"{code} {n}"} for n in range(600)]
        editor.add_event(code, reports=reports)
    assert editor.send("POST", "/v1/actors/BIG/merge", {"into": "LARGE"}).status_code == 409
    pair = {"into": "curated:LARGE"}
    assert editor.send("POST", "/v1/events/curated:BIG/merge", pair).status_code == 409
    editor.send_ok("PATCH", "/v1/actors/BIG", {"summary": "still to be edited"})
    editor.send_ok("PATCH", "/v1/events/curated:BIG", {"summary": "still to be edited"})


@pytest.mark.bundled
def test_a_membership_proved_by_a_merged_event_can_still_be_edited(editor: Any) -> None:
    body = editor.api.get("/v1/memberships?limit=1000").json()["data"]
    proved = next(m for m in body if any(step["event"] for step in m["steps"]))
    [event, *_] = [step["event"] for step in proved["steps"] if step["event"]]
    editor.add_event("other")
    editor.send_ok("POST", f"/v1/events/{event}/merge", {"into": "curated:other"})
    here = "/v1/memberships/{actor}:{group}:{role}:{spell}".format_map(proved)
    before = editor.read_version()
    assert editor.send_ok("PUT", here, proved) == proved
    assert editor.read_version() == before


@pytest.mark.parametrize("body", [{"reason": ""}, {}, {"reason": "x", "why": "y"}, []])
def test_wrong_body_of_a_retraction_is_422_beside_a_reason(editor: Any, body: object) -> None:
    editor.add_event("mine")
    before = editor.read_version()
    answer = editor.send("DELETE", "/v1/events/curated:mine?reason=a%20hoax", body)
    assert answer.status_code == 422
    assert list_errors(answer)[0][0][0] == "body"
    assert editor.read_version() == before


def test_retraction_without_reason_is_422(editor: Any) -> None:
    here = "/v1/events/curated:mine"
    made = editor.add_event("mine")
    for method, body in (
        ("PATCH", {"status": "retracted"}),
        ("PUT", made | {"status": "retracted"}),
    ):
        answer = editor.send(method, here, body)
        assert (answer.status_code, list_errors(answer)) == (
            422,
            [(["body", "reason"], "is required")],
        )
    retracted = editor.send_ok("PATCH", here, {"status": "retracted", "reason": "a hoax"})
    assert editor.send_ok("PUT", here, retracted) == retracted
    restored = editor.send_ok("PATCH", here, {"status": "reported"})
    assert restored["status"] == "reported"
    actions = [r["action"] for r in editor.api.get(f"{here}/history").json()["data"]]
    assert actions == ["create", "retract", "update"]


def test_reason_of_one_event_in_a_batch_is_422(editor: Any) -> None:
    fields = {"key": "k", "title": "t", "date": "2023", "reason": "because"}
    answer = editor.send("POST", "/v1/events", [fields])
    assert list_errors(answer) == [
        (["body", 0, "reason"], "cannot be sent for one event of a batch")
    ]
    editor.send_ok("POST", "/v1/events", fields)
    [revision] = editor.api.get("/v1/events/curated:k/history").json()["data"]
    assert revision["reason"] == "because"


def test_actor_used_as_place_or_successor_cannot_be_retracted(editor: Any) -> None:
    editor.send_ok("POST", "/v1/actors", {"code": "LAND", "kind": "state", "name": "Land"})
    editor.add_event("there", location={"country": "LAND"})
    refused = editor.send("DELETE", "/v1/actors/LAND", {"reason": "none"})
    assert (refused.status_code, "1 places of events" in refused.text) == (409, True)
    editor.send_ok("PATCH", "/v1/events/curated:there", {"location": None})
    editor.send_ok("PATCH", "/v1/actors/AZE", {"successors": ["LAND"]})
    assert editor.send("DELETE", "/v1/actors/LAND", {"reason": "none"}).status_code == 409
    editor.send_ok("PATCH", "/v1/actors/AZE", {"successors": []})
    editor.send_ok("DELETE", "/v1/actors/LAND", {"reason": "none"})


def test_two_records_of_one_membership_are_merged(editor: Any) -> None:
    steps = [{"step": "in-force", "date": "2023-10", "sources": [SOURCE]}]
    spell = {"actor": "ARM", "group": "OTS", "role": "observer", "steps": steps}
    editor.send_ok("POST", "/v1/memberships", [spell, spell | {"spell": 2}])
    other = editor.send(
        "POST", "/v1/memberships/ARM:OTS:observer:2/merge", {"into": "ARM:CIS:member:1"}
    )
    assert other.status_code == 409
    here, there = "/v1/memberships/ARM:OTS:observer:1", "/v1/memberships/ARM:OTS:observer:2"
    kept = editor.send_ok(
        "POST", f"{there}/merge", {"into": "ARM:OTS:observer:1", "reason": "twice"}
    )
    assert kept == editor.api.get(here).json()
    moved = editor.api.get(there)
    assert (moved.status_code, moved.headers["location"]) == (308, here)
    assert editor.api.get(f"{there}/history").json()["data"][-1]["action"] == "merge"
    body = editor.api.get("/v1/memberships", params={"actor": "ARM", "group": "OTS"}).json()["data"]
    assert body == [kept]
