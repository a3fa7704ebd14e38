"""The documentation tells the truth about every operation."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from examples import (
    FILE,
    add_key,
    drop_volatile,
    freeze_times,
    is_nearly_equal,
    read_request,
    run_example,
    shorten_lists,
    write_example_dumps,
)
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator, FormatChecker
from openapi_document import DOCUMENT, PATHS
from serving import open_client

from app.db.engine import Database

EXAMPLES: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
STREAMS = {name: EXAMPLES.pop(name) for name in [n for n, e in EXAMPLES.items() if "stream" in e]}
WITHOUT_JSON = ("/v1/changes/stream", "/v1/dumps/files/{name}")
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    operation["operationId"]: (path, operation)
    for path, operations in PATHS.items()
    for operation in operations.values()
    if path.startswith(("/v1/", "/ogc")) and path not in WITHOUT_JSON
}
every_operation = pytest.mark.parametrize("name", OPERATIONS)


READING = [name for name, e in EXAMPLES.items() if "get" in e and "before" not in e]
WRITING = [name for name in EXAMPLES if name not in READING]


def answer_of(operation: dict[str, Any]) -> dict[str, Any]:
    good = next(
        operation["responses"][status]
        for status in ("200", "201")
        if status in operation["responses"]
    )
    kinds = ("application/json", "application/geo+json", "application/feed+json")
    kind = next(k for k in kinds if k in good["content"])
    found: dict[str, Any] = good["content"][kind]
    return found


def to_name(header: str) -> str:
    """The name of a header as it is documented."""
    return {"etag": "ETag", "x-request-id": "X-Request-Id"}.get(header, header.title())


def find_faults(body: Any, operation: dict[str, Any]) -> list[str]:
    """What in a body is not as documented."""
    schema = answer_of(operation)["schema"] | {"components": DOCUMENT["components"]}
    checked = Draft202012Validator(schema, format_checker=FORMATS)
    return [error.message for error in checked.iter_errors(body)]


FORMATS = FormatChecker(["date"])


@FORMATS.checks("date-time", ValueError)
def check_instant(text: object) -> bool:
    """Raise ValueError where a text is no instant in UTC."""
    return not isinstance(text, str) or (
        datetime.fromisoformat(text).utcoffset() == timedelta(0) and text.endswith("Z")
    )


@every_operation
def test_an_operation_says_what_it_is_for(name: str) -> None:
    _, operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["description"].endswith(".")
    assert answer_of(operation)["example"] == EXAMPLES[name]["answer"]


def test_no_example_is_left_over() -> None:
    assert set(EXAMPLES) == set(OPERATIONS)


def test_every_format_that_can_be_asked_for_has_a_documented_media_type() -> None:
    asked = {
        name: set(parameter["schema"].get("enum", ()))
        for name, (path, operation) in OPERATIONS.items()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "format" and operation is PATHS[path].get("get")
    }
    kinds = {name: OPERATIONS[name][1]["responses"]["200"]["content"] for name in asked}
    assert {"listRejects", "listEvents"} < set(asked)
    assert {n: f for n, f in asked.items() if len(kinds[n]) < len(f)} == {}


def test_parameters_are_described() -> None:
    bare = {
        parameter["name"]
        for _, operation in OPERATIONS.values()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    }
    assert not bare


@every_operation
def test_an_example_asks_its_own_operation(name: str) -> None:
    path, operation = OPERATIONS[name]
    method, address = read_request(EXAMPLES[name])
    assert operation is PATHS[path][method]
    assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), address.partition("?")[0])


@every_operation
def test_an_example_is_as_documented(name: str) -> None:
    _, operation = OPERATIONS[name]
    assert find_faults(EXAMPLES[name]["answer"], operation) == []


@pytest.mark.parametrize("name", READING)
def test_the_real_answer_is_as_documented(api: TestClient, name: str) -> None:
    _, operation = OPERATIONS[name]
    write_example_dumps(api, EXAMPLES[name])
    answer = api.get(EXAMPLES[name]["get"])
    assert answer.status_code == 200
    assert find_faults(answer.json(), operation) == []
    response = operation["responses"]["200"]
    assert answer.headers["content-type"].partition(";")[0] in response["content"]
    assert set(response["headers"]) <= {"Link"} | {to_name(n) for n in answer.headers}


@pytest.mark.slow
@pytest.mark.bundled
@pytest.mark.by_turns  # what writes do on each database is tested in tests/editing
@pytest.mark.parametrize("name", WRITING)
def test_an_example_of_a_write_is_carried_out(database: Database, name: str) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    worked_on = {"createImport", "createWatch"} & {name, str(EXAMPLES[name].get("before"))}
    with open_client(url, in_background=bool(worked_on)) as api:
        answer = run_example(api, EXAMPLES[name], add_key(database))
    _, operation = OPERATIONS[name]
    assert str(answer.status_code) in operation["responses"]
    assert find_faults(answer.json(), operation) == []
    assert is_nearly_equal(
        drop_volatile(shorten_lists(answer.json())), drop_volatile(EXAMPLES[name]["answer"])
    )


@pytest.mark.parametrize("name", [name for name in WRITING if "body" in EXAMPLES[name]])
def test_a_body_is_documented_and_its_example_fits(name: str) -> None:
    [(kind, content)] = OPERATIONS[name][1]["requestBody"]["content"].items()
    is_form = kind == "application/x-www-form-urlencoded"
    shown = urlencode(content["example"]) if is_form else content["example"]
    assert shown == EXAMPLES[name]["body"]
    schema = content["schema"] | {"components": DOCUMENT["components"]}
    assert list(Draft202012Validator(schema).iter_errors(content["example"])) == []


@pytest.mark.parametrize("name", READING)
def test_an_example_is_the_real_answer_shortened(api: TestClient, name: str) -> None:
    write_example_dumps(api, EXAMPLES[name])
    real = api.get(EXAMPLES[name]["get"]).json()
    stale = "the bundled data changed: run tests/examples.py"
    assert is_nearly_equal(
        drop_volatile(shorten_lists(real)), drop_volatile(EXAMPLES[name]["answer"])
    ), stale


def test_a_body_that_is_not_as_documented_is_noticed() -> None:
    _, operation = OPERATIONS["listEvents"]
    assert find_faults({"data": [{"id": 1}], "meta": {"version": 1}, "links": {}}, operation)


def test_the_docs_need_nothing_from_elsewhere(api: TestClient) -> None:
    html = api.get("/docs").text
    assert "swagger-ui" in html
    assert not re.findall(r"""(?:https?:)?//[\w.-]+\.\w+""", html.replace("://127.0.0.1", ""))
    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert api.get(address).status_code == 200, address


@pytest.mark.parametrize("name", STREAMS)
def test_an_example_of_a_stream_is_its_answer(api: TestClient, name: str) -> None:
    answer = run_example(api, STREAMS[name])
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert freeze_times(answer.text) == STREAMS[name]["answer"]
    path = STREAMS[name]["stream"].partition("?")[0]
    operation = PATHS[path]["get"]
    shown = operation["responses"]["200"]["content"]["text/event-stream"]
    assert (operation["operationId"], shown["example"]) == (name, STREAMS[name]["answer"])
