"""Corrupt, full, read-only, gone and busy are five different answers, and `verify` tells damage."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from typer.testing import CliRunner

from app.access.keys import create_key
from app.cli import main
from app.db.engine import Database


def make_sqlite_error(code: int) -> DBAPIError:
    cause = sqlite3.OperationalError("as the driver says it")
    cause.sqlite_errorcode = code
    return OperationalError("SELECT", {}, cause)


FAILURES: list[tuple[Exception, int, str, str | None]] = [
    (make_sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), 503, "busy", "2"),
    (make_sqlite_error(sqlite3.SQLITE_CANTOPEN), 503, "unreachable", "5"),
    (make_sqlite_error(sqlite3.SQLITE_FULL), 507, "full", None),
    (make_sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED), 503, "read-only", None),
    (make_sqlite_error(sqlite3.SQLITE_CORRUPT_INDEX), 500, "damaged", None),
    (OperationalError("", {}, psycopg.errors.LockNotAvailable("x")), 503, "busy", "2"),
    (PoolTimeoutError("all connections are in use"), 503, "busy", "2"),
    (OperationalError("", {}, psycopg.OperationalError("gone")), 503, "unreachable", "5"),
    (OperationalError("", {}, psycopg.errors.AdminShutdown("x")), 503, "unreachable", "5"),
    (OperationalError("", {}, psycopg.errors.DiskFull("x")), 507, "full", None),
    (OperationalError("", {}, psycopg.errors.ReadOnlySqlTransaction("x")), 503, "read-only", None),
    (OperationalError("", {}, psycopg.errors.DataCorrupted("x")), 500, "damaged", None),
    (OperationalError("", {}, psycopg.errors.UndefinedTable("x")), 500, "failed", None),
]


@pytest.fixture
def own(database: Database) -> Iterator[TestClient]:
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, show_faults=False) as client:
        yield client


@pytest.mark.by_turns
@pytest.mark.parametrize(("failure", "status", "slug", "retry"), FAILURES)
def test_each_kind_of_failure_has_its_own_answer(
    failure: Exception, status: int, slug: str, retry: str | None, own: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    served: Database = own.app.state.database  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:

        def fail(*_: Any, **__: Any) -> None:
            raise failure

        patch.setattr(served.route.writer._reader, "connect", fail)
        answer = own.get("/v1/actors/ARM")
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers.get("retry-after") == retry
    assert ("Try again" in answer.json()["detail"]) == (retry is not None)
    ready = own.get("/readyz")
    if slug in ("full", "read-only", "damaged"):
        assert (ready.status_code, ready.json()["type"]) == (503, f"/problems/{slug}")
    else:
        assert ready.status_code == 200


def write_one(api: TestClient, key: str, name: str) -> Any:
    body = {"key": name, "title": "t", "date": "2023"}
    return api.post("/v1/events", json=body, headers={"Authorization": f"Bearer {key}"})


def test_a_database_that_refuses_writes_goes_on_reading(
    database: Database, own: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite by a full file, PostgreSQL as a server that is read-only."""
    with database.write() as db:
        key = create_key(db, "desk", "write")
    served: Database = own.app.state.database  # type: ignore[attr-defined]
    assert write_one(own, key, "before").status_code == 201
    served.engine.dispose()
    if database.engine.dialect.name == "sqlite":
        slug = "full"
        with served.engine.connect() as db:  # the one connection that the pool has now
            pages = db.exec_driver_sql("PRAGMA page_count").scalar()
            db.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        answers = (write_one(own, key, f"more-{n}") for n in range(200))
        refused = next(answer for answer in answers if answer.status_code != 201)
    else:
        slug, name = "read-only", database.engine.url.database
        with database.engine.connect() as db:
            db.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
            db.commit()
        refused = write_one(own, key, "after")
    assert refused.json()["type"] == f"/problems/{slug}", caplog.text
    assert "retry-after" not in refused.headers
    assert own.get("/v1/actors/ARM").status_code == 200
    assert own.get("/readyz").json()["type"] == f"/problems/{slug}"
    served.engine.dispose()
    if slug == "read-only":
        with psycopg.connect(
            str(
                database.engine.url.set(drivername="postgresql").render_as_string(
                    hide_password=False
                )
            ),
            autocommit=True,
        ) as raw:
            raw.execute("SET default_transaction_read_only = off")
            raw.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off')
    assert write_one(own, key, "again").status_code == 201
    assert own.get("/readyz").status_code == 200


def overwrite_pages(database: Database) -> None:
    """Overwrite a third of what the documents are stored in, as a failing disk does."""
    if database.engine.dialect.name == "sqlite":
        file, page = Path(str(database.engine.url.database)), 4096
        database.close()
        first, last = 0.3, 0.6
    else:
        page = 8192
        with database.engine.connect() as db:
            folder = db.exec_driver_sql("SHOW data_directory").scalar()
            path = db.exec_driver_sql("SELECT pg_relation_filepath('revisions')").scalar()
        file, first, last = Path(str(folder)) / str(path), 0.0, 1.0
        if not os.access(file, os.W_OK):
            pytest.skip("the files of this server belong to another user")
    pages = file.stat().st_size // page
    with file.open("r+b") as out:
        out.seek(int(first * pages) * page)
        out.write(b"\xff" * page * int((last - first) * pages))


@pytest.mark.bundled
def test_damage_is_told_by_answers_readiness_log_and_verify(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    overwrite_pages(database)  # before a page of the copy is in any cache
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, show_faults=False) as api:
        assert api.get("/readyz").status_code in (200, 503)
        address = "/v1/events?limit=100"
        while True:
            answer = api.get(address)
            if answer.status_code != 200 or "next" not in answer.json()["links"]:
                break
            address = answer.json()["links"]["next"]
        assert (answer.status_code, answer.json()["type"]) == (500, "/problems/damaged")
        assert "retry-after" not in answer.headers
        ready = api.get("/readyz")
        assert (ready.status_code, ready.json()["type"]) == (503, "/problems/damaged")
        assert "entente_database_up 0.0" in api.get("/metrics").text
    assert any("damaged" in record.message for record in caplog.records)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    found = CliRunner().invoke(main, ["verify"])
    assert found.exit_code == 1
    assert "damaged: " in found.stdout
