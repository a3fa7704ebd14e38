"""The short way in and the long one answer alike, and each is taken where it should be."""

import json

import pytest
from examples import FILE
from fastapi.testclient import TestClient

from app.http.shortway import Handler

pytestmark = pytest.mark.by_turns

PLAIN = [
    *(
        example["get"]
        for example in json.loads(FILE.read_text(encoding="utf-8")).values()
        if "get" in example
    ),
    "/v1/events?actor=ARM&actor=RUS&type=SUPPORT&quad=1&quad=2&limit=3",
    "/v1/events?between=ARM,RUS&fields=title,date&count=exact",
    "/v1/events?via=false&actor=ARM&min_intensity=-3.5&limit=2",
    "/v1/events?actor=&limit=2",
    "/v1/events?actor=Armenai",
    "/v1/events?cursor=foreign",
    "/v1/events?as_of=999999999",
    "/v1/timeline?since=1000&until=2999&granularity=day",
    "/v1/facets?by=nothing",
    "/v1/alignment?actor=ARM&toward=ATLANTIS",
    "/v1/shifts?actor=ARM&since=2022",
]
ODD = [
    "/v1/events?zzz=1",
    "/v1/events?limit=0",
    "/v1/events?limit=5&limit=10",
    "/v1/events?since=2023-02-30",
    "/v1/events?since=2024&until=2023",
    "/v1/facets",
]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each request to an address with a short way: whether it was taken."""
    taken: list[bool] = []
    read = Handler.read

    def noted(handler: Handler, request: object) -> object:
        found = read(handler, request)  # type: ignore[arg-type]
        taken.append(found is not None)
        return found

    monkeypatch.setattr(Handler, "read", noted)
    return taken


@pytest.mark.parametrize("address", [*PLAIN, *ODD])
def test_both_ways_answer_alike(
    api: TestClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = api.get(address)
    monkeypatch.setattr(Handler, "read", lambda *_: None)
    other = api.get(address)
    assert one.status_code == other.status_code
    assert one.headers == other.headers
    if "application/vnd" not in one.headers["content-type"]:  # a sheet holds when it was made
        assert one.content == other.content


@pytest.mark.parametrize("address", ["/v1/events", "/v1/timeline", "/v1/alignment", "/v1/changes"])
def test_a_plain_request_takes_the_short_way(
    api: TestClient, short: list[bool], address: str
) -> None:
    needed = {"/v1/alignment": "?actor=ARM&toward=RUS"}.get(address, "?actor=ARM")
    assert api.get(address + needed).status_code == 200
    assert short == [True]


@pytest.mark.parametrize("address", ODD)
def test_an_odd_one_does_not(api: TestClient, short: list[bool], address: str) -> None:
    api.get(address)
    assert short == [False]


def test_a_key_is_asked_for_on_both(api: TestClient, short: list[bool]) -> None:
    state = api.app.state  # type: ignore[attr-defined]
    held = state.settings
    state.settings = held.model_copy(update={"open_reading": False})
    try:
        answer = api.get("/v1/events?actor=ARM")
    finally:
        state.settings = held
    assert (answer.status_code, short) == (401, [True])
    assert answer.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in answer.headers
