"""Alignment over HTTP on both databases: sides, filters, points."""

from typing import Any

import pytest
from fastapi.testclient import TestClient


def get_answer(api: TestClient, path: str, **asked: Any) -> dict[str, Any]:
    answer = api.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def get_points(api: TestClient, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get_answer(api, "/v1/alignment", **asked)["data"]
    return found


def test_the_signals_of_all_points_are_the_signals_there_are(api: TestClient) -> None:
    events = get_answer(api, "/v1/events", between="ARM,RUS", limit=1000)["data"]
    pairs = [
        s
        for e in get_answer(api, "/v1/events", limit=1000)["data"]
        for s in e["signals"]
        if {s["from"], s["toward"]} == {"ARM", "RUS"}
    ]
    found = get_points(api, actor="ARM", toward="RUS")
    assert events
    assert sum(p["n"] for p in found) == len(pairs)
    mass = sum(p["positive"] - p["negative"] for p in found)
    assert mass == pytest.approx(
        sum(s["score"] * s["confidence"] * s["weight"] for s in pairs) / 10, abs=0.01
    )


@pytest.mark.parametrize("size", ["day", "week", "month", "quarter", "year", "auto"])
def test_points_have_no_holes_and_end_alike(api: TestClient, size: str) -> None:
    window = {"since": "2021", "until": "2023"}
    found = get_points(api, actor="ARM", toward="RUS", granularity=size, **window)
    assert (found[0]["start"], found[-1]["end"]) == ("2021-01-01", "2023-12-31")
    months = get_points(api, actor="ARM", toward="RUS", **window)
    assert found[-1]["index"] == months[-1]["index"]
    assert sum(p["n"] for p in found) == sum(p["n"] for p in months)


def test_a_window_changes_no_number(api: TestClient) -> None:
    whole = {p["start"]: p for p in get_points(api, actor="ARM", toward="RUS")}
    part = get_points(api, actor="ARM", toward="RUS", since="2022-03", until="2023-03")
    assert part
    for one in part:
        assert one == whole[one["start"]]


def test_the_interval_contains_the_index(api: TestClient) -> None:
    for p in get_points(api, actor="ARM", toward="EU,USA", against="RUS"):
        assert -1 <= p["low"] <= p["index"] <= p["high"] <= 1


FILTERS = (
    {"status": ["reported", "confirmed", "disputed"]},
    {"min_intensity": -10},
    {"known_by": "2099-12-31"},
)


@pytest.mark.parametrize("more", FILTERS)
@pytest.mark.parametrize("sides", [{"toward": "RUS"}, {"toward": "EU,USA", "against": "RUS,CSTO"}])
@pytest.mark.parametrize("acts", ["both", "own", "theirs"])
def test_sums_and_signals_give_the_same_numbers(
    api: TestClient, more: dict[str, Any], sides: dict[str, str], acts: str
) -> None:
    asked = {"actor": "ARM", "acts": acts, "granularity": "quarter", **sides}
    known = more.get("known_by") is None
    plain, filtered = (
        get_answer(api, "/v1/alignment", **asked),
        get_answer(api, "/v1/alignment", **asked, **more),
    )
    assert plain["meta"]["parameters"] == filtered["meta"]["parameters"]
    assert plain["moved"] == filtered["moved"]
    for one, other in zip(plain["data"], filtered["data"], strict=True):
        dated = {} if known else {"sources": 0}  # undated reports never count
        assert one | dated == other | dated


def test_as_of_the_newest_version_nothing_differs(api: TestClient) -> None:
    asked = {"actor": "ARM", "toward": "CSTO"}
    now = get_answer(api, "/v1/alignment", **asked)
    then = api.get(now["links"]["permalink"]).json()
    assert then["data"] == now["data"]
    assert then["moved"] == now["moved"]
    for toward in ("CSTO", "RUS"):  # of a dyad the votes of its partners count too
        shifts = get_answer(api, "/v1/shifts", actor="ARM", toward=toward)
        again = api.get(shifts["links"]["permalink"]).json()
        assert again["data"] == shifts["data"]


def test_members_count_on_their_days_only(api: TestClient) -> None:
    body = {
        m["actor"] for m in get_answer(api, "/v1/alignment", actor="ARM", toward="CSTO")["moved"]
    }
    assert {"RUS", "KAZ", "CSTO", "ARM"} <= body
    assert "UKR" not in body
    with_the_eu, alone = (
        [
            m["n"]
            for m in get_answer(api, "/v1/alignment", actor="RUS", toward=toward)["moved"]
            if "GBR" in (m["actor"], m["toward"])
        ]
        for toward in ("EU", "GBR")
    )
    assert 0 < sum(with_the_eu) < sum(alone)  # of the United Kingdom until it left


def test_swapping_a_dyad_changes_nothing_and_its_acts_change_places(api: TestClient) -> None:
    assert get_points(api, actor="ARM", toward="RUS") == get_points(api, actor="RUS", toward="ARM")
    own = get_points(api, actor="ARM", toward="RUS", acts="own")
    theirs = get_points(api, actor="RUS", toward="ARM", acts="theirs")
    assert own == theirs


def test_a_tilt_turned_round_is_its_negative(api: TestClient) -> None:
    one = get_points(api, actor="ARM", toward="EU,USA", against="RUS")
    other = get_points(api, actor="ARM", toward="RUS", against="EU,USA")
    for a, b in zip(one, other, strict=True):
        assert a["index"] == pytest.approx(-b["index"], abs=1e-6)
        assert (a["positive"], a["negative"]) == (b["negative"], b["positive"])


def test_days_that_no_dataset_covers_say_so(api: TestClient) -> None:
    found = get_points(
        api, actor="ARM", toward="RUS", since="2016", until="2019", granularity="year"
    )
    assert [p["covered"] for p in found] == [False, False, True, True]
    assert found[0]["index"] is None
    empty = get_answer(api, "/v1/alignment", actor="ARM", toward="RUS", since="2030", until="2031")
    assert empty["meta"]["reason"] == "not_yet_covered"
    nothing = get_answer(api, "/v1/alignment", actor="FJI", toward="TUV")
    assert (nothing["data"], nothing["meta"]["reason"]) == ([], "out_of_scope")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"actor": "ARM", "toward": "Russsia"}, "toward"),
        ({"actor": "Armenai", "toward": "RUS"}, "actor"),
        ({"actor": "ARM", "toward": "ARM"}, "toward"),
        ({"actor": "ARM", "toward": "RUS", "against": "RUS"}, "against"),
        ({"actor": "ARM", "toward": "NATO", "against": "EU"}, "against"),
        ({"actor": "ARM", "toward": "RUS", "granularity": "day", "since": "0001"}, "granularity"),
        ({"actor": "ARM", "toward": "RUS", "acts": "mine"}, "acts"),
        ({"actor": "ARM"}, "toward"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    api: TestClient, asked: dict[str, str], field: str
) -> None:
    answer = api.get("/v1/alignment", params=asked)
    assert answer.status_code == 422
    fault = answer.json()["errors"][0]
    assert fault["loc"] == ["query", field]
    assert fault["message"]


def test_similarity_is_said_year_by_year_with_what_it_rests_on(api: TestClient) -> None:
    found = get_answer(api, "/v1/similarity", actors="ARM,RUS,AZE", since="2021", until="2022")[
        "data"
    ]
    assert [(row["year"], row["actors"]) for row in found][:3] == [
        (2021, ["ARM", "RUS"]), (2021, ["ARM", "AZE"]), (2021, ["RUS", "AZE"]),
    ]  # fmt: skip
    allied = found[0]
    assert allied["covered"]
    assert allied["value"] > 0.5 > found[1]["value"]
    assert min(allied["tied"]) >= 5
