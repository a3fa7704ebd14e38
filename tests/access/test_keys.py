"""Keys: what each may do, and until when."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy import select, update

from app.access.keys import create_key, list_keys, revoke_key
from app.db.engine import Database
from app.db.tables import keys

BODY = {"key": "by-key", "title": "t", "date": "2023"}


def open_api(database: Database, **more: Any) -> AbstractContextManager[TestClient]:
    url = database.engine.url.render_as_string(hide_password=False)
    return open_client(url, **more)


@pytest.fixture
def api(database: Database) -> Iterator[TestClient]:
    with open_api(database) as client:
        yield client


def add_named_key(database: Database, name: str, scope: Any, days: int | None = None) -> str:
    with database.write() as db:
        return create_key(db, name, scope, days)


def post_event(api: TestClient, authorization: str | None, key: str = "by-key") -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return api.post("/v1/events", json={**BODY, "key": key}, headers=headers)


def test_writing_needs_a_key(api: TestClient, database: Database) -> None:
    key = add_named_key(database, "A. Writer", "write")
    other = key[:-1] + ("A" if key[-1] != "A" else "B")
    bad = (None, "", key, f"Basic {key}", "Bearer", "Bearer x", f"Bearer {other}")
    for authorization in bad:
        refused = post_event(
            api, None if authorization is None else authorization.encode().decode("latin-1")
        )
        assert refused.status_code == 401, authorization
        assert refused.headers["www-authenticate"].startswith("Bearer")
    assert post_event(api, f"bearer {key}").status_code == 201
    body = api.get("/v1/events/curated:by-key/history").json()["data"]
    assert [(c["by"], c["action"]) for c in body] == [("A. Writer", "create")]


def test_a_scope_includes_those_before_it(api: TestClient, database: Database) -> None:
    for scope, status in (("read", 403), ("write", 201), ("admin", 201)):
        key = add_named_key(database, scope, scope)
        assert post_event(api, f"Bearer {key}", f"by-{scope}").status_code == status


def test_expired_or_revoked_key_is_401(api: TestClient, database: Database) -> None:
    expired, revoked = (
        add_named_key(database, "old", "write", 1),
        add_named_key(database, "gone", "write"),
    )
    with database.write() as db:
        past = {"expires": "2020-01-01T00:00:00Z"}
        db.execute(update(keys).where(keys.c.name == "old").values(past))
        assert len(revoke_key(db, "gone")) == 1
    for key, word in ((expired, "expired"), (revoked, "revoked")):
        refused = post_event(api, f"Bearer {key}")
        assert (refused.status_code, word in refused.json()["detail"]) == (401, True)


def test_only_the_hash_of_a_key_and_its_last_use_are_stored(
    api: TestClient, database: Database
) -> None:
    key = add_named_key(database, "used", "write")
    with database.connect() as db:
        row = db.execute(select(keys)).one()
        assert key.split("_", 2)[2] not in str(tuple(row))
        assert row.used is None
    post_event(api, f"Bearer {key}")
    with database.connect() as db:
        [listed] = list_keys(db)
    assert listed["used"] is not None
    assert "digest" not in listed


def test_reading_can_be_closed(database: Database) -> None:
    key = add_named_key(database, "reader", "read")
    with open_api(database, open_reading=False) as api:
        for path in ("/v1/events", "/v1/events/curated:x", "/v1/changes", "/v1/alliances"):
            assert api.get(path).status_code == 401
        headers = {"Authorization": f"Bearer {key}"}
        assert api.get("/v1/events", headers=headers).status_code == 200
        assert api.get("/healthz").status_code == 200
    with database.connect() as db:
        assert list_keys(db)[0]["used"] is not None
