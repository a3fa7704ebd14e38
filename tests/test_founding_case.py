"""The questions of the founding case, over HTTP, on both databases."""

from fastapi.testclient import TestClient


def keys(answer: dict[str, object]) -> list[str]:
    data = answer["data"]
    assert isinstance(data, list)
    return [event["id"].removeprefix("curated:") for event in data]


def get(api: TestClient, path: str, **asked: object) -> dict[str, object]:
    answer = api.get(path, params=asked)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def test_autumn_of_2023_in_order_with_sources(api: TestClient) -> None:
    found = get(api, "/v1/events", between="ARM,RUS", since="2023-09", until="2023-10", sort="date")
    dates = [event["start"] for event in found["data"]]  # type: ignore[attr-defined]
    assert dates == sorted(dates)
    assert all(event["reports"] for event in found["data"])  # type: ignore[attr-defined]
    assert any("rome-statute" in key for key in keys(found))


def test_who_was_absent_from_what(api: TestClient) -> None:
    found = get(api, "/v1/events", role="absent", actor="ARM", tag="founding-case", sort="date")
    kept = [{p["actor"] for p in e["participants"]} for e in found["data"]]  # type: ignore[attr-defined]
    assert len(kept) == 2
    assert "CSTO" in kept[0]
    assert {"CIS", "nikol-pashinyan"} <= kept[1]


def test_what_was_known_by_the_end_of_september(api: TestClient) -> None:
    found = get(api, "/v1/events", known_by="2023-09-30", limit=1000)
    assert keys(found)
    assert not any("rome-statute" in key for key in keys(found))


def test_csto_on_the_day(api: TestClient) -> None:
    found = get(api, "/v1/alliances/CSTO/members", on="2023-10-13")
    assert [m["actor"] for m in found["data"]] == [  # type: ignore[attr-defined]
        "ARM", "BLR", "KAZ", "KGZ", "RUS", "TJK",
    ]  # fmt: skip


def test_armenia_was_bound_to_the_icc_but_not_yet_in_force(api: TestClient) -> None:
    def status(day: str) -> dict[str, str]:
        ties = get(api, "/v1/ties", actor="Armenia", on=day)["data"]
        return {t["group"]: t["status"] for t in ties}  # type: ignore[attr-defined]

    on_the_day = status("2023-10-13")
    assert on_the_day["CSTO"] == "in-force"
    assert on_the_day["ICC"] == "ratified"
    assert status("2024-02-01")["ICC"] == "in-force"


def test_a_partner_owes_what_members_owe_each_other_to_nobody(api: TestClient) -> None:
    ties = get(api, "/v1/ties", actor="ARM", on="2023-10-13")["data"]
    owed = {t["group"]: (t["role"], t["obligations"]) for t in ties}  # type: ignore[attr-defined]
    assert owed["NATO"] == ("partner", [])
    assert "defense" in owed["CSTO"][1]


def test_an_unknown_actor_is_told_the_nearest(api: TestClient) -> None:
    answer = api.get("/v1/events", params={"actor": "Armenai"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    fault = answer.json()["errors"][0]
    assert fault["loc"] == ["query", "actor"]
    assert "ARM" in fault["hint"]
