"""What is sent is taken as it is meant, or refused: nothing is guessed, nothing is left out."""

from typing import Any

import pytest
from editing.conftest import Editor, list_errors

EVENT = {"key": "k", "title": "t", "date": "2023-05-01"}
NO_NUMBER = "must be a number, not text, true or false"


def make_part(field: str, **more: Any) -> dict[str, Any]:
    return {field: [more]}


@pytest.mark.parametrize("value", ["5", "1", True])
@pytest.mark.parametrize(
    ("where", "fields"),
    [
        (["intensity"], lambda v: {"intensity": v}),
        (["quad"], lambda v: {"quad": v}),
        (["revision"], lambda v: {"revision": v}),
        (["location", "lat"], lambda v: {"location": {"lat": v, "lon": 44}}),
        (
            ["signals", 0, "score"],
            lambda v: make_part("signals", **{"from": "ARM"}, toward="RUS", score=v),
        ),
        (
            ["signals", 0, "confidence"],
            lambda v: make_part("signals", **{"from": "ARM"}, toward="RUS", score=1, confidence=v),
        ),
        (["reports", 0, "credibility"], lambda v: make_part("reports", source="s", credibility=v)),
    ],
)
def test_text_and_booleans_are_not_numbers(
    shared_editor: Editor, where: list[Any], fields: Any, value: Any
) -> None:
    answer = shared_editor.send("POST", "/v1/events", EVENT | fields(value))
    assert answer.status_code == 422
    assert list_errors(answer) == [(["body", *where], NO_NUMBER)]


def test_membership_period_as_text_is_422(shared_editor: Editor) -> None:
    steps = [{"step": "signed", "date": "2023"}]
    fields = {"actor": "ARM", "group": "NATO", "spell": "2", "steps": steps}
    answer = shared_editor.send("POST", "/v1/memberships", fields)
    assert list_errors(answer) == [(["body", "spell"], NO_NUMBER)]


def test_a_whole_number_may_be_written_with_a_point(editor: Editor) -> None:
    made = editor.add_event("k", quad=2.0, intensity=5)
    assert (made["quad"], made["intensity"]) == (2, 5.0)


@pytest.mark.parametrize(
    ("where", "fields"),
    [
        (
            ["participants", 0, "rolle"],
            make_part("participants", actor="ARM", role="host", rolle="x"),
        ),
        (
            ["signals", 0, "confidense"],
            make_part("signals", **{"from": "ARM"}, toward="RUS", score=1, confidense=0.5),
        ),
        (["reports", 0, "quotation"], make_part("reports", source="s", quotation="…")),
    ],
)
def test_unknown_field_in_an_event_part_is_422(
    shared_editor: Editor, where: list[Any], fields: Any
) -> None:
    answer = shared_editor.send("POST", "/v1/events", EVENT | fields)
    assert answer.status_code == 422
    assert list_errors(answer) == [(["body", *where], "is not a field here")]
    known = {"rolle": "role", "confidense": "confidence", "quotation": None}[where[-1]]
    hint = answer.json()["errors"][0]["hint"]
    assert hint == (f"Did you mean {known}?" if known else None)


def test_participant_without_actor_and_native_is_422(shared_editor: Editor) -> None:
    for unnamed in ({"role": "host"}, {"role": "host", "name": "Armenia"}):
        answer = shared_editor.send("POST", "/v1/events", EVENT | {"participants": [unnamed]})
        message = "needs an actor, or a native code of one that is not known yet"
        assert list_errors(answer) == [(["body", "participants", 0], message)]


@pytest.mark.bundled
def test_an_answer_with_every_part_can_be_sent_back(editor: Editor) -> None:
    document = editor.send_ok("GET", "/v1/events/curated:2023-10-03-armenia-ratifies-rome-statute")
    assert document["participants"]
    assert document["signals"]
    assert document["reports"]
    assert editor.send_ok("PUT", f"/v1/events/{document['id']}", document) == document


def test_put_with_if_none_match_on_existing_event_is_412(editor: Editor) -> None:
    only = {"If_None_Match": "*"}
    made = editor.send("PUT", "/v1/events/curated:new", EVENT | {"key": "new"}, **only)
    assert made.status_code == 201
    again = editor.send("PUT", "/v1/events/curated:new", {"title": "x", "date": "2023"}, **only)
    assert again.status_code == 412
    assert again.json()["current"]["document"] == made.json()


def test_a_merged_event_leads_to_the_survivor_of_the_same_question(editor: Editor) -> None:
    for key in ("one", "two"):
        editor.add_event(key)
    editor.send_ok("POST", "/v1/events/curated:one/merge", {"into": "curated:two"})
    version = editor.read_version()
    answer = editor.send("GET", f"/v1/events/curated:one?explain=true&as_of={version}")
    assert answer.status_code == 308
    assert answer.headers["location"].endswith(f"two?explain=true&as_of={version}")


@pytest.mark.parametrize(
    "name", ["Ar\u200bmenia", "a\u202eb", "\ufeffArmenia", " ", "a\tb", "a\u2066b"]
)
def test_invisible_characters_in_names_are_422(shared_editor: Editor, name: str) -> None:
    message = "must not contain invisible characters"
    fields = {"code": "somebody", "kind": "person", "name": name}
    assert list_errors(shared_editor.send("POST", "/v1/actors", fields)) == [
        (["body", "name"], message)
    ]
    fields |= {"name": "Somebody", "aliases": ["Some One", name]}
    assert list_errors(shared_editor.send("POST", "/v1/actors", fields)) == [
        (["body", "aliases", 1], message)
    ]


def test_zero_width_joiner_in_names_is_accepted(editor: Editor) -> None:
    fields = {"code": "vazirof", "kind": "person", "name": "علی\u200cاف"}
    assert editor.send_ok("POST", "/v1/actors", fields)["name"] == fields["name"]
