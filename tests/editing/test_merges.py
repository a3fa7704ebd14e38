"""Merges and retractions: what may go, who goes on, and what is told."""

from typing import Any

import pytest

SOURCE = "news-2023-10-13-putin-loses-another-ally"


def faults(answer: Any) -> list[tuple[list[Any], str]]:
    return [(fault["loc"], fault["message"]) for fault in answer.json()["errors"]]


@pytest.fixture
def three(desk: Any) -> Any:
    """Events a, b, c; a was merged into b."""
    for key in "abc":
        desk.event(key)
    desk.done("POST", "/v1/events/curated:a/merge", {"into": "curated:b"})
    return desk


def test_merge_with_unknown_target_is_422(three: Any) -> None:
    here = "/v1/events/curated:c/merge"
    gone = three.ask("POST", here, {"into": "curated:a"})
    assert (gone.status_code, faults(gone)) == (422, [(["body", "into"], "was merged already")])
    assert gone.json()["errors"][0]["hint"] == "See /v1/events/curated%3Ab."
    none = three.ask("POST", here, {"duplicates": ["curated:b", "curated:x", "curated:a"]})
    assert faults(none) == [
        (["body", "duplicates", 1], "no event has that id"),
        (["body", "duplicates", 2], "was merged already"),
    ]


def test_merging_a_merged_document_is_409(three: Any) -> None:
    again = three.ask("POST", "/v1/events/curated:a/merge", {"into": "curated:c"})
    assert again.status_code == 409
    assert "/v1/events/curated%3Ab" in again.json()["detail"]
    assert three.ask("POST", "/v1/events/curated:x/merge", {"into": "curated:c"}).status_code == 404
    itself = three.ask("POST", "/v1/events/curated:c/merge", {"into": "curated:c"})
    assert itself.status_code == 409


def test_a_chain_of_merges_leads_to_its_end(three: Any) -> None:
    three.done("POST", "/v1/events/curated:b/merge", {"into": "curated:c"})
    for key in "ab":
        moved = three.api.get(f"/v1/events/curated:{key}")
        assert (moved.status_code, moved.headers["location"]) == (308, "/v1/events/curated%3Ac")
    last = three.api.get("/v1/events/curated:a/history").json()["data"][-1]
    assert (last["action"], last["document"]["recorded_at"]) == ("merge", last["at"])


def test_actors_are_merged_by_any_name_and_once(desk: Any) -> None:
    for code in ("OLD", "NEW"):
        desk.done("POST", "/v1/actors", {"code": code, "kind": "state", "name": f"The {code}"})
    desk.done("POST", "/v1/actors/the old/merge", {"into": "The New"})
    moved = desk.api.get("/v1/actors/OLD")
    assert (moved.status_code, moved.headers["location"]) == (308, "/v1/actors/NEW")
    for body in ({"into": "OLD"}, {"duplicates": ["OLD"]}, {"into": "Nobody"}):
        assert desk.ask("POST", "/v1/actors/ARM/merge", body).status_code == 422
    assert desk.ask("POST", "/v1/actors/ARM/merge", {"into": "Armenia"}).status_code == 409
    assert desk.ask("POST", "/v1/actors/OLD/merge", {"into": "ARM"}).status_code == 409


def test_a_merge_that_would_be_too_large_is_refused(desk: Any) -> None:
    for code in ("BIG", "LARGE"):
        names = [f"{code} {n}" for n in range(150)]
        desk.done(
            "POST", "/v1/actors", {"code": code, "kind": "state", "name": code, "aliases": names}
        )
        reports = [{"source": SOURCE, "locator": f"{code} {n}"} for n in range(600)]
        desk.event(code, reports=reports)
    assert desk.ask("POST", "/v1/actors/BIG/merge", {"into": "LARGE"}).status_code == 409
    pair = {"into": "curated:LARGE"}
    assert desk.ask("POST", "/v1/events/curated:BIG/merge", pair).status_code == 409
    desk.done("PATCH", "/v1/actors/BIG", {"summary": "still to be edited"})
    desk.done("PATCH", "/v1/events/curated:BIG", {"summary": "still to be edited"})


def test_a_membership_proved_by_a_merged_event_can_still_be_edited(desk: Any) -> None:
    held = desk.api.get("/v1/memberships?limit=1000").json()["data"]
    proved = next(m for m in held if any(step["event"] for step in m["steps"]))
    [event, *_] = [step["event"] for step in proved["steps"] if step["event"]]
    desk.event("other")
    desk.done("POST", f"/v1/events/{event}/merge", {"into": "curated:other"})
    here = "/v1/memberships/{actor}:{group}:{role}:{spell}".format_map(proved)
    before = desk.version()
    assert desk.done("PUT", here, proved) == proved
    assert desk.version() == before


def test_retraction_without_reason_is_422(desk: Any) -> None:
    here = "/v1/events/curated:mine"
    made = desk.event("mine")
    for method, body in (
        ("PATCH", {"status": "retracted"}),
        ("PUT", made | {"status": "retracted"}),
    ):
        answer = desk.ask(method, here, body)
        assert (answer.status_code, faults(answer)) == (422, [(["body", "reason"], "is required")])
    retracted = desk.done("PATCH", here, {"status": "retracted", "reason": "a hoax"})
    assert desk.done("PUT", here, retracted) == retracted
    restored = desk.done("PATCH", here, {"status": "reported"})
    assert restored["status"] == "reported"
    actions = [r["action"] for r in desk.api.get(f"{here}/history").json()["data"]]
    assert actions == ["create", "retract", "update"]


def test_reason_of_one_event_in_a_batch_is_422(desk: Any) -> None:
    given = {"key": "k", "title": "t", "date": "2023", "reason": "because"}
    answer = desk.ask("POST", "/v1/events", [given])
    assert faults(answer) == [(["body", 0, "reason"], "cannot be sent for one event of a batch")]
    desk.done("POST", "/v1/events", given)
    [revision] = desk.api.get("/v1/events/curated:k/history").json()["data"]
    assert revision["reason"] == "because"


def test_actor_used_as_place_or_successor_cannot_be_retracted(desk: Any) -> None:
    desk.done("POST", "/v1/actors", {"code": "LAND", "kind": "state", "name": "Land"})
    desk.event("there", location={"country": "LAND"})
    refused = desk.ask("DELETE", "/v1/actors/LAND", {"reason": "none"})
    assert (refused.status_code, "1 places of events" in refused.text) == (409, True)
    desk.done("PATCH", "/v1/events/curated:there", {"location": None})
    desk.done("PATCH", "/v1/actors/AZE", {"successors": ["LAND"]})
    assert desk.ask("DELETE", "/v1/actors/LAND", {"reason": "none"}).status_code == 409
    desk.done("PATCH", "/v1/actors/AZE", {"successors": []})
    desk.done("DELETE", "/v1/actors/LAND", {"reason": "none"})


def test_two_records_of_one_membership_are_merged(desk: Any) -> None:
    steps = [{"step": "in-force", "date": "2023-10", "sources": [SOURCE]}]
    spell = {"actor": "ARM", "group": "OTS", "role": "observer", "steps": steps}
    desk.done("POST", "/v1/memberships", [spell, spell | {"spell": 2}])
    other = desk.ask(
        "POST", "/v1/memberships/ARM:OTS:observer:2/merge", {"into": "ARM:CIS:member:1"}
    )
    assert other.status_code == 409
    here, there = "/v1/memberships/ARM:OTS:observer:1", "/v1/memberships/ARM:OTS:observer:2"
    kept = desk.done("POST", f"{there}/merge", {"into": "ARM:OTS:observer:1", "reason": "twice"})
    assert kept == desk.api.get(here).json()
    moved = desk.api.get(there)
    assert (moved.status_code, moved.headers["location"]) == (308, here.replace(":", "%3A"))
    assert desk.api.get(f"{there}/history").json()["data"][-1]["action"] == "merge"
    held = desk.api.get("/v1/memberships", params={"actor": "ARM", "group": "OTS"}).json()["data"]
    assert held == [kept]
