"""The service on a database of its own, and an editor that has a key to write with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import copy_database
from examples import add_key
from fastapi.testclient import TestClient
from serving import open_client

from app.db.engine import Database
from app.events.verify import find_event_faults


@dataclass(frozen=True, slots=True)
class Editor:
    """Sends requests with a key that may write."""

    api: TestClient
    key: str
    database: Database

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request with the key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        more = {} if body is None else {"json": body}
        return self.api.request(
            method, path, headers={"Authorization": f"Bearer {self.key}", **named}, **more
        )

    def send_ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request that has to succeed, and return its document."""
        answer = self.send(method, path, body, **headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def add_event(self, key: str, **more: Any) -> dict[str, Any]:
        """Create an event."""
        fields = {"key": key, "title": key, "date": "2023-05-01", **more}
        made: dict[str, Any] = self.send_ok("POST", "/v1/events", fields)
        return made

    def read_version(self) -> int:
        """Read the version of the database."""
        return int(self.api.get("/readyz").json()["version"])


def list_errors(answer: Any) -> list[tuple[list[Any], str]]:
    """Return places and messages of the errors in a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    return [(fault["loc"], fault["message"]) for fault in answer.json()["errors"]]


@contextmanager
def open_editor(url: str) -> Iterator[Editor]:
    """The service with an editor; afterwards, stored events and indexes have to agree."""
    database = Database(url)
    with open_client(url, show_faults=False, follow_redirects=False) as api:
        found = Editor(api, add_key(database), database)
        before = found.read_version()
        yield found
        changed = found.read_version() != before
    if changed:  # looking through every event takes longer than most of these tests
        with database.connect() as db:
            assert list(find_event_faults(db)) == []
    database.close()


@pytest.fixture
def editor(database: Database) -> Iterator[Editor]:
    """An editor of a database of its own."""
    with open_editor(database.engine.url.render_as_string(hide_password=False)) as found:
        yield found


@pytest.fixture(scope="module")
def shared_editor(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Editor]:
    """An editor for tests of a file that leave each other alone: refusals, and keys of their own.

    It saves each of them a copy of the database and a look through it.
    """
    folder = tmp_path_factory.mktemp("shared")
    with open_editor(copy_database(kind, "shared", folder, request, "actors")) as found:
        yield found
