"""Actors change: names, codes, offices, successors; what shows them follows, history keeps them."""

from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

PASHINYAN = "/v1/events?actor=nikol-pashinyan&limit=1000"


def list_names(editor: Any, address: str, code: str) -> set[str]:
    """The names under which events show an actor."""
    found = editor.send_ok("GET", address)["data"]
    assert found
    return {p["name"] for e in found for p in e["participants"] if p["actor"] == code}


@pytest.mark.bundled
def test_a_new_name_is_shown_by_every_event(editor: Any) -> None:
    before = editor.read_version()
    address = "/v1/events?actor=CSTO&limit=1000"
    shown = editor.send("GET", address).json()
    changed = {"name": "Treaty Organization", "reason": "renamed"}
    editor.send_ok("PATCH", "/v1/actors/CSTO", changed)
    assert list_names(editor, address, "CSTO") == {"Treaty Organization"}
    assert list_names(editor, f"{address}&as_of={before}", "CSTO").isdisjoint(
        {"Treaty Organization"}
    )
    then = editor.send_ok("GET", f"{address}&as_of={before}")
    assert then["data"] == shown["data"]
    changes = editor.send_ok("GET", f"/v1/changes?after={before}")["data"]
    assert [(c["action"], c["kind"], c["id"]) for c in changes] == [("update", "actor", "CSTO")]
    every = editor.send_ok("GET", f"/v1/changes?after={before}&derived=true&limit=1000")["data"]
    assert len(every) == 1 + len(shown["data"])
    assert all(c["derived"] and c["reason"] == "renamed" for c in every[1:])
    ident = shown["data"][0]["id"]
    last = editor.send_ok("GET", f"/v1/events/{ident}/history")["data"][-1]
    assert [field["field"] for field in last["changed"]] == ["participants"]
    assert editor.send_ok("GET", "/v1/events?q=Treaty+Organization")["data"]


@pytest.mark.bundled
def test_former_name_resolves_only_in_its_period(editor: Any) -> None:
    before = editor.read_version()
    editor.send_ok("PATCH", "/v1/actors/KGZ", {"name": "Kirghizia", "aliases": []})
    old = "Kyrgyzstan"
    assert editor.send("GET", f"/v1/events?actor={old}").status_code == 422
    assert editor.send_ok("GET", f"/v1/events?actor={old}&as_of={before}")["data"]
    assert editor.send_ok("GET", "/v1/actors/Kirghizia")["code"] == "KGZ"


def test_a_new_code_finds_the_actor(editor: Any) -> None:
    assert editor.send("GET", "/v1/actors/x:1").status_code == 404
    codes = editor.send_ok("GET", "/v1/actors/ARM")["codes"] + [{"scheme": "x", "value": "1"}]
    editor.send_ok("PATCH", "/v1/actors/ARM", {"codes": codes})
    assert editor.send_ok("GET", "/v1/actors/x:1")["code"] == "ARM"
    taken = editor.send("PATCH", "/v1/actors/AZE", {"codes": [{"scheme": "x", "value": "1"}]})
    assert taken.json()["errors"][0]["loc"] == ["body", "codes", 0]


def test_successors_are_resolved_and_unknown_ones_are_422(editor: Any) -> None:
    patch = {"until": "2030-01-01", "successors": ["Georgia", "ABK"], "reason": "a division"}
    document = editor.send_ok("PATCH", "/v1/actors/GEO", patch)
    assert (document["until"], document["successors"]) == ("2030-01-01", ["GEO", "ABK"])
    unknown = editor.send("PATCH", "/v1/actors/GEO", {"successors": ["Nowhere"]})
    assert unknown.json()["errors"][0]["loc"] == ["body", "successors", 0]


def test_an_office_that_ends_earlier_takes_the_state_out_of_later_events(editor: Any) -> None:
    [office] = editor.send_ok("GET", "/v1/memberships?actor=nikol-pashinyan&group=ARM")["data"]
    later = [e for e in editor.send_ok("GET", PASHINYAN)["data"] if e["start"] >= "2023"]
    assert all(any(p["via"] for p in e["participants"]) for e in later)
    before = editor.read_version()
    steps = [s for s in office["steps"] if s["step"] == "in-force"]
    steps.append({"step": "withdrawn", "date": "2023-01-01"})
    address = "/v1/memberships/" + ":".join(
        str(office[n]) for n in ("actor", "group", "role", "spell")
    )
    editor.send_ok("PATCH", address, {"steps": steps, "reason": "as if"})
    for event in editor.send_ok("GET", PASHINYAN)["data"]:
        via = [p for p in event["participants"] if p["via"] == "nikol-pashinyan"]
        assert bool(via) == (event["start"] < "2023"), event["id"]
    then = editor.send_ok("GET", f"{PASHINYAN}&as_of={before}")["data"]
    assert [e for e in then if e["start"] >= "2023"] == later
