"""Assistants ask by the official SDK's client, over HTTP and over standard input and output."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent
from serving import open_client, run_apart, serve_database
from test_project_files import ROOT

from app.db.engine import Database
from app.main import create_app
from app.mcp import endpoint
from app.mcp.endpoint import MAX_BODY_BYTES
from app.mcp.shorten import MAX_CHARACTERS
from app.settings import Settings

pytestmark = pytest.mark.by_turns  # what the tools ask for is tested on both databases
CALLS: dict[str, dict[str, Any]] = {
    "find_actors": {"name": "Armenia"},
    "search_events": {"between": ["ARM", "RUS"], "since": "2023-09", "limit": 50},
    "get_event": {"event_id": "curated:2023-10-03-armenia-ratifies-rome-statute"},
    "get_timeline": {"actor": ["ARM"], "since": "2023", "granularity": "month"},
    "get_alignment": {"actor": "ARM", "toward": ["RUS"]},
    "find_shifts": {"actor": "ARM", "toward": ["RUS"]},
    "list_ties": {"group": "CSTO", "on": "2023-10-13"},
    "list_changes": {"after": 0},
    "get_coverage": {},
}


@pytest.fixture(scope="module")
def service(bundled_database: Database) -> Iterator[str]:
    """The address of a running service on the bundled data."""
    with serve_database(bundled_database.engine.url.render_as_string(False)) as address:
        yield address


async def call(client: Client, name: str, asked: dict[str, Any]) -> Any:
    result = await client.call_tool(name, asked)
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text if result.is_error else json.loads(content.text)


def test_every_tool_answers_shortly_with_permalink_and_citation(
    service: str, api: TestClient
) -> None:
    async def ask_all() -> dict[str, Any]:
        async with Client(f"{service}/mcp") as client:
            tools = (await client.list_tools()).tools
            found = {name: await call(client, name, asked) for name, asked in CALLS.items()}
            asked = {"shift_id": found["find_shifts"]["data"][0]["id"]}
            found["get_shift_evidence"] = await call(client, "get_shift_evidence", asked)
            assert {tool.name for tool in tools} == set(found)
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
            assert sum(len(tool.model_dump_json()) for tool in tools) < 20_000
            return found

    found = run_apart(ask_all())
    for name, answer in found.items():
        assert answer["data"], name
        assert len(json.dumps(answer, ensure_ascii=False)) <= MAX_CHARACTERS, name
        assert answer["permalink"].startswith(service), name
        assert api.get(answer["permalink"].removeprefix(service)).status_code == 200, name
        assert f"version {answer['version']}" in answer["citation"][0], name
    assert found["find_actors"]["data"][0]["code"] == "ARM"
    assert found["search_events"]["data"][0]["sources"][0]["publisher"]
    assert "Licence" in found["search_events"]["citation"][1]
    assert found["get_shift_evidence"]["shift"]["sentence"]
    assert {row["actor"] for row in found["list_ties"]["data"]} >= {"ARM", "RUS"}


def test_a_question_that_is_refused_says_what_to_send(service: str) -> None:
    async def ask() -> tuple[Any, Any]:
        async with Client(f"{service}/mcp") as client:
            wrong = await call(client, "search_events", {"actor": ["Armenai"]})
            return wrong, await call(client, "search_events", {"actor": ["ARM"], "since": "2040"})

    wrong, empty = run_apart(ask())
    assert "Armenai" in wrong
    assert "ARM" in wrong
    assert (empty["data"], empty["reason"]) == ([], "not_yet_covered")


def test_a_closed_service_asks_assistants_for_a_key_too(bundled_database: Database) -> None:
    url = bundled_database.engine.url.render_as_string(False)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
               "params": {"name": "get_coverage", "arguments": {}}}  # fmt: skip
    accept = {"Accept": "application/json, text/event-stream"}
    with open_client(url, open_reading=False) as api:
        answer = api.post("/mcp", json=message, headers=accept)
        assert answer.status_code == 200
        assert answer.json()["result"]["isError"]
        assert "Send a key" in answer.text
        assert api.get("/mcp").status_code == 405


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        ({"accept": "text/html"}, 406, "format"),
        ({"accept": "text/event-stream"}, 406, "format"),
        ({"content-type": "text/plain"}, 415, "content-type"),
    ],
)
def test_another_form_is_a_problem_like_everywhere(
    api: TestClient, headers: dict[str, str], status: int, slug: str
) -> None:
    answer = api.post("/mcp", content='{"jsonrpc": "2.0", "id": 1, "method": "ping"}',
                      headers={"content-type": "application/json"} | headers)  # fmt: skip
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{slug}"
    assert "application/json" in answer.json()["detail"]


def test_a_large_body_is_a_problem_like_everywhere(api: TestClient) -> None:
    largest = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).ljust(MAX_BODY_BYTES)

    def ask(content: str | Iterator[bytes]) -> tuple[int, str, str]:
        answer = api.post("/mcp", content=content, headers={"content-type": "application/json"})
        return answer.status_code, answer.headers["content-type"], answer.text

    assert ask(largest)[0] == 200
    for too_large in (f"{largest} ", iter([largest.encode(), b" "])):
        status, form, text = ask(too_large)
        assert (status, form) == (413, "application/problem+json")
        assert f"at most {MAX_BODY_BYTES} bytes" in json.loads(text)["detail"]


def test_a_compressed_body_is_a_problem_like_everywhere(api: TestClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = api.post("/mcp", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/content-type")


def test_no_form_in_particular_is_json(bundled_database: Database) -> None:
    url = bundled_database.engine.url.render_as_string(False)
    with open_client(url) as api:
        message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        answer = api.post("/mcp", json=message, headers={"Accept": "*/*"})
        assert (answer.status_code, answer.json()["result"]) == (200, {})


def test_without_the_extra_the_address_names_it(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def miss(_: str) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(endpoint.importlib, "import_module", miss)
    answer = api.post("/mcp", json={})
    assert answer.status_code == 501
    assert "entente[mcp]" in answer.json()["detail"]


@pytest.mark.slow
def test_the_command_answers_over_standard_input(bundled_database: Database) -> None:
    url = bundled_database.engine.url.render_as_string(False)
    environment = os.environ | {"ENTENTE_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "app", "mcp"], env=environment, cwd=str(ROOT)
    )

    async def ask() -> Any:
        async with Client(server) as client:
            return await call(client, "find_actors", {"name": "CSTO"})

    assert run_apart(ask())["data"][0]["code"] == "CSTO"


def test_the_command_leaves_background_work_to_services(bundled_database: Database) -> None:
    url = bundled_database.engine.url.render_as_string(False)
    app = create_app(Settings(database_url=url, cursor_key="test"), in_background=False)
    before = set(threading.enumerate())
    with TestClient(app):
        begun = {thread.name for thread in set(threading.enumerate()) - before}
    assert begun & {"shifts", "imports-0", "imports-1", "watches", "deliveries"} == set()


REFUSED = {
    "a word for a number": ("search_events", {"limit": "many"}, "limit must be a whole number"),
    "a number that is too great": ("search_events", {"limit": 51}, "limit must be 50 or less"),
    "a number that is too small": ("list_changes", {"after": -1}, "after must be 0 or more"),
    "a part of a number": ("search_events", {"limit": 1.5}, "limit must be a whole number"),
    "a choice that is none": ("get_timeline", {"granularity": "hour"}, "granularity must be"),
    "no argument": ("get_alignment", {"actor": "ARM"}, "toward is missing"),
    "a long text": ("find_actors", {"name": "x" * 201}, "name must have at most 200 characters"),
    "an unknown argument": ("search_events", {"actors": ["ARM"]}, "Did you mean actor?"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_argument_is_refused_in_plain_words(service: str, case: str) -> None:
    name, asked, expected = REFUSED[case]

    async def ask() -> Any:
        async with Client(f"{service}/mcp") as client:
            return await call(client, name, asked)

    answer = run_apart(ask())
    assert expected in answer
    assert "validation error" not in answer
    assert "Input should" not in answer
