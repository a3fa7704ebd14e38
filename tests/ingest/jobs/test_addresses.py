"""Imports by address: for administrators alone, where they are switched on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from ingest.loading import read_documents
from ingest.remote.stand_in import Host, run_host
from ingest.rows import join_events, make_event
from serving import open_client

from app.access.keys import Scope, create_key
from app.db.engine import Database


@pytest.fixture
def host() -> Iterator[Host]:
    stamina.set_testing(True, attempts=2)
    with run_host() as running:
        yield running
    stamina.set_testing(False)


def send_address(
    database: Database, folder: Path, address: str, scope: Scope = "admin", **settings: Any
) -> Any:
    """Ask for the import of a file by its address, and wait for it."""
    url = database.engine.url.render_as_string(hide_password=False)
    with database.write() as db:
        key = create_key(db, f"key-{scope}", scope)
    wanted = {"import_addresses": True, "allow_private_addresses": True} | settings
    with open_client(
        url, show_faults=False, in_background=True, import_folder=str(folder), **wanted
    ) as client:
        headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=60"}
        return client.post("/v1/imports", params={"url": address}, headers=headers)


def test_the_service_fetches_a_file_for_an_administrator(
    database: Database, host: Host, tmp_path: Path
) -> None:
    body = join_events(make_event("one"), make_event("two")).encode()
    there = host.answer("/events.ndjson", lambda r: r.send_file(body))
    answer = send_address(database, tmp_path, there)
    assert (answer.status_code, answer.json()["new"]) == (200, 2)
    assert len(read_documents(database, "local")) == 2
    assert [*tmp_path.glob("arriving-*"), *tmp_path.glob("upload-*")] == []


@pytest.mark.by_turns
def test_others_and_wrong_addresses_are_refused(
    database: Database, host: Host, tmp_path: Path
) -> None:
    there = host.answer("/gone", lambda r: r.send_status(404))
    for scope, settings, status, said in (
        ("write", {}, 403, "admin"),
        ("admin", {"import_addresses": False}, 403, "ENTENTE_IMPORT_ADDRESSES"),
        ("admin", {"allow_private_addresses": False}, 422, "private address"),
        ("admin", {}, 422, "answered 404"),
    ):
        answer = send_address(database, tmp_path, there, scope, **settings)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        assert said in answer.text
    for address in ("ftp://a.example/b", "https://user:pw@a.example/b", "file:///etc/passwd"):
        answer = send_address(database, tmp_path, address)
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "url"])
    assert [*tmp_path.glob("arriving-*"), *tmp_path.glob("upload-*")] == []


@pytest.mark.by_turns
def test_an_address_and_a_body_are_not_both_taken(database: Database, host: Host) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with database.write() as db:
        key = create_key(db, "desk", "admin")
    with open_client(url, show_faults=False, in_background=True, import_addresses=True) as found:
        answer = found.post(
            "/v1/imports",
            params={"url": f"{host.url}/x"},
            content=b"rows",
            headers={"Authorization": f"Bearer {key}"},
        )
    assert (answer.status_code, "empty body" in answer.text) == (422, True)
