"""Armenia between Russia and the West, out of the box, as known at three moments.

Checked is only what does not depend on single rows of the bundled data: signs, verdicts, windows.
"""

from typing import Any

import pytest
from fastapi.testclient import TestClient

pytestmark = pytest.mark.by_turns

ARTICLE = "news-2023-10-13-putin-loses-another-ally"
TILT = {"toward": "EU,USA", "against": "RUS,CSTO"}
AWAY = {"toward": "RUS,CSTO"}


def get_answer(api: TestClient, path: str, **asked: Any) -> dict[str, Any]:
    answer = api.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def list_shifts(api: TestClient, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get_answer(api, "/v1/shifts", actor="ARM", **asked)["data"]
    return found


def find_strongest(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return max(rows, key=lambda row: row["at_least"])


@pytest.mark.parametrize(("sides", "direction", "sign"), [(AWAY, "away", -1), (TILT, "toward", 1)])
def test_by_the_day_of_the_article_armenia_had_moved(
    api: TestClient, sides: dict[str, str], direction: str, sign: int
) -> None:
    row = find_strongest(list_shifts(api, known_by="2023-10-13", **sides))
    assert row["direction"] == direction
    assert row["q"] <= 0.05
    if sides is TILT:
        assert row["verdict"] in ("strong", "shift")
        assert row["robust"]
    else:  # two months carry it, which the answer says
        assert row["verdict"] in ("strong", "shift", "weak")
        assert row["robust"] or row["reason"].startswith("not robust")
    assert "2022-01" <= row["onset"][:7] <= "2023-02"
    assert row["onset_set"][0]["start"] <= row["onset_set"][-1]["end"]
    assert row["before"]["index"] * sign < row["after"]["index"] * sign
    assert row["before"]["low"] < row["before"]["index"] < row["before"]["high"]


def test_at_the_end_of_2022_less_is_known(api: TestClient) -> None:
    early = find_strongest(list_shifts(api, known_by="2022-12-31", **AWAY))
    late = find_strongest(list_shifts(api, known_by="2023-10-13", **AWAY))
    assert early["after"]["effective"] < late["after"]["effective"]


def test_today_it_has_moved_away_from_russia(api: TestClient) -> None:
    rows = list_shifts(api, toward="RUS")
    assert any(r["direction"] == "away" and r["verdict"] in ("strong", "shift") for r in rows)


def test_the_articles_own_events_give_a_level_and_no_date(api: TestClient) -> None:
    [row] = list_shifts(api, toward="RUS", source=ARTICLE)
    assert row["verdict"] == "insufficient_data"
    assert row["label"] == "level, no dated shift"
    assert row["onset"] is None
    assert row["reason"]
    assert row["after"]["index"] < -0.3
    assert row["expected"]["probability_below"] > 0.9
    assert (row["expected"]["alpha"], row["expected"]["beta"]) == (6.4, 1.6)


@pytest.mark.parametrize("sides", [AWAY, TILT, {"toward": "RUS"}, {"toward": "RUS", "acts": "own"}])
@pytest.mark.parametrize("known_by", [None, "2022-12-31", "2023-10-13"])
def test_the_evidence_adds_up_to_the_change(
    api: TestClient, sides: dict[str, str], known_by: str | None
) -> None:
    for row in list_shifts(api, **sides, **({"known_by": known_by} if known_by else {})):
        body = get_answer(api, f"/v1/shifts/{row['id']}")
        change = row["after"]["index"] - (row["before"]["index"] if row["before"] else 0)
        assert body["change"] == pytest.approx(change, abs=1e-12)
        parts = [e["share"] for e in body["evidence"]]
        assert sum(parts) + body["prior"] == pytest.approx(change, abs=1e-9)
        for rows in body["subtotals"].values():
            assert sum(r["share"] for r in rows) == pytest.approx(sum(parts), abs=1e-9)
        assert {k: body[k] for k in ("onset", "p", "q", "verdict", "family_size")} == {
            k: row[k] for k in ("onset", "p", "q", "verdict", "family_size")
        }


def test_evidence_names_its_events_with_sources_for_and_against(api: TestClient) -> None:
    row = find_strongest(list_shifts(api, toward="RUS"))
    body = get_answer(api, f"/v1/shifts/{row['id']}")
    assert {e["speaks"] for e in body["evidence"]} == {"for", "against"}
    named = {e["event"].removeprefix("curated:"): e for e in body["evidence"]}
    statute = named["2023-10-03-armenia-ratifies-rome-statute"]
    assert statute["share"] < 0
    assert {s["publisher"] for s in statute["sources"]} >= {"ed. PRC"}
    flagged = [e for e in body["evidence"] if "mediation" in e["flags"]]
    assert all(s["score"] > 0 for e in flagged for s in e["signals"])
    assert len(named) == len(body["evidence"])
    for e in body["evidence"]:
        assert sum(s["share"] for s in e["signals"]) == pytest.approx(e["share"], abs=1e-12)
    assert "CSTO" in {t["group"] for t in body["structure"]["ties"]} | {"CSTO"}
    assert any(t["group"] == "ARM-RUS-1997" for t in body["structure"]["ties"])


def test_known_by_excludes_later_sources(api: TestClient) -> None:
    row = find_strongest(list_shifts(api, known_by="2023-10-13", **AWAY))
    body = get_answer(api, f"/v1/shifts/{row['id']}")
    dates = [s["published"] for e in body["evidence"] for s in e["sources"]]
    assert dates
    assert max(d[:10] for d in dates) <= "2023-10-13"


def test_toward_and_away_from_whom(api: TestClient) -> None:
    found = get_answer(api, "/v1/shifts", actor="Armenia", max_q=1)
    assert found["meta"]["family_size"] >= len(found["data"]) > 1
    assert {row["actor"] for row in found["data"]} == {"ARM"}
    bounds = [row["at_least"] for row in found["data"]]
    assert bounds == sorted(bounds, reverse=True)
    certain = get_answer(api, "/v1/shifts", actor="ARM")["data"]
    assert all(row["q"] <= 0.05 for row in certain)
    assert "RUS" in {row["toward"][0] for row in certain}


def test_since_and_until_bound_the_onset_only(api: TestClient) -> None:
    [row] = [r for r in list_shifts(api, toward="RUS") if r["direction"] == "away"]
    year = row["onset"][:4]
    assert row in list_shifts(api, toward="RUS", since=year, until=year)
    assert row not in list_shifts(api, toward="RUS", until=str(int(year) - 1))
    assert row not in list_shifts(api, toward="RUS", direction="toward")


def test_a_named_pair_is_listed_even_where_nothing_changed(api: TestClient) -> None:
    for asked in ({"until": "2019"}, {"direction": "toward"}):
        [row] = list_shifts(api, toward="RUS", **asked)
        assert (row["verdict"], row["onset"], row["direction"]) == ("no_evidence", None, None)
        assert row["reason"].startswith("no change has the onset")
        assert row["after"]["effective"] > 8
        detail = get_answer(api, f"/v1/shifts/{row['id']}")
        assert detail["after"]["index"] == row["after"]["index"]


@pytest.mark.slow
def test_pages_of_a_ranking_are_the_whole(api: TestClient) -> None:
    for sort, limit in (("-at_least", 1), ("-magnitude", 4), ("p", 4), ("onset", 4)):
        whole = get_answer(api, "/v1/shifts", max_q=1, sort=sort, limit=200)["data"]
        paged, address = [], f"/v1/shifts?max_q=1&limit={limit}&sort={sort}"
        while address:
            answer = api.get(address).json()
            paged += answer["data"]
            address = answer["links"]["next"]
        assert paged == whole


def test_malformed_shift_id_is_404(api: TestClient) -> None:
    for ident in ("x", "W10", "bnVsbA", "e30", "A" * 9000):
        assert api.get(f"/v1/shifts/{ident}").status_code == 404


def test_routine_contacts_are_part_of_the_evidence_on_both_sides(api: TestClient) -> None:
    for partner in ("RUS", "EU,USA"):
        found = get_answer(api, "/v1/alignment", actor="ARM", toward=partner, tag="routine")
        assert sum(p["n"] for p in found["data"]) >= 5
