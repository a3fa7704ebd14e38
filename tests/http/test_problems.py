"""Errors are problems, and tell a reader nothing that is not for them."""

from pathlib import Path

import psycopg
from fastapi.testclient import TestClient
from openapi_document import DOCUMENT, PATHS
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from app.db.engine import Database
from app.main import create_app
from app.settings import Settings


def test_openapi_describes_errors_as_problems_only() -> None:
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]
    assert "Problem" in DOCUMENT["components"]["schemas"]
    for path, operations in PATHS.items():
        for operation in operations.values():
            assert "500" in operation["responses"], path
            for status, response in operation["responses"].items():
                if status < "400":
                    continue
                content = response["content"]
                assert list(content) == ["application/problem+json"], (path, status)
                schema = content["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}


def test_internal_error_leaks_no_details() -> None:
    app = create_app(Settings(database_url="sqlite://", cursor_key="test"))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("password=hunter2")

    answer = TestClient(app, raise_server_exceptions=False).get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text


def test_database_errors_are_422_or_503_without_details(tmp_path: Path) -> None:
    app = create_app(Settings(database_url="sqlite://", cursor_key="test"))
    app.state.database = database = Database(f"sqlite:///{tmp_path}/none.db")

    kinds = {"data": DataError, "integrity": IntegrityError, "away": OperationalError}

    @app.get("/refused/{kind}")
    def refused(kind: str) -> None:
        cause = psycopg.errors.AdminShutdown if kind == "away" else Exception
        raise kinds[kind]("SELECT secret", {}, cause("secret"))

    client = TestClient(app, raise_server_exceptions=False)
    for kind, status in (("data", 422), ("integrity", 422), ("away", 503)):
        answer = client.get(f"/refused/{kind}")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
    database.close()
