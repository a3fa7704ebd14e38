"""What protects readers and the server by default, whatever is asked."""

import re
from pathlib import Path

import psycopg
import pytest
from conftest import fill_with_actors
from fastapi.testclient import TestClient
from postgres import Server
from sbom import build_bill
from serving import open_client
from sqlalchemy.engine import make_url

from app.access.keys import create_key
from app.db.engine import Database

ROOT = Path(__file__).resolve().parents[2]
ADDRESSES = (
    "/", "/docs", "/v1/events?limit=1", "/v1/events?format=csv&limit=1", "/v1/nothing", "/healthz",
    "/metrics", "/openapi.json", "/v1/timeline?actor=ARM&format=svg",
)  # fmt: skip


@pytest.mark.by_turns
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_has_security_headers(api: TestClient, address: str) -> None:
    headers = api.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers.get_list("x-content-type-options") == ["nosniff"]


@pytest.mark.by_turns
def test_the_policy_of_the_documentation_permits_what_it_loads(api: TestClient) -> None:
    answer = api.get("/docs")
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    for address in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert address.startswith(("/", "#"))


def test_another_host_than_the_allowed_ones_is_refused(
    bundled_urls: dict[str, str],
) -> None:
    with open_client(bundled_urls["sqlite"], allowed_hosts=("record.example", "testserver")) as api:
        refused = api.get("/ogc", headers={"Host": "evil.example"})
        assert (refused.status_code, refused.json()["type"]) == (421, "/problems/host")
        assert api.get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200
        for host in ("record.example", "RECORD.example:8443", "testserver"):
            answer = api.get("/ogc", headers={"Host": host})
            assert answer.status_code == 200
            assert "evil" not in answer.text


@pytest.mark.parametrize("kind", ["postgresql"])
def test_the_service_needs_no_superuser(server: Server, kind: str) -> None:
    """The role and database of deploy/create-role.sh are enough to migrate, write and read."""
    script = (ROOT / "deploy/create-role.sh").read_text("utf-8")
    role, made = re.findall(r"^CREATE .+;$", script, re.MULTILINE)
    role = role.replace(":'password'", "'secret'").replace(" entente ", " plain_role ")
    made = made.replace("DATABASE entente OWNER entente", "DATABASE plain OWNER plain_role")
    assert (kind, "NOSUPERUSER" in role) == ("postgresql", True)
    with psycopg.connect(f"{server.address}/postgres", autocommit=True) as db:
        db.execute(role)  # type: ignore[call-overload]
        db.execute(made)  # type: ignore[call-overload]
    url = make_url(f"{server.address}/plain").set(username="plain_role", password="secret")
    database = Database(url.render_as_string(hide_password=False))
    fill_with_actors(database.engine.url.render_as_string(hide_password=False))
    with database.write() as db:
        key = create_key(db, "desk", "write")
    with open_client(url.render_as_string(hide_password=False)) as api:
        sent = {"Authorization": f"Bearer {key}"}
        body = {"key": "k", "title": "t", "date": "2023"}
        assert api.post("/v1/events", json=body, headers=sent).status_code == 201
        assert api.get("/readyz").status_code == 200
    database.close()
    server.drop_database("plain")


def test_the_bill_of_materials_has_every_locked_package() -> None:
    bill = build_bill()
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.M)
    assert [c["name"] for c in bill["components"]] == locked
    assert all(component["hashes"] for component in bill["components"])
