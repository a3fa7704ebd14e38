"""The reconciliation protocol, as OpenRefine speaks it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from soak import choose_size


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
    assert api.get(body["view"]["url"].replace("{{id}}", "ARM")).status_code == 200
    preview = api.get(body["preview"]["url"].replace("{{id}}", "ARM"))
    assert preview.headers["content-type"].startswith("text/html")
    assert "Armenia" in preview.text
    assert "cow 371" in preview.text
    # OpenRefine, whose pages come from the reader's own computer, shows it in a frame
    assert preview.headers["content-security-policy"].endswith(
        "frame-ancestors http://127.0.0.1:* http://localhost:*"
    )
    assert {"id": "state", "name": "state"} in body["defaultTypes"]


@pytest.mark.parametrize(
    ("kind_of_name", "prefix", "expected"),
    [("entity", "Armen", "ARM"), ("type", "sta", "state"), ("property", "correlates", "cow")],
)
def test_texts_are_completed(
    api: TestClient, kind_of_name: str, prefix: str, expected: str
) -> None:
    place = api.get("/v1/reconcile").json()["suggest"][kind_of_name]
    address = place["service_url"] + place["service_path"]
    found = api.get(address, params={"prefix": prefix, "cursor": 0}).json()["result"]
    assert expected in [one["id"] for one in found]
    assert all(one["name"] for one in found)
    assert api.get(address, params={"prefix": "zzzzzz"}).json() == {"result": []}


def test_codes_of_the_day_are_added_to_matched_actors(api: TestClient) -> None:
    manifest = api.get("/v1/reconcile").json()["extend"]
    place = manifest["propose_properties"]
    listed = api.get(place["service_url"] + place["service_path"], params={"type": "state"}).json()
    assert {"cow", "iso3", "wikidata"} <= {one["id"] for one in listed["properties"]}
    days = ["1980-01-01", "2000-01-01"]
    setting = manifest["property_settings"][0]["name"]
    for day, expected in zip(days, ([], [{"str": "371"}]), strict=True):
        asked = {
            "ids": ["ARM", "no-such-actor"],
            "properties": [{"id": "cow", "settings": {setting: day}}, {"id": "name"}],
        }
        answer = api.post("/v1/reconcile", data={"extend": json.dumps(asked)})
        assert answer.json()["rows"]["ARM"] == {"cow": expected, "name": [{"str": "Armenia"}]}
        assert answer.json()["rows"]["no-such-actor"] == {"cow": [], "name": []}
        assert [one["id"] for one in answer.json()["meta"]] == ["cow", "name"]
        same = api.get("/v1/reconcile", params={"extend": json.dumps(asked)})
        assert same.json() == answer.json()
    asked["properties"] = [{"id": "cow", "settings": {setting: "soon"}}]
    assert api.post("/v1/reconcile", data={"extend": json.dumps(asked)}).status_code == 422


def test_items_of_groups_persons_and_territories_are_added(api: TestClient) -> None:
    items = {"NATO": "Q7184", "EU": "Q458", "vladimir-putin": "Q7747", "GRL": "Q223"}
    asked = {"ids": [*items, "AZE-TUR-2021"], "properties": [{"id": "wikidata"}]}
    rows = api.post("/v1/reconcile", data={"extend": json.dumps(asked)}).json()["rows"]
    assert rows.pop("AZE-TUR-2021") == {"wikidata": []}
    assert rows == {actor: {"wikidata": [{"str": item}]} for actor, item in items.items()}


def test_an_item_decides_between_names(api: TestClient) -> None:
    """An organization is found by its item, and is no match with the item of another."""
    asked = {
        name: {"query": "NATO", "properties": [{"pid": "wikidata", "v": item}]}
        for name, item in {"right": "Q7184", "wrong": "Q458"}.items()
    }
    found = reconcile(api, **asked)
    assert [one["id"] for one in found["right"] if one["match"]] == ["NATO"]
    assert not any(one["match"] for one in found["wrong"])


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


def read_country_names() -> list[dict[str, str]]:
    with Path(__file__).with_name("country_names.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_country_names_of_seven_lists_are_matched_and_none_wrongly(api: TestClient) -> None:
    names = read_country_names()
    assert len(names) >= 400
    names = names[:: choose_size(2, 1)]
    right, wrong = 0, []
    for chunk in (names[n : n + 50] for n in range(0, len(names), 50)):
        asked = {f"q{n}": {"query": row["name"], "limit": 3} for n, row in enumerate(chunk)}
        found = api.post("/v1/reconcile", data={"queries": json.dumps(asked)}).json()
        for n, row in enumerate(chunk):
            rows = found[f"q{n}"]["result"]
            wrong += [(row, r["id"]) for r in rows if r["match"] and r["id"] != row["actor"]]
            right += bool(rows and rows[0]["match"] and rows[0]["id"] == row["actor"])
    assert wrong == []
    assert right >= 0.98 * sum(row["actor"] != "" for row in names)


def test_best_candidate_is_first_where_words_are_shared(api: TestClient) -> None:
    names = {
        "KOR": "Korea, Rep.", "COG": "Republic of Congo", "COD": "Democratic Republic of Congo",
        "USA": "the United States", "PRK": "Korea, Dem. People’s Rep.", "NER": "Republic of Niger",
        "DOM": "Dominican Rep.", "DMA": "Commonwealth of Dominica",
    }  # fmt: skip
    asked = {code: {"query": name, "type": "state"} for code, name in names.items()}
    found = reconcile(api, **asked)
    assert {c: (rows[0]["id"], rows[0]["match"]) for c, rows in found.items()} == {
        code: (code, True) for code in names
    }


def test_ambiguous_name_matches_nobody_unless_a_code_decides(api: TestClient) -> None:
    found = reconcile(
        api,
        alone={"query": "Congo"},
        coded={"query": "Congo", "properties": [{"pid": "iso3", "v": "COG"}]},
        number={"query": "Korea", "properties": [{"pid": "isonum", "v": 410}]},
    )
    assert {row["id"] for row in found["alone"][:2]} == {"COD", "COG"}
    assert not any(row["match"] for row in found["alone"])
    assert (found["coded"][0]["id"], found["coded"][0]["match"]) == ("COG", True)
    assert (found["number"][0]["id"], found["number"][0]["match"]) == ("KOR", True)


def test_name_whose_code_is_anothers_is_no_match(api: TestClient) -> None:
    found = reconcile(
        api,
        other={"query": "Armenia", "properties": [{"pid": "iso3", "v": "GEO"}]},
        none={"query": "Armenia", "properties": [{"pid": "iso3", "v": "ZZZ"}]},
        same={"query": "Armenia", "properties": [{"pid": "cow", "v": "371"}]},
        unknown={"query": "Armenia", "properties": [{"pid": "capital", "v": "Yerevan"}]},
    )
    matches = {key: [row["id"] for row in rows if row["match"]] for key, rows in found.items()}
    assert matches == {"other": [], "none": [], "same": ["ARM"], "unknown": ["ARM"]}


def test_a_type_a_limit_and_a_day_narrow(api: TestClient) -> None:
    found = reconcile(
        api,
        state={"query": "guine", "type": "state"},
        either={"query": "guam", "type": ["state", "organization"], "limit": 1},
        then={"query": "cow:365", "properties": [{"pid": "on", "v": "1980-01-01"}]},
    )
    assert {row["type"][0]["id"] for row in found["state"]} == {"state"}
    assert found["state"][0]["id"] == "GIN"
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


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("preview?id=nothing", 404),
        ("preview?id=Armenai", 404),
        ("preview?id=%01", 404),
        ("preview?id=ARM%00", 422),
        ("preview", 422),
        ("suggest/entity?prefix=%00", 422),
        ("suggest/type?prefix=%00", 422),
        ("suggest/property?prefix=" + "a" * 201, 422),
        ("properties?type=%00", 422),
    ],
)
def test_what_clients_send_wrongly_is_refused(api: TestClient, path: str, status: int) -> None:
    answer = api.get(f"/v1/reconcile/{path}")
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_an_unknown_property_is_refused_with_those_that_are_known(api: TestClient) -> None:
    asked = json.dumps({"ids": ["ARM"], "properties": [{"id": "iso2"}, {"id": "capital"}]})
    for answer in (
        api.get("/v1/reconcile", params={"extend": asked}),
        api.post("/v1/reconcile", data={"extend": asked}),
    ):
        assert answer.status_code == 422
        assert "capital" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("name", ["NATO", "EU", "CIS", "ICC", "CSTO", "SCO", "UN", "OSCE", "isw"])
def test_an_organization_is_like_no_state(api: TestClient, name: str) -> None:
    assert reconcile(api, q={"query": name, "type": "state"}) == {"q": []}
    assert reconcile(api, q={"query": name})["q"][0]["match"]


def test_an_unknown_acronym_is_like_no_code(api: TestClient) -> None:
    names = ("OPEC", "SEATO", "GCC", "NAFTA", "IGAD", "ICJ")
    for name, found in reconcile(api, **{n: {"query": n, "type": "state"} for n in names}).items():
        assert found == [], name


@pytest.mark.parametrize(("name", "code"), [("Irak", "IRQ"), ("Mal", "MLI"), ("Pery", "PER")])
def test_a_short_name_may_have_a_slip(api: TestClient, name: str, code: str) -> None:
    found = reconcile(api, q={"query": name, "type": "state"})["q"]
    assert code in [one["id"] for one in found]


@pytest.mark.parametrize("part", ["suggest/entity", "suggest/type", "suggest/property", "preview",
                                  "properties"])  # fmt: skip
def test_parts_of_the_protocol_refuse_what_no_client_sends(api: TestClient, part: str) -> None:
    address = f"/v1/reconcile/{part}"
    sent = {"id": "ARM"} if part == "preview" else {}
    sent |= {} if part in ("preview", "properties") else {"prefix": "s"}
    assert api.get(address, params=sent | {"_": "1", "callback": "x"}).status_code == 200
    refused = api.get(address, params=sent | {"prefx": "Armen"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["query", "prefx"]
