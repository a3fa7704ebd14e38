"""Hostile bodies to every write: a problem each time, the same one on both databases."""

import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_database
from examples import add_key
from in_process_client import InProcessClient
from openapi_document import PATHS
from serving import borrow_app
from soak import IN_FULL, choose_size

from app.events.verify import find_event_faults
from app.examples import load_examples

pytestmark = [pytest.mark.slow, pytest.mark.soak]

WRITES = tuple(
    sorted(
        (path, method, operation["operationId"])
        for path, verbs in PATHS.items()
        for method, operation in verbs.items()
        if method != "get" and not path.startswith(("/v1/imports", "/v1/reconcile"))
    )
)
"""Every operation that takes a document; uploads and forms have tests of their own."""

EVERY = choose_size(8, 1)
"""Of the malformed bodies, every so many are sent to an operation that reads its body like one
before it: there they were all sent. `make soak` sends all everywhere."""

SHAPES: dict[tuple[str, str], str] = {}
for _path, _method, _operation in WRITES:
    SHAPES.setdefault((_method, "merge" if _path.endswith("/merge") else ""), _operation)
FULLY = set(SHAPES.values())
"""Of each way to read a body the first operation."""

EXISTING_IDS = {
    "event_id": "curated:2023-10-03-armenia-ratifies-rome-statute",
    "code": "ARM",
    "source_id": "news-2023-10-13-putin-loses-another-ally",
    "dataset": "curated",
    "membership_id": "ARM:CSTO:member:1",
    "watch_id": "unknown",
}
MOST = 64 * 1024
"""Bytes of a body, for this test."""

RAW = (
    b"", b" ", b"{", b"[", b"nul", b"NaN", b"Infinity", b"-Infinity", b"1e400", b"[1e400]",
    b'{"title": NaN}', b'{"reason": 1e999}', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b'{"a":"\xff"}',
    b'{"a": 1, "a": 2}', b'{"reason": "x", "reason": "y"}', b"[" * 20_000, b'{"a":' * 5_000,
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", b"9" * 5_000,
    b'{"revision": ' + b"9" * 5_000 + b"}", b"{'a': 1}", b"{} {}", b"null", b"true", b"7", b'"x"',
    b"[]", b"[null]", b"[[]]", b"[{}, 7]", b"{}", b'{"x": 1}', b'{"\\u0000": 1}',
    b'{"\\ud800": "\\udfff"}', b'{"reason": "\\u0000"}', b'{"reason": "\\ud83d"}',
    b'{"reason": ""}', b'{"reason": 7, "into": 7}', b'{"into": "\\u0000"}',
    b'{"into": "nowhere", "duplicates": ["x"]}', b'{"duplicates": [7, null, []]}',
    b"[" + b",".join([b"{}"] * 1001) + b"]", b"a" * (MOST + 1), b'"' + b"a" * 50_000 + b'"',
    json.dumps({f"k{n}": n for n in range(1_001)}).encode(),
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    None, True, 2**63, 1e308, "", "\x00", "\ud800", "2023-02-30", "a" * 50_000, {}, [None],
    [{}], ["x", 7], {"name": "x", "lat": 91}, [{"source": "none"}],
)  # fmt: skip

TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "",
    "json",
    "\x7f",
)


@dataclass(frozen=True, slots=True)
class Both:
    """The same service on both databases, each with a key."""

    clients: dict[str, tuple[InProcessClient, str]]

    def send(self, method: str, path: str, body: bytes, **more: str) -> Any:
        """Send to one database, and to the other what was taken, or every fourth time.

        What is refused is mostly refused before a database is asked; what is taken has to be taken
        by both, and alike.
        """
        turn = zlib.crc32(b"%s %s" % (path.encode(), body)) % 8
        kinds = sorted(self.clients, reverse=bool(turn % 2))
        answer = self._send(kinds[0], method, path, body, more)
        if answer.status_code < 400 or turn < 2:
            other = self._send(kinds[1], method, path, body, more)
            assert answer.status_code == other.status_code, (method, path, body[:200], kinds)
        return answer

    def _send(self, kind: str, method: str, path: str, body: bytes, more: dict[str, str]) -> Any:
        client, key = self.clients[kind]
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **more}
        answer = client.request(method.upper(), path, content=body, headers=headers)
        check_answer(answer, f"{method} {path} {body[:200]!r}")
        return answer


def check_answer(answer: Any, asked: str) -> None:
    """Never a fault of ours; JSON that anybody can read; an error is a problem."""
    assert answer.status_code < 500, (asked, answer.text[:500])
    if answer.status_code == 308:  # one of the bodies was a merge
        return
    body = json.loads(answer.content.decode("utf-8"))
    if answer.status_code < 400:
        return
    assert answer.headers["content-type"] == "application/problem+json", asked
    assert body["status"] == answer.status_code
    assert len(answer.content) < 400_000, asked
    if answer.status_code == 422:
        assert body["errors"], asked
        for fault in body["errors"]:
            assert fault["loc"][0] in ("query", "path", "body", "header"), (asked, fault)
            assert fault["message"], asked
            assert len(json.dumps(fault)) < 5_000, asked


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Both]:
    """Both services, on databases of their own; afterwards nothing may be out of step."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    clients = {}
    with ExitStack() as opened:
        for kind in ("sqlite", "postgresql"):
            url = copy_database(kind, "hostile", folder, request)
            app = opened.enter_context(borrow_app(url, max_body_bytes=MOST))
            client = opened.enter_context(InProcessClient(app))
            clients[kind] = (client, add_key(app.state.database))
        yield Both(clients)
        for client, _ in clients.values():
            with client.app.state.database.connect() as db:
                assert list(find_event_faults(db)) == []


@pytest.mark.parametrize(("path", "method", "operation"), WRITES)
def test_malformed_bodies_are_refused(both: Both, path: str, method: str, operation: str) -> None:
    here = path.format_map(EXISTING_IDS)
    patching = method == "patch"
    offset = zlib.crc32(operation.encode()) % EVERY
    for body in RAW if operation in FULLY else RAW[offset::EVERY]:
        answer = both.send(method, here, body)
        empty = patching and body in (b"{}", b'{"a":' * 5_000)
        assert answer.status_code >= 400 or empty, (operation, body[:100])


@pytest.mark.parametrize(("path", "method", "operation"), WRITES)
def test_unsupported_content_types_are_refused(
    both: Both, path: str, method: str, operation: str
) -> None:
    here = path.format_map(EXISTING_IDS)
    refused = 415 if "requestBody" in PATHS[path][method] else 404  # a body is not read there
    for kind in TYPES:
        answer = both.send(method, here, b"{}", **{"Content-Type": kind})
        assert answer.status_code == refused, operation
    packed = both.send(method, here, b"\x1f\x8b", **{"Content-Encoding": "gzip"})
    assert packed.status_code == refused


@pytest.mark.parametrize(("path", "method", "operation"), WRITES)
def test_malformed_headers_are_refused(both: Both, path: str, method: str, operation: str) -> None:
    here = path.format_map(EXISTING_IDS)
    for name in ("If-Match", "Idempotency-Key"):
        for value in ("", '"', "9" * 5_000, '"' + "9" * 5_000 + '"', 'W/"1"', "a" * 201, "\xff"):
            answer = both.send(method, here, b"[]", **{name: value.encode("latin-1")})
            assert answer.status_code >= 400, (operation, name, value[:50])


@pytest.mark.parametrize(
    ("path", "method", "operation"), [w for w in WRITES if w[1] == "put" or w[0].endswith("merge")]
)
def test_each_field_with_values_of_other_types(
    both: Both, path: str, method: str, operation: str
) -> None:
    here = path.format_map(EXISTING_IDS)
    good: dict[str, Any] = dict(load_examples()[operation]["body"])
    if method == "put":
        good = dict(both.clients["sqlite"][0].get(here).json())
    tried: set[type] = set()
    for field in [*good, "reason"]:
        kind = type(good.get(field))
        everything = IN_FULL or kind not in tried
        tried.add(kind)
        turn = zlib.crc32(f"{operation} {field}".encode()) % EVERY
        for value in VALUES if everything else VALUES[turn::EVERY]:
            both.send(method, here, json.dumps({**good, field: value}).encode())
