"""The questions of the founding case, over HTTP, on both databases."""

from fastapi.testclient import TestClient


def list_keys(answer: dict[str, object]) -> list[str]:
    data = answer["data"]
    assert isinstance(data, list)
    return [event["id"].removeprefix("curated:") for event in data]


def get_answer(api: TestClient, path: str, **asked: object) -> dict[str, object]:
    answer = api.get(path, params=asked)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


AUTUMN = [
    "2023-09-01-csto-exercises-belarus-without-armenia",
    "2023-09-pashinyan-strategic-mistake",
    "2023-09-04-russian-mfa-dissatisfaction",
    "2023-09-05-armenia-recalls-csto-envoy",
    "2023-09-08-armenia-aid-to-ukraine",
    "2023-09-08-armenian-ambassador-summoned",
    "2023-09-11-eagle-partner-2023",
    "2023-09-19-azerbaijan-offensive-karabakh",
    "2023-09-24-pashinyan-alliances-ineffective",
    "2023-09-25-russian-mfa-rebukes-pashinyan",
    "2023-10-03-armenia-ratifies-rome-statute",
    "2023-10-csto-exercise-kyrgyzstan",
    "2023-10-11-pashinyan-peacekeepers-should-go-home",
    "2023-10-12-isw-armenia-distances-itself",
    "2023-10-13-cis-summit-bishkek-without-pashinyan",
    "2023-10-13-president-signs-rome-statute-law",
]
WINDOW = {"since": "2023-09", "until": "2023-10", "sort": "date", "match": "certain"}


def test_autumn_of_2023_in_order_with_sources(api: TestClient) -> None:
    found = get_answer(api, "/v1/events", between="ARM,RUS", **WINDOW)
    assert list_keys(found) == AUTUMN
    assert all(event["reports"] for event in found["data"])  # type: ignore[attr-defined]


def test_what_ran_through_that_autumn_is_shown_too(api: TestClient) -> None:
    wide = get_answer(api, "/v1/events", between="ARM,RUS", **{**WINDOW, "match": "possible"})
    assert [key for key in list_keys(wide) if key not in AUTUMN] == [
        "2020-11-10-russian-peacekeepers-in-karabakh",
        "2022-12-12-lachin-blockade",
    ]


def test_who_was_absent_from_what(api: TestClient) -> None:
    found = get_answer(
        api, "/v1/events", role="absent", actor="ARM", tag="founding-case", sort="date"
    )
    assert list_keys(found) == [
        "2023-10-csto-exercise-kyrgyzstan",
        "2023-10-13-cis-summit-bishkek-without-pashinyan",
    ]
    absent = [
        [(p["actor"], p["via"]) for p in event["participants"] if p["role"] == "absent"]
        for event in found["data"]  # type: ignore[attr-defined]
    ]
    assert absent == [
        [("ARM", None)],
        [("nikol-pashinyan", None), ("MDA", None), ("UKR", None), ("ARM", "nikol-pashinyan")],
    ]


def test_what_was_known_by_the_end_of_september(api: TestClient) -> None:
    found = get_answer(api, "/v1/events", between="ARM,RUS", known_by="2023-09-30", **WINDOW)
    announced = "2023-10-csto-exercise-kyrgyzstan"
    assert list_keys(found) == [*AUTUMN[:10], announced]
    published = [r["published"] for e in found["data"] for r in e["reports"]]  # type: ignore[attr-defined]
    assert max(published) <= "2023-09-30"


def test_what_moved_armenia_away_from_russia_is_stated(api: TestClient) -> None:
    stated = {
        key: [s["score"] for s in event["signals"] if (s["from"], s["toward"]) == ("ARM", "RUS")]
        for key, event in zip(
            AUTUMN,
            get_answer(api, "/v1/events", between="ARM,RUS", **WINDOW)["data"],
            strict=True,  # type: ignore[call-overload]
        )
    }
    for row in (4, 6, 10, 11, 14):
        (score,) = stated[AUTUMN[row]]
        assert score < 0


def test_csto_on_the_day(api: TestClient) -> None:
    found = get_answer(api, "/v1/alliances/CSTO/members", on="2023-10-13")
    assert [m["actor"] for m in found["data"]] == [  # type: ignore[attr-defined]
        "ARM", "BLR", "KAZ", "KGZ", "RUS", "TJK",
    ]  # fmt: skip


def test_armenia_was_bound_to_the_icc_but_not_yet_in_force(api: TestClient) -> None:
    def status(day: str) -> dict[str, str]:
        ties = get_answer(api, "/v1/ties", actor="Armenia", on=day)["data"]
        return {t["group"]: t["status"] for t in ties}  # type: ignore[attr-defined]

    on_the_day = status("2023-10-13")
    assert on_the_day["CSTO"] == "in-force"
    assert on_the_day["ICC"] == "ratified"
    assert status("2024-02-01")["ICC"] == "in-force"


def test_a_partner_owes_no_member_what_members_owe_each_other(api: TestClient) -> None:
    ties = get_answer(api, "/v1/ties", actor="ARM", on="2023-10-13")["data"]
    owed = {t["group"]: (t["role"], t["obligations"]) for t in ties}  # type: ignore[attr-defined]
    assert owed["NATO"] == ("partner", [])
    assert "defense" in owed["CSTO"][1]


def test_unknown_actor_error_suggests_the_nearest_names(api: TestClient) -> None:
    answer = api.get("/v1/events", params={"actor": "Armenai"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    fault = answer.json()["errors"][0]
    assert fault["loc"] == ["query", "actor"]
    assert "ARM" in fault["hint"]
