"""What the bundled record answers of relations that everyone knows."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

Row = dict[str, Any]


def index_by_year(api: TestClient, actor: str, toward: str) -> dict[str, float]:
    answer = api.get(
        "/v1/alignment",
        params={
            "actor": actor, "toward": toward, "since": "2014-01", "until": "2026-03",
            "granularity": "year",
        },
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    rows: list[Row] = answer.json()["data"]
    return {row["start"][:4]: row["index"] for row in rows if row["n"]}


def ask_shift(api: TestClient, actor: str, toward: str) -> Row:
    answer = api.get("/v1/shifts", params={"actor": actor, "toward": toward})
    assert answer.status_code == 200, answer.text
    [row] = answer.json()["data"]
    return dict(row)


def test_sanctions_of_the_eu_on_russia_are_acts_of_the_eu(api: TestClient) -> None:
    years = index_by_year(api, "EU", "RUS")
    assert {"2014", "2022", "2025"} <= set(years)
    assert all(index < -0.3 for index in years.values())
    assert ask_shift(api, "EU", "RUS")["direction"] != "toward"


def test_china_and_russia_are_steadily_close(api: TestClient) -> None:
    row = ask_shift(api, "CHN", "RUS")
    assert row["verdict"] == "steady"
    assert all(index > 0.3 for index in index_by_year(api, "CHN", "RUS").values())


def test_india_and_the_usa_fall_out_over_trade_and_make_up(api: TestClient) -> None:
    years = index_by_year(api, "IND", "USA")
    assert years["2018"] > years["2019"] < years["2020"]
    assert years["2023"] > 0 > years["2025"]
    assert years["2026"] > years["2025"]


def test_india_and_china_fight_at_their_border_and_arrange_patrols(api: TestClient) -> None:
    years = index_by_year(api, "IND", "CHN")
    assert years["2020"] < -0.3
    assert years["2022"] < -0.3
    assert years["2024"] > 0
    assert years["2025"] > 0


def test_japan_and_china_near_each_other_until_fukushima_and_taiwan(api: TestClient) -> None:
    years = index_by_year(api, "JPN", "CHN")
    assert years["2018"] > 0 > years["2023"]
    assert years["2024"] > years["2025"] > years["2026"]
    assert years["2026"] < -0.3


def test_australia_and_china_moved_closer_after_the_trade_measures(api: TestClient) -> None:
    years = index_by_year(api, "AUS", "CHN")
    assert years["2020"] > years["2021"]
    assert years["2024"] > 0.3
    row = ask_shift(api, "AUS", "CHN")
    assert row["direction"] == "toward"
    assert row["verdict"] in ("weak", "shift", "strong")
    assert "2021-05" <= row["onset"][:7] <= "2024-03"


@pytest.mark.parametrize("toward", ["USA", "CHN"])
def test_vietnam_is_on_terms_with_both_great_powers(api: TestClient, toward: str) -> None:
    years = index_by_year(api, "VNM", toward)
    assert years["2023"] > 0
    assert years["2025"] > 0


def test_the_oil_rig_of_2014_is_conflict_of_vietnam_and_china(api: TestClient) -> None:
    assert index_by_year(api, "VNM", "CHN")["2014"] < -0.5
