"""What is sent in full inside of an event follows the same rules as what is sent alone."""

from typing import Any

import pytest
from sqlalchemy import event

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]


def with_actor(key: str, **actor: Any) -> dict[str, Any]:
    person = {"kind": "person", "name": "Somebody", **actor}
    who = [{"actor": person, "role": "participant"}]
    return {"key": key, "title": key, "date": "2023-05-01", "participants": who}


def list_errors(answer: Any) -> list[tuple[list[Any], str]]:
    return [(fault["loc"], fault["message"]) for fault in answer.json()["errors"]]


CLAIMS: tuple[tuple[dict[str, Any], list[Any], str], ...] = (
    ({"code": "arm"}, ["code"], "differs from ARM only in letter case"),
    ({"code": "resolve"}, ["code"], "is reserved"),
    (
        {"code": "X", "codes": [{"scheme": "iso2", "value": "AM"}]},
        ["codes", 0],
        "iso2:AM belongs to ARM in that period",
    ),
    ({"code": "X", "successors": ["Nobody"]}, ["successors", 0], "no actor is called 'Nobody'"),
)


def test_actor_with_taken_or_reserved_code_is_422(editor: Any) -> None:
    for actor, where, said in CLAIMS:
        inline = editor.send("POST", "/v1/events", [with_actor("one", **actor)])
        assert inline.status_code == 422
        assert list_errors(inline) == [(["body", 0, "participants", 0, "actor", *where], said)]
        alone = {"kind": "person", "name": "Somebody", **actor}
        assert list_errors(editor.send("POST", "/v1/actors", alone)) == [(["body", *where], said)]


def test_conflicting_codes_in_one_batch_are_422(editor: Any) -> None:
    code = {"scheme": "house", "value": "7"}
    first = {"code": "Q1", "kind": "person", "name": "First", "codes": [code]}
    second = {**first, "code": "q1", "name": "Second"}
    answer = editor.send("POST", "/v1/actors", [first, second])
    assert answer.status_code == 422
    assert list_errors(answer) == [
        (["body", 1, "code"], "differs from Q1 only in letter case"),
        (["body", 1, "codes", 0], "house:7 belongs to Q1 in that period"),
    ]
    apart = [
        {**first, "codes": [{**code, "until": "2000-01-01"}]},
        {**second, "code": "Q2", "codes": [{**code, "since": "2000-01-01"}]},
    ]
    editor.send_ok("POST", "/v1/actors", apart)


def test_merged_source_in_an_event_is_422(editor: Any) -> None:
    source = {"id": "one", "kind": "news", "title": "One", "publisher": "P"}
    editor.send_ok("POST", "/v1/sources", [source, {**source, "id": "two"}])
    editor.send_ok("POST", "/v1/sources/one/merge", {"into": "two"})
    fields = {"key": "k", "title": "t", "date": "2023", "reports": [{"source": source}]}
    answer = editor.send("POST", "/v1/events", fields)
    assert answer.status_code == 422
    assert list_errors(answer) == [(["body", "reports", 0, "source"], "'one' was merged")]
    assert answer.json()["errors"][0]["hint"] == "Use two instead."


def test_many_sources_in_full_cost_few_statements(editor: Any) -> None:
    ids = [f"s-{n}" for n in range(1000)]
    new = [{"source": {"id": i, "kind": "k", "title": "t", "publisher": "p"}} for i in ids]
    engine = editor.api.app.state.database.engine
    statements: list[str] = []

    def note(_: Any, __: Any, text: str, *___: Any) -> None:
        statements.append(text)

    event.listen(engine, "before_cursor_execute", note)
    editor.add_event("many", reports=new)
    assert len(statements) < 100


def test_self_signal_and_duplicate_pair_are_422(editor: Any) -> None:
    def stated(*pairs: tuple[str, str]) -> Any:
        signals = [{"from": a, "toward": b, "score": 1} for a, b in pairs]
        fields = {"key": "k", "title": "t", "date": "2023", "signals": signals}
        return editor.send("POST", "/v1/events", fields)

    itself = stated(("ARM", "Armenia"))
    same = "must differ from the actor in from"
    assert list_errors(itself) == [(["body", "signals", 0, "toward"], same)]
    twice = stated(("ARM", "RUS"), ("RUS", "ARM"), ("ARM", "Russia"))
    assert list_errors(twice) == [(["body", "signals", 2], "ARM toward RUS is stated twice")]
    assert stated(("ARM", "RUS"), ("RUS", "ARM")).status_code == 201


def test_all_unknown_names_are_reported_and_the_first_get_suggestions(editor: Any) -> None:
    who = [{"actor": f"Armenai {n}", "role": "participant"} for n in range(500)]
    batch = [{"key": f"k{n}", "title": "t", "date": "2023", "participants": who} for n in range(3)]
    answer = editor.send("POST", "/v1/events", batch)
    assert answer.status_code == 422
    body = answer.json()["errors"]
    assert len(body) == 1000
    assert "there may be more" in answer.json()["detail"]
    assert "ARM" in body[0]["hint"]
    assert body[-1]["hint"] == "See /v1/actors/resolve?q= for names and codes."
