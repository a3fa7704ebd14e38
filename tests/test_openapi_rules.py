"""The OpenAPI document is one that other programs can work from: what linters ask of it.

`make openapi` runs the linters themselves; these rules need no Node.
"""

from collections import Counter
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from openapi_document import DOCUMENT, PATHS

from app.events.output_formats import EVENT_MEDIA_TYPES
from app.http.chart_formats import CHART_MEDIA_TYPES
from app.http.parameter_notes import EXAMPLES
from app.http.schema_notes import DAYS, ENUM_PLACES, load_field_notes, walk_schema
from app.main import create_app
from app.settings import Settings

SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (path, method, operation)
    for path, operations in PATHS.items()
    for method, operation in operations.items()
]
KNOWN_KEYWORDS = {
    "$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum", "examples",
    "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maximum", "minItems",
    "minLength", "minimum", "oneOf", "pattern", "properties", "propertyNames", "required", "title",
    "type",
}  # fmt: skip


@pytest.mark.slow
def test_every_schema_is_one() -> None:
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        for part in walk_schema({k: v for k, v in schema.items() if k != "properties"}):
            if "type" in part and isinstance(part["type"], str):
                assert set(part) <= KNOWN_KEYWORDS, (name, part)
        for field, part in schema.get("properties", {}).items():
            assert set(part) <= KNOWN_KEYWORDS, (name, field)
            for one in walk_schema(part):
                assert one.get("type") != "array" or "items" in one, (name, field)
                assert not {"ge", "le"} & set(one), (name, field)


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    used = Counter(part["$ref"] for part in walk_schema(DOCUMENT) if "$ref" in part)
    defined = {
        f"#/components/{kind}/{name}"
        for kind, parts in DOCUMENT["components"].items()
        for name in parts
        if kind != "securitySchemes"
    }
    assert set(used) == defined


def test_every_field_says_what_it_is() -> None:
    bare = {
        f"{name}.{field}"
        for name, schema in SCHEMAS.items()
        for field, part in schema.get("properties", {}).items()
        if not part.get("description", "").strip()
    }
    assert not bare


def test_no_note_is_left_over() -> None:
    fields = {(n, f) for n, schema in SCHEMAS.items() for f in schema.get("properties", ())}
    names = {f for _, f in fields} | {f"{n}.{f}" for n, f in fields}
    assert set(load_field_notes()) <= names
    assert {(n, f) for n, days in DAYS.items() for f in days} <= fields
    assert set(ENUM_PLACES) <= set(SCHEMAS)
    shown = {p["name"] for _, _, o in OPERATIONS for p in o.get("parameters", ())}
    assert set(EXAMPLES) <= shown


def test_a_list_of_values_has_one_name() -> None:
    lists = Counter(
        tuple(part["enum"])
        for part in walk_schema(DOCUMENT)
        if "enum" in part and "$ref" not in part
    )
    # The formats of an answer and the like are of one parameter, which is shared itself.
    named = {tuple(SCHEMAS[name]["enum"]) for name in ENUM_PLACES}
    assert [values for values in named if lists[values] != 1] == []
    in_schemas = Counter(
        tuple(part["enum"])
        for name, schema in SCHEMAS.items()
        if name not in ENUM_PLACES
        for part in walk_schema(schema)
        if len(part.get("enum", ())) > 2
    )
    assert [values for values, times in in_schemas.items() if times > 2] == []


def test_parameters_are_shared_and_show_an_example() -> None:
    plain = [p for _, _, o in OPERATIONS for p in o.get("parameters", ())]
    assert sum("example" in p for p in plain) / len(plain) >= 0.6
    texts = Counter(
        repr(p)
        for operations in DOCUMENT["paths"].values()
        for o in operations.values()
        for p in o.get("parameters", ())
        if "$ref" not in p
    )
    assert [text for text, times in texts.items() if times > 1] == []
    for parameter in plain:
        if "example" in parameter:
            schema = parameter["schema"] | {"components": DOCUMENT["components"]}
            Draft202012Validator(schema).validate(parameter["example"])


def test_who_may_call_is_said_of_every_operation() -> None:
    assert DOCUMENT["servers"][0]["url"] == "/"
    for path, method, operation in OPERATIONS:
        ways = operation["security"]
        if path in ("/healthz", "/readyz", "/v1/limits"):
            assert ways == []
        elif path.endswith("/feed"):  # its address has a token
            assert ways == [{}, {"key": []}]
        elif path.startswith("/v1/imports") and method == "get":  # as who loaded what is open
            assert ways == [{}, {"key": []}], path
        elif "writing" in operation["tags"] or path.startswith(("/v1/imports", "/v1/watches")):
            assert ways == [{"key": []}], (path, method)
        else:
            assert ways == [{}, {"key": []}], (path, method)
            assert method != "get" or "304" in operation["responses"], path


@pytest.mark.parametrize("path", ["/v1/imports", "/v1/watches", "/v1/events"])
def test_who_may_call_is_who_is_answered(api: TestClient, path: str) -> None:
    is_open = {} in PATHS[path]["get"]["security"]
    assert api.get(path).status_code == (200 if is_open else 401)


@pytest.mark.slow
def test_a_closed_service_says_so() -> None:
    settings = Settings(database_url="sqlite://", cursor_key="test", open_reading=False)
    closed = create_app(settings).openapi()["paths"]["/v1/events"]["get"]
    assert closed["security"] == [{"key": []}]


CASES = [("/v1/events", form) for form in EVENT_MEDIA_TYPES] + [
    ("/v1/timeline", form) for form in CHART_MEDIA_TYPES
]


@pytest.mark.parametrize(("path", "form"), CASES)
def test_an_answer_has_a_documented_media_type(api: TestClient, path: str, form: str) -> None:
    answer = api.get(path, params={"actor": "ARM", "since": "2023-09", "until": "2023-10",
                                   "format": form})  # fmt: skip
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in PATHS[path]["get"]["responses"]["200"]["content"]
    assert kind == (EVENT_MEDIA_TYPES | CHART_MEDIA_TYPES)[form][0]  # type: ignore[index]


def test_tables_of_names_have_their_media_type() -> None:
    for path in ("/v1/unresolved", "/v1/imports/{import_id}/unresolved"):
        assert "text/csv" in PATHS[path]["get"]["responses"]["200"]["content"]


def test_a_version_of_a_history_that_was_left_is_documented(api: TestClient) -> None:
    left = {"Entente-Min-Version": "1.ffffffff"}
    for path in ("/v1/events", "/v1/actors", "/v1/datasets", "/v1/coverage"):
        answer = api.get(path, headers=left)
        assert str(answer.status_code) in PATHS[path]["get"]["responses"], answer.text
        assert answer.status_code == 410
    shared = DOCUMENT["components"].get("parameters", {})
    for operation in (operations["get"] for operations in PATHS.values() if "get" in operations):
        parameters = [
            shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
            for one in operation.get("parameters", ())
        ]
        if {"Entente-Min-Version", "lineage"} & {one["name"] for one in parameters}:
            assert "410" in operation["responses"]


def list_contents() -> list[tuple[str, str, dict[str, Any]]]:
    """List the bodies of good answers: operation, media type, and what is said of it."""
    return [
        (str(operation["operationId"]), kind, content)
        for _, _, operation in OPERATIONS
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for kind, content in response.get("content", {}).items()
    ]


def test_an_answer_in_json_is_not_described_as_bytes() -> None:
    contents = [c for c in list_contents() if c[1].endswith("json") and "ndjson" not in c[1]]
    bare = [(name, kind) for name, kind, content in contents if not content.get("schema")]
    as_text = [(n, k) for n, k, content in contents if content["schema"].get("type") == "string"]
    assert (bare, as_text) == ([], [])


def test_links_lead_to_operations_that_take_the_id() -> None:
    taking = {
        str(operation["operationId"]): {p["name"] for p in operation.get("parameters", ())}
        for _, _, operation in OPERATIONS
    }
    links = [
        link
        for _, _, operation in OPERATIONS
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert len(links) > 40
    for link in links:
        assert set(link["parameters"]) <= taking[link["operationId"]], link


def test_an_answer_of_chosen_fields_has_a_media_type_of_its_own(api: TestClient) -> None:
    answer = api.get("/v1/events?fields=title&limit=2")
    kind = answer.headers["content-type"]
    assert kind == "application/vnd.entente.fields+json"
    content = PATHS["/v1/events"]["get"]["responses"]["200"]["content"][kind]
    schema = content["schema"] | {"components": DOCUMENT["components"]}
    assert list(Draft202012Validator(schema).iter_errors(answer.json())) == []
    assert [set(row) for row in answer.json()["data"]] == [{"id", "title"}] * 2


def test_every_media_type_that_is_documented_can_be_asked_for(api: TestClient) -> None:
    refused = [
        (path, kind)
        for path, operations in PATHS.items()
        if "{" not in path and "get" in operations and "stream" not in path
        for kind in operations["get"]["responses"].get("200", {}).get("content", ())
        if api.get(path, params={"limit": 1}, headers={"Accept": kind}).status_code == 406
    ]
    assert refused == []


def test_a_limit_that_is_cut_has_no_maximum(api: TestClient) -> None:
    shown = PATHS["/ogc/collections/{collection}/items"]["get"]["parameters"]
    [limit] = [p["schema"] for p in shown if p["name"] == "limit"]
    assert "maximum" not in limit
    assert api.get("/ogc/collections/events/items?limit=100000&actor=ARM&f=json").status_code == 200


def test_a_page_for_people_is_documented(api: TestClient) -> None:
    for path in ("/ogc", "/ogc/conformance", "/ogc/collections"):
        answer = api.get(f"{path}?f=html", follow_redirects=False)
        assert (answer.status_code, "location" in answer.headers) == (303, True)
        assert "303" in PATHS[path]["get"]["responses"]
