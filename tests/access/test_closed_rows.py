"""Rows of closed datasets: every route is asked, and what it answers is searched for them."""

import io
import re
import zipfile
from collections.abc import Iterator
from itertools import product
from typing import get_args
from urllib.parse import quote

import pytest
from closed_record import CLOSED, MARKS, SUMS, bear, make_closed_record
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from serving import open_client
from soak import IN_FULL

from app.db.engine import Database
from app.events.counts import FacetField
from app.events.output_formats import OutputFormat

pytestmark = pytest.mark.slow

EVENTS = [f"{code}:2014-01" for code in MARKS]
PATH_VALUES: dict[str, list[str]] = {
    "event_id": EVENTS,
    "item": EVENTS,
    "code": ["ARM"],
    "membership_id": ["unknown"],
    "source_id": [f"source-{code}" for code in MARKS],
    "dataset": list(MARKS),
    "collection": ["events"],
    "import_id": [f"import-{code}" for code in MARKS],
    "name": ["app.js"],
    "slug": ["closed-dataset"],
    "watch_id": ["unknown"],
}
PAIR = "actor=ARM&toward=RUS"
NAMED = [f"dataset={code}" for code in MARKS]
WORDS = [f"q={mark.upper()}" for mark in MARKS.values()]
FILTERS = [
    "actor=ARM", *WORDS, *NAMED, "between=ARM,RUS", "bbox=43,39,46,42",
    *(f"{name}-{code}" for name in ("source=source", "tag=tag") for code in MARKS),
    *(f"publisher=press+{code}" for code in MARKS),
]  # fmt: skip
VIEWS = [
    f"view={quote(view)}"
    for view in (
        *(f"view=event&id={one}" for one in EVENTS),
        *(f"view=shift&{PAIR}&{one}" for one in NAMED),
    )
]
EVERY_FACET = f"by={','.join(name for name in get_args(FacetField) if name != 'effect')}"
QUERIES: dict[str, list[str]] = {
    "/v1/events": [*(f"format={form}" for form in get_args(OutputFormat)), *FILTERS, "limit=1000",
                   "sort=relevance&q=title", "count=exact&as_of=2099-01-01"],
    "/v1/events/{event_id:id}": ["", "explain=true", "as_of=300"],
    "/v1/timeline": ["top=50", *FILTERS, "between=ARM,RUS&format=svg", "format=csv&top=50"],
    "/v1/facets": [f"{EVERY_FACET}&{one}" for one in FILTERS],
    "/v1/changes": ["kind=source&limit=1000&document=true", "kind=event&limit=1000&document=true",
                    "format=ndjson&document=true", "format=csv", "format=atom&document=true",
                    *(f"{one}&limit=1000&document=true" for one in FILTERS)],
    "/v1/changes/stream": ["after=1480&limit=1&document=true"],
    "/v1/diff": ["from=0&limit=1000", *(f"from=0&{one}" for one in FILTERS)],
    "/v1/sources": ["limit=1000", *WORDS, *(f"event={one}" for one in EVENTS),
                    *(f"format={form}&limit=1000" for form in ("bibtex", "ris", "csl"))],
    "/v1/alignment": [*(f"{PAIR}&{one}" for one in NAMED + WORDS), f"{PAIR}&format=svg"],
    "/v1/shifts": [*(f"{PAIR}&{one}" for one in NAMED), "", "actor=ARM"],
    "/v1/similarity": ["actors=ARM,RUS"],
    "/v1/ideal-points": ["actors=ARM,RUS"],
    "/v1/unresolved": ["", "format=csv", *NAMED],
    "/v1/brief": [f"{PAIR}&{one}" for one in NAMED],
    "/brief": [f"{PAIR}&{one}" for one in NAMED],
    "/v1/citation": [*(f"{view}&of=sources&format=bibtex" for view in VIEWS), *VIEWS],
    "/embed/shift": [f"{PAIR}&{one}" for one in NAMED],
    "/embed/timeline": FILTERS,
    "/embed/map": FILTERS,
    "/oembed": [f"url={quote(f'http://testserver/?view=event&id={one}')}" for one in EVENTS],
    "/embed/compare": ["pair=ARM>RUS"],
    "/embed/members": ["group=CSTO"],
    "/ogc/collections/{collection}/items": ["limit=1000", *WORDS, *NAMED],
    "/v1/actors": ["q=Armenia", "limit=1000"],
    "/v1/actors/resolve": ["q=" + WORDS[0][2:]],
    "/v1/actors/{code}/relations": ["", *NAMED],
    "/v1/ties": ["actor=ARM"],
    "/": [*(f"view=event&id={one}" for one in EVENTS), f"view=shift&{PAIR}", "view=events"],
    "/v1/imports/{import_id}/rejects": ["", "format=ndjson"],
    "/v1/reconcile/preview": ["id=ARM"],
    "/v1/reconcile/suggest/entity": ["prefix=zq"],
}  # fmt: skip
"""What each address is asked, the most telling first; others are asked without a query."""
QUERIES_OF_A_ROUTE = None if IN_FULL else 3
FEWER = {"/v1/events": 17}
STATIC = ("/static-offline-docs", "/explorer", "/help", "/docs", "/redoc", "/openapi.json")


@pytest.fixture
def keys(database: Database) -> dict[str, str]:
    return make_closed_record(database)


@pytest.fixture
def api(database: Database, keys: dict[str, str]) -> Iterator[TestClient]:
    assert keys
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, follow_redirects=False) as client:
        yield client


def list_addresses(api: TestClient, shifts: list[str]) -> Iterator[tuple[str, str]]:
    """List (route, address) of every route that can be read, with what it is to be asked."""
    values = PATH_VALUES | {"shift_id": shifts}
    for route in iter_route_contexts(api.app.routes):  # type: ignore[attr-defined]
        path = route.path or ""
        if "GET" not in (route.methods or ()) or (path.startswith(STATIC) and not IN_FULL):
            continue
        names = re.findall(r"{(\w+)(?::\w+)?}", path)
        most = QUERIES_OF_A_ROUTE and FEWER.get(path, QUERIES_OF_A_ROUTE)
        for chosen in product(*(values[name] for name in names)):
            address = path
            for name, value in zip(names, chosen, strict=True):
                address = re.sub(rf"{{{name}(:\w+)?}}", quote(value, safe=":"), address)
            for query in QUERIES.get(path, [""])[:most]:
                yield path, f"{address}?{query}" if query else address


def find_shown_datasets(body: bytes) -> set[str]:
    """Find the datasets whose rows an answer shows; a workbook is a zip."""
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as whole:
            body = b"".join(whole.read(name) for name in whole.namelist())
    return {code for code, mark in MARKS.items() if mark.encode() in body}


def find_shifts(api: TestClient, keys: dict[str, str]) -> list[str]:
    """Find ids of shifts in the datasets, as a reader with a key has them."""
    found = []
    for code in MARKS:
        answer = api.get(f"/v1/shifts?{PAIR}&dataset={code}", headers=bear(keys, "all")).json()
        found += [row["id"] for row in answer["data"]]
    return found


@pytest.mark.by_turns
@pytest.mark.parametrize("key", [None, pytest.param("none", marks=pytest.mark.soak)])
def test_no_answer_shows_a_row_of_a_closed_dataset(
    api: TestClient, keys: dict[str, str], key: str | None
) -> None:
    headers = {} if key is None else bear(keys, key)
    asked, answered = set(), set()
    for route, address in list_addresses(api, find_shifts(api, keys)):
        answer = api.get(address, headers=headers)
        assert answer.status_code < 500, (address, answer.text[:500])
        assert not find_shown_datasets(answer.content), (address, answer.text[:3000])
        asked.add(route)
        answered |= {route} if answer.status_code == 200 else set()
    assert QUERIES.keys() <= asked
    assert len(answered) > 45, sorted(asked - answered)


SHOWN_TO_A_KEY = {
    "/v1/events", "/v1/events/{event_id:id}", "/v1/events/{event_id:id}/history", "/v1/timeline",
    "/v1/facets", "/v1/changes", "/v1/diff", "/v1/sources", "/v1/sources/{source_id}",
    "/v1/sources/{source_id}/history", "/v1/shifts/{shift_id}", "/v1/unresolved", "/v1/brief",
    "/brief", "/v1/citation", "/ogc/collections/{collection}/items",
    "/ogc/collections/{collection}/items/{item:path}", "/v1/imports/{import_id}/rejects",
    "/v1/imports/{import_id}/unresolved",
}  # fmt: skip


@pytest.mark.by_turns
def test_a_key_reads_its_dataset_and_no_other(api: TestClient, keys: dict[str, str]) -> None:
    shown: dict[str, set[str]] = {}
    for route, address in list_addresses(api, find_shifts(api, keys)):
        if IN_FULL or route in SHOWN_TO_A_KEY:
            body = api.get(address, headers=bear(keys, "closed")).content
            shown.setdefault(route, set()).update(find_shown_datasets(body))
    assert not {route for route, found in shown.items() if SUMS in found}
    assert {route for route, found in shown.items() if CLOSED in found} >= SHOWN_TO_A_KEY


@pytest.mark.by_turns
def test_an_assistant_sees_what_its_key_may_read(api: TestClient, keys: dict[str, str]) -> None:
    call = {"name": "search_events", "arguments": {"words": WORDS[0][2:]}}
    sent = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    accept = {"Accept": "application/json, text/event-stream"}
    plain = api.post("/mcp", json=sent, headers=accept)
    keyed = api.post("/mcp", json=sent, headers=accept | bear(keys, "all"))
    assert (plain.status_code, keyed.status_code) == (200, 200)
    assert find_shown_datasets(plain.content) == set()
    assert find_shown_datasets(keyed.content) == {CLOSED}
