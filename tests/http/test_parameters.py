"""A parameter is taken exactly as written, or refused."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

pytestmark = pytest.mark.by_turns


def list_errors(api: TestClient, address: str) -> list[tuple[list[Any], str]]:
    answer = api.get(address)
    assert answer.status_code == 422, answer.text
    return [(fault["loc"], fault["message"]) for fault in answer.json()["errors"]]


@pytest.mark.parametrize("value", ["1_000", "%2B10", "%2010", "10%20", "10.0", "1e1"])
def test_a_whole_number_is_digits(api: TestClient, value: str) -> None:
    expected = [(["query", "limit"], "must be a number in plain digits")]
    assert list_errors(api, f"/v1/events?limit={value}") == expected


@pytest.mark.parametrize("value", ["1_0", "%2B5", "%205", "5%20"])
def test_a_number_is_digits(api: TestClient, value: str) -> None:
    expected = [(["query", "min_intensity"], "must be a number in plain digits")]
    assert list_errors(api, f"/v1/events?min_intensity={value}") == expected


@pytest.mark.parametrize("value", ["-5", "5", "0.5", "-0.5", "1e0"])
def test_numbers_are_taken(api: TestClient, value: str) -> None:
    assert api.get(f"/v1/events?limit=1&min_intensity={value}").status_code == 200


@pytest.mark.parametrize(
    "twice",
    [
        "limit=5&limit=6",
        "since=2023&since=2024",
        "q=a&q=b",
        "as_of=1&as_of=1",
        "sort=date&sort=date",
    ],
)
def test_repeated_single_value_parameter_is_422(api: TestClient, twice: str) -> None:
    name = twice.partition("=")[0]
    assert list_errors(api, f"/v1/events?{twice}") == [(["query", name], "appears more than once")]


def test_list_parameter_accepts_several_values(api: TestClient) -> None:
    for several in ("actor=ARM&actor=RUS", "quad=1&quad=2", "type=AID&type=AGREE", "tag=a&tag=a"):
        assert api.get(f"/v1/events?limit=1&{several}").status_code == 200
    apart = api.get("/v1/facets?by=type&by=actor").json()["data"]
    assert apart == api.get("/v1/facets?by=type,actor").json()["data"]
    assert api.get("/v1/facets?by=type,").status_code == 422


def test_text_that_looks_like_a_number_is_text(api: TestClient) -> None:
    assert api.get("/v1/events?q=1_000&cameo=010&since=2023").status_code == 200
    assert api.get("/v1/actors/resolve?q=%2B5").status_code == 200


@pytest.mark.parametrize(
    ("asked", "such"),
    [
        ("near=1,2", "40.2,44.5,100"),
        ("near=1_0,2,3", "40.2,44.5,100"),
        ("bbox=1", "43.4,38.8,46.6"),
    ],
)
def test_malformed_coordinates_are_422_with_hint(api: TestClient, asked: str, such: str) -> None:
    [(where, message)] = list_errors(api, f"/v1/events?{asked}")
    assert where == ["query", asked.partition("=")[0]]
    assert such in message


def test_instant_for_a_day_parameter_is_422(api: TestClient) -> None:
    errors = list_errors(api, "/v1/ties?actor=ARM&on=2023-10-13T00:00:00Z")
    assert errors[0][0] == ["query", "on"]
    assert "is not a date" in errors[0][1]


@pytest.mark.parametrize(
    ("asked", "instead"),
    [
        ("since=2023-13", ["2023-12", "2023"]),
        ("since=2023-02-30", ["2023-02-28", "2023-02"]),
        ("since=13.10.2023", ["2023-10-13"]),
        ("since=3/4/2023", ["2023-04-03", "2023-03-04"]),
        ("since=2023-9", ["2023-09"]),
        ("until=20231013", ["2023-10-13"]),
        ("until=99/99/9999", []),
        ("actor=Armnia", ["ARM"]),
        ("acter=ARM", ["actor"]),
        ("type=agreee", ["AGREE"]),
        ("role=initator", ["initiator"]),
        ("dataset=curate", ["curated"]),
        ("dataset=zzzzzzz", []),
    ],
)
def test_refused_value_comes_with_values_that_are_taken(
    api: TestClient, asked: str, instead: list[str]
) -> None:
    answer = api.get(f"/v1/events?{asked}")
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["suggestions"][: len(instead)] == instead
    name, _, _ = asked.partition("=")
    for value in fault["suggestions"]:
        mended = f"{value}=ARM" if name == "acter" else f"{name}={value}"
        if name != "acter" or value == "actor":
            assert api.get(f"/v1/events?{mended}&limit=1").status_code == 200
