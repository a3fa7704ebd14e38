"""The reconciliation protocol, as OpenRefine speaks it."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient


def reconcile(api: TestClient, **questions: Any) -> Any:
    answer = api.post("/v1/reconcile", data={"queries": json.dumps(questions)})
    assert answer.status_code == 200, answer.text
    same = api.get("/v1/reconcile", params={"queries": json.dumps(questions)})
    assert same.json() == answer.json()
    return {name: value["result"] for name, value in answer.json().items()}


def test_reconciliation_manifest_describes_the_service(api: TestClient) -> None:
    body = api.get("/v1/reconcile").json()
    assert body["versions"] == ["0.2"]
    assert body["identifierSpace"].startswith("http")
    assert body["view"]["url"].replace("{{id}}", "ARM").endswith("/v1/actors/ARM")
    assert {"id": "state", "name": "state"} in body["defaultTypes"]


def test_a_column_of_names_becomes_codes(api: TestClient) -> None:
    names = {"a": "Armenia", "b": "cow:365", "c": "RU", "d": "nikol-pashinyan"}
    found = reconcile(api, **{key: {"query": name} for key, name in names.items()})
    best = {key: (rows[0]["id"], rows[0]["match"]) for key, rows in found.items()}
    assert best == {
        "a": ("ARM", True), "b": ("RUS", True), "c": ("RUS", True), "d": ("nikol-pashinyan", True),
    }  # fmt: skip
    assert found["a"][0]["type"] == [{"id": "state", "name": "state"}]
    assert found["a"][0]["score"] == 100


def test_similar_name_is_candidate_not_match(api: TestClient) -> None:
    found = reconcile(api, near={"query": "Armenai"}, none={"query": "zzzzzz"})
    assert found["near"][0]["id"] == "ARM"
    assert [row["match"] for row in found["near"]] == [False] * len(found["near"])
    assert found["none"] == []


def test_a_type_a_limit_and_a_day_narrow(api: TestClient) -> None:
    found = reconcile(
        api,
        state={"query": "guam", "type": "state"},
        either={"query": "guam", "type": ["state", "organization"], "limit": 1},
        then={"query": "cow:365", "properties": [{"pid": "on", "v": "1980-01-01"}]},
    )
    assert {row["type"][0]["id"] for row in found["state"]} == {"state"}
    assert found["state"][0]["id"] == "GTM"
    assert len(found["either"]) == 1
    assert found["then"][0]["id"] in ("SUN", "RUS")


@pytest.mark.parametrize(
    "queries", ["", "{", "[]", "{}", '{"q0": {}}', '{"q0": {"query": 5}}', '{"q0": {"query": ""}}',
                '{"q0": {"query": "a", "limit": 0}}', '{"q0": {"query": "\\u0000"}}',
                '{"q0": {"query": "a", "properties": [{"pid": "on", "v": "x"}]}}',
                json.dumps({f"q{n}": {"query": "a"} for n in range(51)})],
)  # fmt: skip
def test_malformed_reconciliation_query_is_422(api: TestClient, queries: str) -> None:
    for answer in (
        api.get("/v1/reconcile", params={"queries": queries}),
        api.post("/v1/reconcile", data={"queries": queries}),
    ):
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"


def test_json_reconciliation_body_is_415(api: TestClient) -> None:
    assert api.post("/v1/reconcile", json={"queries": {}}).status_code == 415
