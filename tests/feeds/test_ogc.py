"""OGC API – Features, as the standard's readers see it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_database
from fastapi.testclient import TestClient
from feed_pages import read_all_events
from jsonschema import Draft202012Validator
from owslib.ogcapi.features import Features as OWSLibFeatures
from serving import open_client, serve_database

pytestmark = pytest.mark.slow

ITEMS = "/ogc/collections/events/items"
gdal = pytest.mark.skipif(
    shutil.which("ogrinfo") is None, reason="GDAL is not installed (apt install gdal-bin)"
)


def list_ids(body: dict[str, Any]) -> list[str]:
    return [feature["id"] for feature in body["features"]]


def test_the_landing_page_leads_everywhere(api: TestClient) -> None:
    for link in api.get("/ogc").json()["links"]:
        assert link["href"].startswith("http://testserver/"), link
        assert api.get(link["href"]).status_code == 200, link


@pytest.mark.parametrize("form", ["json", "geojson"])
def test_representation_that_clients_name_is_the_only_one(api: TestClient, form: str) -> None:
    paths = [link["href"] for link in api.get("/ogc").json()["links"] if "/ogc" in link["href"]]
    for path in (*paths, "/ogc/collections/events", f"{ITEMS}?limit=2"):
        named = api.get(path + ("&" if "?" in path else "?") + f"f={form}")
        assert named.status_code == 200, path
        if path != f"{ITEMS}?limit=2":
            assert named.json() == api.get(path).json()
    [page] = [t["href"] for t in named.json()["links"] if t["rel"] == "next"]
    assert f"f={form}" in page
    assert len(api.get(page).json()["features"]) == 2
    item = named.json()["features"][0]["id"]
    assert api.get(f"{ITEMS}/{item}?f={form}").json()["id"] == item


@pytest.mark.parametrize("size", [7, 60])
def test_offsets_make_up_the_whole(api: TestClient, size: int) -> None:
    whole = list_ids(api.get(f"{ITEMS}?limit=1000").json())
    for offset in range(0, 120, size):
        body = api.get(f"{ITEMS}?limit={size}&offset={offset}").json()
        assert list_ids(body) == whole[offset : offset + size]


def test_pages_go_on_after_an_offset(api: TestClient) -> None:
    whole = list_ids(api.get(f"{ITEMS}?limit=1000").json())
    body = api.get(f"{ITEMS}?limit=5&offset=3").json()
    [following] = [t["href"] for t in body["links"] if t["rel"] == "next"]
    assert list_ids(api.get(following).json()) == whole[8:13]
    assert list_ids(api.get(f"{ITEMS}?offset=10000").json()) == []
    assert api.get(f"{ITEMS}?offset=10001").status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/ogc", "/ogc/", "/ogc/conformance", "/ogc/collections", "/ogc/collections/events",
        f"{ITEMS}?actor=ARM&datetime=2023-09-01/2023-10-31",
        f"{ITEMS}/curated:2023-10-03-armenia-ratifies-rome-statute",
    ],
)  # fmt: skip
def test_html_is_the_page_for_people(api: TestClient, path: str) -> None:
    page = api.get(path + ("&" if "?" in path else "?") + "f=html")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    if "datetime" in path:
        assert "since=2023-09-01&until=2023-10-31" in str(page.url)


def test_a_limit_above_the_most_is_cut(api: TestClient) -> None:
    body = api.get(f"{ITEMS}?limit=100000&actor=ARM").json()
    assert body["numberMatched"] == len(read_all_events(api, "actor=ARM"))
    assert body["numberReturned"] == min(1000, body["numberMatched"])
    assert body["timeStamp"].endswith("Z")
    assert api.get(f"{ITEMS}?limit=0").status_code == 422


def test_representation_that_is_not_there_is_refused(api: TestClient) -> None:
    answer = api.get("/ogc?f=xml")
    assert answer.status_code == 422
    assert "json" in answer.text


def test_ogc_conformance_lists_core(api: TestClient) -> None:
    body = api.get("/ogc/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in body


def test_conformance_is_what_is_served(api: TestClient) -> None:
    classes = set(api.get("/ogc/conformance").json()["conformsTo"])
    collection = api.get("/ogc/collections/events").json()
    parts = {one.removeprefix("http://www.opengis.net/spec/ogcapi-features-") for one in classes}
    assert parts == {
        "1/1.0/conf/core", "1/1.0/conf/geojson", "2/1.0/conf/crs", "3/1.0/conf/queryables",
        "3/1.0/conf/queryables-query-parameters",
    }  # fmt: skip
    assert collection["storageCrs"] in collection["crs"]


def test_every_queryable_is_a_parameter(api: TestClient) -> None:
    collection = api.get("/ogc/collections/events").json()
    [link] = [t for t in collection["links"] if t["rel"].endswith("/queryables")]
    answer = api.get(link["href"]).raise_for_status()
    assert answer.headers["content-type"] == link["type"] == "application/schema+json"
    schema = answer.json()
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == link["href"]
    event = api.get(f"{ITEMS}?type=AGREE&limit=1").json()["features"][0]["properties"]
    samples = {
        "role": "initiator", "member_of": "CSTO", "type": "AGREE", "quad": 1, "cameo": "057",
        "actor": "ARM", "initiator": "ARM", "target": "ARM", "status": "confirmed",
        "mode": "meet", "country": "ARM", "dataset": event["dataset"], "tag": "treaty",
        "source": event["reports"][0]["source"],
    }  # fmt: skip
    for name in schema["properties"].keys() - {"geometry"}:
        more = "&actor=ARM" if name == "role" else ""
        asked = api.get(f"{ITEMS}?{name}={samples.get(name, 'x')}&limit=1{more}")
        assert asked.status_code == 200, asked.text


def test_axes_are_in_the_order_of_the_system_asked_for(api: TestClient) -> None:
    crs84, epsg4326 = api.get("/ogc/collections/events").json()["crs"]
    usual = api.get(f"{ITEMS}?bbox=43,38,47,42&limit=20")
    other = api.get(f"{ITEMS}?bbox=38,43,42,47&bbox-crs={epsg4326}&crs={epsg4326}&limit=20")
    assert usual.headers["content-crs"] == f"<{crs84}>"
    assert other.headers["content-crs"] == f"<{epsg4326}>"
    places = [f["geometry"]["coordinates"] for f in usual.json()["features"]]
    assert [f["geometry"]["coordinates"][::-1] for f in other.json()["features"]] == places
    assert places
    first = usual.json()["features"][0]["id"]
    item = api.get(f"{ITEMS}/{first}?crs={epsg4326}")
    assert item.headers["content-crs"] == f"<{epsg4326}>"
    assert item.json()["geometry"]["coordinates"][::-1] == places[0]
    for query in ("crs=EPSG:3857", "bbox-crs=x&bbox=43,38,47,42"):
        assert api.get(f"{ITEMS}?{query}").status_code == 400
    assert api.get(f"{ITEMS}/{first}?crs=x").status_code == 400


def test_owslib_reads_collections_queryables_and_items(address: str) -> None:
    features = OWSLibFeatures(f"{address}/ogc")
    assert features.feature_collections() == ["events"]
    assert "actor" in features.collection_queryables("events")["properties"]
    page = features.collection_items("events", bbox=[43, 38, 47, 42], limit=5)
    assert page["numberReturned"] == len(page["features"]) == 5
    found = features.collection_item("events", page["features"][0]["id"])
    assert found["id"] == page["features"][0]["id"]


def test_the_collection_says_when_it_covers_and_whose_it_is(api: TestClient) -> None:
    [body] = api.get("/ogc/collections").json()["collections"]
    assert body == api.get("/ogc/collections/events").json()
    assert body["extent"]["temporal"]["interval"][0][0] == "1945-01-01T00:00:00Z"
    assert "CC BY 4.0" in body["attribution"]
    assert api.get("/ogc/collections/wars").status_code == 404


def test_pages_make_up_the_whole(api: TestClient) -> None:
    paged: list[str] = []
    url: str | None = f"{ITEMS}?limit=40"
    while url:
        body = api.get(url).json()
        assert body["numberReturned"] == len(body["features"])
        paged += list_ids(body)
        url = next((link["href"] for link in body["links"] if link["rel"] == "next"), None)
    assert paged == [event["id"] for event in read_all_events(api, "")]


def test_bbox_selects_features_inside(api: TestClient) -> None:
    for box in ("43,38,47,42", "43,38,0,47,42,100"):
        body = api.get(f"{ITEMS}?bbox={box}&limit=1000").json()
        assert list_ids(body) == [event["id"] for event in read_all_events(api, "bbox=43,38,47,42")]
        for feature in body["features"]:
            lon, lat = feature["geometry"]["coordinates"]
            assert 43 <= lon <= 47
            assert 38 <= lat <= 42


@pytest.mark.parametrize(
    ("when", "query"),
    [
        ("2023-10-03T12:00:00Z", "since=2023-10-03&until=2023-10-03"),
        ("2023-10-03", "since=2023-10-03&until=2023-10-03"),
        ("2023-09-01T00:00:00Z/2023-10-31T23:59:59Z", "since=2023-09-01&until=2023-10-31"),
        ("../2019-12-31T00:00:00Z", "until=2019-12-31"),
        ("2024-01-01T00:00:00Z/..", "since=2024-01-01"),
        ("2024-01-01/", "since=2024-01-01"),
    ],
)
def test_datetime_selects_whole_days(api: TestClient, when: str, query: str) -> None:
    body = api.get(ITEMS, params={"limit": 1000, "dataset": "curated", "datetime": when}).json()
    expected = read_all_events(api, f"{query}&dataset=curated")
    assert list_ids(body) == [event["id"] for event in expected]
    assert body["features"]


@pytest.mark.parametrize(
    "query",
    [
        "datetime=yesterday", "datetime=2023-13-01", "datetime=2023-10-02/2023-10-01",
        "datetime=2023-10-02&since=2023",
    ],
)  # fmt: skip
def test_malformed_datetime_is_422(api: TestClient, query: str) -> None:
    answer = api.get(f"{ITEMS}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", "datetime"]


def test_filters_of_events_narrow_features(api: TestClient) -> None:
    body = api.get(f"{ITEMS}?role=absent&actor=ARM").json()
    assert list_ids(body) == [
        event["id"] for event in read_all_events(api, "role=absent&actor=ARM")
    ]


def test_one_feature(api: TestClient) -> None:
    ident = "curated:2023-10-03-armenia-ratifies-rome-statute"
    answer = api.get(f"{ITEMS}/{ident}")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.json()["geometry"] == {"type": "Point", "coordinates": [44.51, 40.18]}
    assert api.get(f"{ITEMS}/curated:nothing").status_code == 404


def test_links_follow_the_request_or_the_setting(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = copy_database(kind, f"ogc{tmp_path.name}", tmp_path, request)
    for public, host, expected in (
        ("", "maps.example:8080", "http://maps.example:8080/ogc"),
        ("", "evil.example/x?", "http://testserver"),
        ("https://entente.example/api", "other.example", "https://entente.example/api/ogc"),
    ):
        with open_client(url, public_url=public) as api:
            body = api.get("/ogc", headers={"Host": host}).json()["links"][0]["href"]
        assert body.startswith(expected), (public, host, body)


@pytest.fixture(scope="module")
def address(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    with serve_database(
        copy_database(kind, "ogc", tmp_path_factory.mktemp("ogc"), request)
    ) as found:
        yield found


def run_gdal(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


@gdal
def test_gdal_lists_and_pages(address: str, api: TestClient) -> None:
    result = run_gdal(
        "ogrinfo", "-ro", "-so", f"OAPIF:{address}/ogc", "events", "-oo", "PAGE_SIZE=20"
    )
    count = len(read_all_events(api, ""))
    assert f"Feature Count: {count}" in result
    assert "title: String" in result
    assert "Geometry: Point" in result


@gdal
def test_gdal_narrows_by_box_and_date(address: str, api: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "out.geojson"
    run_gdal(
        "ogr2ogr", str(file), f"OAPIF:{address}/ogc", "events", "-f", "GeoJSON",
        "-spat", "43", "38", "47", "42", "-oo", "PAGE_SIZE=3",
    )  # fmt: skip
    found = json.loads(file.read_text())["features"]
    titles = {feature["properties"]["title"] for feature in found}
    assert titles == {event["title"] for event in read_all_events(api, "bbox=43,38,47,42")}
    assert len(found) > 3


@gdal
def test_gdal_opens_the_geojson_of_a_list(api: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "events.geojson"
    file.write_bytes(api.get("/v1/events?actor=ARM&limit=100&format=geojson").content)
    result = run_gdal("ogrinfo", "-ro", "-so", str(file), "-al")
    assert "Feature Count: 100" in result
