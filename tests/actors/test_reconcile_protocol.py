"""Answers have the form that version 0.2 of the reconciliation protocol asks for."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator, ValidationError

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
ADDRESS: Schema = {"type": "string", "pattern": "^https?://"}
TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{id\}\}"}


def describe_object(needed: Schema, more: Schema | None = None, *, closed: bool = False) -> Schema:
    """The schema of an object: fields that it needs, fields that it may have."""
    fields = needed | (more or {})
    return {
        "type": "object", "properties": fields, "required": list(needed),
        "additionalProperties": not closed,
    }  # fmt: skip


def list_of(item: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": item, **more}


def map_of(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


NAMED = describe_object({"id": TEXT}, {"name": TEXT})
TYPES = list_of({"anyOf": [NAMED, TEXT]})
LOCATION = describe_object(
    {},
    {
        "service_url": ADDRESS,
        "service_path": TEXT,
        "flyout_service_url": ADDRESS,
        "flyout_service_path": {"type": "string", "pattern": r"\$\{id\}"},
    },
    closed=True,
)
SETTINGS = [
    describe_object(
        {"type": {"const": name}, "label": TEXT, "name": TEXT, **more},
        {"default": default, "help_text": TEXT},
    )
    for name, default, more in (
        ("number", {"type": "number"}, {}),
        ("text", TEXT, {}),
        ("checkbox", {"type": "boolean"}, {}),
        ("select", TEXT, {"choices": list_of(describe_object({"value": TEXT, "name": TEXT}))}),
    )
]
MANIFEST = describe_object(
    {
        "versions": list_of(TEXT, contains={"const": "0.2"}),
        "name": TEXT,
        "identifierSpace": ADDRESS,
        "schemaSpace": ADDRESS,
    },
    {
        "documentation": ADDRESS,
        "serviceVersion": TEXT,
        "logo": ADDRESS,
        "view": describe_object({"url": TEMPLATE}),
        "feature_view": describe_object({"url": TEMPLATE}),
        "defaultTypes": list_of(
            describe_object({"id": TEXT, "name": TEXT}, {"broader": TYPES}), uniqueItems=True
        ),
        "preview": describe_object(
            {"url": TEMPLATE, "width": {"type": "integer"}, "height": {"type": "integer"}}
        ),
        "suggest": describe_object(
            {}, {"entity": LOCATION, "property": LOCATION, "type": LOCATION}, closed=True
        ),
        "extend": describe_object(
            {}, {"propose_properties": LOCATION, "property_settings": list_of({"oneOf": SETTINGS})}
        ),
    },
)
FEATURE = describe_object({"id": TEXT, "value": {"type": ["boolean", "number"]}}, {"name": TEXT})
CANDIDATE = describe_object(
    {"id": TEXT, "name": TEXT, "score": {"type": "number"}},
    {
        "description": TEXT,
        "features": list_of(FEATURE),
        "match": {"type": "boolean"},
        "type": TYPES,
    },
)
RESULTS = map_of(describe_object({"result": list_of(CANDIDATE)}))
SUGGESTED = describe_object(
    {
        "result": list_of(
            describe_object(
                {"id": TEXT, "name": TEXT},
                {"description": TEXT, "notable": TYPES, "broader": TYPES},
            )
        )
    }
)
PROPOSED = describe_object(
    {"properties": list_of(describe_object({"id": TEXT, "name": TEXT}))},
    {"type": TEXT, "limit": {"type": "integer"}},
)
INSTANT = {
    "type": "string",
    "pattern": r"^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$",
}
CELLS = [
    describe_object({}, closed=True),
    describe_object({"id": TEXT, "name": TEXT}, {"description": TEXT}, closed=True),
    describe_object({"str": TEXT}, closed=True),
    describe_object({"float": {"type": "number"}}, closed=True),
    describe_object({"int": {"type": "integer"}}, closed=True),
    describe_object({"date": INSTANT}, closed=True),
]
EXTENDED = describe_object(
    {
        "meta": list_of(
            describe_object({"id": TEXT, "name": TEXT}, {"type": NAMED, "service": ADDRESS})
        ),
        "rows": map_of(map_of(list_of({"oneOf": CELLS}))),
    }
)
QUESTIONS: dict[str, Any] = {
    "plain": {"query": "Armenia"},
    "typed": {"query": "CSTO", "type": "alliance", "limit": 3, "type_strict": "should"},
    "types": {"query": "Russia", "type": ["state", "territory"], "type_strict": "any"},
    "by code": {"query": "Armeni", "properties": [{"pid": "cow", "v": "371"}]},
    "by codes": {"query": "Armeni", "properties": [{"pid": "cow", "v": ["371", 372]}]},
    "by code alone": {"properties": [{"pid": "cow", "v": 371}]},
    "by entity": {"properties": [{"pid": "code", "v": {"id": "ARM", "name": "Armenia"}}]},
    "by another code": {"query": "Armenia", "properties": [{"pid": "cow", "v": 365}]},
    "unknown": {"query": "zzzzzzzzz"},
}


def check_form(schema: Schema, body: Any) -> Any:
    Draft202012Validator(schema).validate(body)
    return body


@pytest.fixture(scope="module")
def manifest(api: TestClient) -> Any:
    return check_form(MANIFEST, api.get("/v1/reconcile").json())


def test_the_manifest_has_the_form_of_the_protocol(manifest: Any) -> None:
    assert {"view", "preview", "suggest", "extend", "defaultTypes"} <= set(manifest)
    with pytest.raises(ValidationError):
        check_form(MANIFEST, manifest | {"view": {"url": "https://no.place"}})


def test_questions_of_every_form_are_answered_in_form(api: TestClient) -> None:
    answer = api.post("/v1/reconcile", data={"queries": json.dumps(QUESTIONS)})
    assert answer.status_code == 200, answer.text
    found = check_form(RESULTS, answer.json())
    assert set(found) == set(QUESTIONS)
    assert found["unknown"]["result"] == []
    for name in ("plain", "by code", "by codes", "by code alone", "by entity"):
        best = found[name]["result"][0]
        assert (best["id"], best["match"], best["score"]) == ("ARM", True, 100)
    assert found["by another code"]["result"]
    assert not any(one["match"] for one in found["by another code"]["result"])


@pytest.mark.parametrize("kind_of_name", ["entity", "type", "property"])
def test_suggestions_have_the_form_of_the_protocol(
    api: TestClient, manifest: Any, kind_of_name: str
) -> None:
    place = manifest["suggest"][kind_of_name]
    address = place["service_url"] + place["service_path"]
    found = check_form(SUGGESTED, api.get(address, params={"prefix": "a"}).json())
    assert found["result"]


def test_proposals_and_extensions_have_the_form_of_the_protocol(
    api: TestClient, manifest: Any
) -> None:
    place = manifest["extend"]["propose_properties"]
    address = place["service_url"] + place["service_path"]
    listed = check_form(PROPOSED, api.get(address, params={"type": "state", "limit": 50}).json())
    asked = {
        "ids": ["ARM", "CSTO", "no-such-actor"],
        "properties": [{"id": one["id"]} for one in listed["properties"]],
    }
    answer = api.post("/v1/reconcile", data={"extend": json.dumps(asked)})
    found = check_form(EXTENDED, answer.json())
    assert set(found["rows"]) == set(asked["ids"])
    assert any(cells for cells in found["rows"]["ARM"].values())


def test_a_question_for_nothing_is_refused(api: TestClient) -> None:
    answer = api.post("/v1/reconcile", data={"queries": json.dumps({"q": {"type": "state"}})})
    assert answer.status_code == 422
    assert "needs a query, or properties" in answer.text
