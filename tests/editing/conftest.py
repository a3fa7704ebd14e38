"""A desk: the service on a database of its own, and a key to write with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from examples import key_of
from fastapi.testclient import TestClient

from app.db.engine import Database
from app.events.verify import find_event_faults
from app.main import create_app
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Desk:
    """Reads and writes as an editor does."""

    api: TestClient
    key: str
    database: Database

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer to a request with the key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        more = {} if body is None else {"json": body}
        return self.api.request(
            method, path, headers={"Authorization": f"Bearer {self.key}", **named}, **more
        )

    def done(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The same, where it has to succeed; its document."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def event(self, key: str, **more: Any) -> dict[str, Any]:
        """A new event."""
        given = {"key": key, "title": key, "date": "2023-05-01", **more}
        made: dict[str, Any] = self.done("POST", "/v1/events", given)
        return made

    def version(self) -> int:
        """The version of the database."""
        return int(self.api.get("/readyz").json()["version"])


def faults(answer: Any) -> list[tuple[list[Any], str]]:
    """What a problem says is to mend."""
    assert answer.headers["content-type"] == "application/problem+json"
    return [(fault["loc"], fault["message"]) for fault in answer.json()["errors"]]


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """The service as an editor finds it; afterwards nothing may be out of step."""
    url = database.engine.url.render_as_string(hide_password=False)
    app = create_app(Settings(database_url=url, cursor_key="test"))
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as api:
        yield Desk(api, key_of(database), database)
    with database.connect() as db:
        assert list(find_event_faults(db)) == []
