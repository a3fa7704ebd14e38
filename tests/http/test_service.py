"""What surrounds the answers: metrics, pages of other origins, tags at every address."""

import re
from collections.abc import Iterator

import pytest
from conftest import copy_database
from fastapi.testclient import TestClient
from serving import open_client

PAGE = {"Origin": "https://page.example"}


def read_metric(api: TestClient, name: str) -> dict[str, float]:
    """The values of a metric by their labels."""
    text = api.get("/metrics").text
    rows = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in rows}


def test_metrics_count_answers_by_route(api: TestClient) -> None:
    label = 'method="GET",route="/v1/actors/{code}",status="%d"'
    before = read_metric(api, "entente_requests_total")
    api.get("/v1/actors/ARM")
    api.get("/v1/actors/RUS")
    api.get("/v1/actors/nobody")
    after = read_metric(api, "entente_requests_total")
    assert after[label % 200] - before.get(label % 200, 0) == 2
    assert after[label % 404] - before.get(label % 404, 0) == 1
    assert not [labels for labels in after if "ARM" in labels]


def test_metrics_are_a_histogram_and_say_the_version(api: TestClient) -> None:
    api.get("/v1/actors/ARM")
    answer = api.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    version = api.get("/readyz").json()["version"]
    assert read_metric(api, "entente_version") == {"": version}
    route = 'method="GET",route="/v1/actors/{code}"'
    buckets = [
        n for at, n in read_metric(api, "entente_request_seconds_bucket").items() if route in at
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == read_metric(api, "entente_request_seconds_count")[route] > 0


def test_a_page_of_any_origin_may_read_without_credentials(api: TestClient) -> None:
    for address in ("/v1/actors/ARM", "/v1/actors/nobody", "/v1/events?limit=0", "/v1/nothing"):
        headers = api.get(address, headers=PAGE).headers
        assert headers["access-control-allow-origin"] == "*"
        assert "ETag" in headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in headers
    # A cache may send a page what another reader got.
    assert api.get("/v1/actors/ARM").headers["access-control-allow-origin"] == "*"


def test_a_browser_that_asks_before_a_write_is_answered(api: TestClient) -> None:
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
    answer = api.options("/v1/events/some:event", headers={**PAGE, **asked})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert "If-Match" in answer.headers["access-control-allow-headers"]
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]
    assert api.options("/v1/events", headers=PAGE).status_code == 405


@pytest.fixture
def narrow(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[TestClient]:
    url = copy_database(kind, "narrow", tmp_path_factory.mktemp("narrow"), request)
    origins = ("https://page.example",)
    with open_client(url, show_faults=False, cors_origins=origins, open_reading=False) as client:
        yield client


def test_only_the_origins_that_are_named(narrow: TestClient) -> None:
    named = narrow.get("/healthz", headers=PAGE).headers
    other = narrow.get("/healthz", headers={"Origin": "https://other.example"}).headers
    assert named["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-origin" not in other
    assert "Origin" in named["vary"]
    assert "Origin" in other["vary"]


def test_where_reading_is_closed_so_are_the_metrics(narrow: TestClient) -> None:
    assert narrow.get("/metrics").status_code == 401


def test_unchanged_import_list_is_304(api: TestClient) -> None:
    tag = api.get("/v1/imports").headers["etag"]
    assert api.get("/v1/imports", headers={"If-None-Match": tag}).status_code == 304


def test_an_instant_may_have_a_plus_that_was_not_encoded(api: TestClient) -> None:
    plain = api.get("/v1/events?limit=1&as_of=2999-01-01T00:00:00+01:00").json()["errors"]
    assert plain[0]["message"] == "is in the future"
    nothing = api.get("/v1/events?limit=1&as_of=1999-01-01T00:00:00+01:00")
    assert (nothing.status_code, nothing.json()["meta"]["version"]) == (200, 0)


@pytest.mark.parametrize("address", ["/v1/events?limit=1", "/v1/actors/ARM", "/ogc"])
def test_weak_etag_in_if_none_match_list_is_304(api: TestClient, address: str) -> None:
    tag = api.get(address).headers["etag"].removeprefix("W/")
    for sent in (tag, f"W/{tag}", f'"other", W/{tag}'):
        assert api.get(address, headers={"If-None-Match": sent}).status_code == 304


def test_altered_cursor_is_422(api: TestClient) -> None:
    cursor = api.get("/v1/events?limit=2").json()["links"]["next"].partition("cursor=")[2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    others = {cursor[:-1] + last for last in alphabet} | {cursor + "=" * n for n in (1, 2, 3)}
    for other in others - {cursor}:
        answer = api.get("/v1/events", params={"limit": 2, "cursor": other})
        assert answer.status_code == 422, other


def test_unknown_path_is_404_with_hint(api: TestClient) -> None:
    hints = {"/v1/nothing": "/docs lists all paths.", "/v1/events/": "slash"}
    for address, way_out in hints.items():
        answer = api.get(address)
        assert (answer.status_code, answer.json()["title"]) == (404, "Not found")
        assert way_out in answer.json()["detail"]


def test_unsupported_method_is_405_with_allow(api: TestClient) -> None:
    answer = api.delete("/v1/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["detail"] == "Allowed methods: GET, HEAD, POST."
