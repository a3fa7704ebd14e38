"""What is answered from loaded series: alliances by year, and votes of the General Assembly."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from ingest.loading import load_file
from serving import open_client
from shared_data import read_shared_rows

from app.db.engine import Database

pytestmark = pytest.mark.by_turns

COW = "ccode1,ccode2,year,cow_defense,cow_neutral,cow_nonagg,cow_entente\n"
ATOP = "ccode1,ccode2,year,atop_defense,atop_offense,atop_neutral,atop_nonagg,atop_consul\n"
UNGA = "ccode,session,IdealPointAll,Q5%All,Q95%All,iso3c,Countryname\n"


@pytest.fixture
def api(database: Database) -> Iterator[TestClient]:
    """The service on a database of its own, after what a test loads."""
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as client:
        yield client


def get_answer(api: TestClient, path: str, **asked: Any) -> Any:
    answer = api.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def write_file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def make_years(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def load_alliances(database: Database, folder: Path, *lines: str) -> None:
    path = write_file(folder / "cow.csv", COW + make_years(*lines))
    load_file(database, path, format="cow-alliances")


def get_similarity(api: TestClient, **asked: Any) -> dict[tuple[int, str, str], dict[str, Any]]:
    found = get_answer(api, "/v1/similarity", **asked)
    return {(row["year"], *row["actors"]): row for row in found["data"]}


def test_loaded_alliances_count_in_addition_to_those_of_the_record(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    asked = {"actors": "ARM,RUS,IRN", "since": "2005", "until": "2006"}
    before = get_similarity(api, **asked)
    assert before[2005, "ARM", "IRN"]["tied"][1] == 0
    load_alliances(database, tmp_path, "371,630,2005,1,0,0,0")
    after = get_similarity(api, **asked)
    assert get_answer(api, "/v1/similarity", **asked)["meta"]["datasets"] == ["cow-alliances"]
    assert after[2005, "ARM", "IRN"]["tied"][1] == 1
    assert after[2005, "ARM", "IRN"]["value"] > before[2005, "ARM", "IRN"]["value"]
    assert after[2006, "ARM", "IRN"] == before[2006, "ARM", "IRN"]
    assert after[2005, "ARM", "RUS"]["tied"][0] == before[2005, "ARM", "RUS"]["tied"][0] + 1


def test_a_dataset_that_is_named_counts_alone(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    load_alliances(database, tmp_path, "371,630,2005,1,0,0,0", "371,365,2005,0,0,1,0")
    path = write_file(tmp_path / "atop.csv", ATOP + make_years("371,640,2005,0,0,0,0,1"))
    load_file(database, path, format="atop")
    asked = {"actors": "ARM,TUR", "since": "2005", "until": "2005"}
    both = get_similarity(api, **asked)[2005, "ARM", "TUR"]
    one = get_similarity(api, **asked, dataset="cow-alliances")[2005, "ARM", "TUR"]
    other = get_similarity(api, **asked, dataset="atop")[2005, "ARM", "TUR"]
    assert one["tied"] == [2, 0]
    assert other["tied"] == [1, 1]
    assert both["tied"][0] > 3
    refused = api.get("/v1/similarity", params={**asked, "dataset": "atopp"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["query", "dataset"]


def test_a_correction_changes_the_answer_and_its_tag(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    asked = {"actors": "ARM,IRN", "since": "2005", "until": "2005", "dataset": "cow-alliances"}
    load_alliances(database, tmp_path, "371,630,2005,1,0,0,0", "630,371,2005,1,0,0,0")
    first = api.get("/v1/similarity", params=asked)
    load_alliances(database, tmp_path, "371,630,2005,0,0,0,1", "630,371,2005,0,0,0,1")
    again = api.get(
        "/v1/similarity", params=asked, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert again.status_code == 200
    assert again.json()["data"][0]["value"] != first.json()["data"][0]["value"]


def test_portfolios_are_compared_over_the_system_that_is_named(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    load_alliances(database, tmp_path, "220,365,1900,1,0,0,0", "255,300,1900,1,0,0,0")
    system = "cow:220,cow:365,cow:255,cow:300,cow:200"
    asked = {"actors": "DEU,RUS", "since": "1900", "until": "1900", "dataset": "cow-alliances"}
    found = get_similarity(api, **asked, system=system, measure="s")[1900, "DEU", "RUS"]
    # (3 0 3 0) and (0 3 0 3) over Germany, Austria, and France, Russia; Britain binds no one
    assert (found["states"], found["tied"], found["value"]) == (5, [1, 1], round(1 - 24 / 15, 6))
    refused = api.get("/v1/similarity", params={**asked, "system": "GBR,RUS"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["query", "system"]


def load_some_rows(database: Database, folder: Path, name: str, **wanted: str) -> None:
    """Load the rows of a shared file that have the wanted cells; whole files load elsewhere."""
    rows = read_shared_rows(name)
    path = folder / Path(name).with_suffix("").name
    with path.open("w", newline="") as lines:
        table = csv.DictWriter(lines, rows[0])
        table.writeheader()
        table.writerows(r for r in rows if all(r[k] in v.split("|") for k, v in wanted.items()))
    load_file(database, path)


def test_the_united_states_in_1816_by_the_loaded_alliances(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    """The published tau-b of the United States with Britain, the Netherlands and France."""
    members = read_shared_rows("ref/cow_states.csv")
    system = [
        f"cow:{int(float(r['ccode']))}"
        for r in members
        if float(r["styear"]) <= 1816 <= float(r["endyear"])
    ]
    name = "alliances/cow_alliance_v4_1_dyad_year.csv.gz"
    load_some_rows(database, tmp_path, name, year="1816.0|1817.0")
    found = get_similarity(
        api, actors="USA,GBR,NLD,FRA", since="1816", until="1816", measure="tau_b",
        dataset="cow-alliances", system=",".join(system),
    )  # fmt: skip
    for other, value in (("GBR", -0.124), ("NLD", -0.0658), ("FRA", -0.0455)):
        assert found[1816, "USA", other]["value"] == pytest.approx(value, abs=5e-4)


def load_ideal_points(database: Database, folder: Path, *lines: str) -> None:
    load_file(
        database,
        write_file(folder / "unga.csv", UNGA + make_years(*lines)),
        format="unga-ideal-points",
    )


def test_ideal_points_show_which_of_two_states_moved(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    load_ideal_points(
        database, tmp_path,
        "371,73,0.5,0.4,0.6,ARM,Armenia", "371,74,0.6,0.5,0.7,ARM,Armenia",
        "371,75,0.4,0.3,0.5,ARM,Armenia",
        "365,73,0.3,0.2,0.4,RUS,Russia", "365,75,-0.9,-1.0,-0.8,RUS,Russia",
        "365,76,-1.5,-1.6,-1.4,RUS,Russia",
    )  # fmt: skip
    found = get_answer(api, "/v1/ideal-points", actors="ARM,RUS")
    assert [(p["actor"], p["session"]) for p in found["data"]] == [
        ("ARM", 73), ("ARM", 74), ("ARM", 75), ("RUS", 73), ("RUS", 75), ("RUS", 76),
    ]  # fmt: skip
    assert found["data"][0] == {
        "dataset": "unga-ideal-points", "actor": "ARM", "session": 73, "year": 2018,
        "value": 0.5, "low": 0.4, "high": 0.6,
    }  # fmt: skip
    (moved,) = found["moved"]
    assert (moved["first"], moved["last"]) == (2018, 2020)
    assert (moved["before"], moved["after"], moved["change"]) == (0.2, 1.3, 1.1)
    shares = {m["actor"]: m["share"] for m in moved["moved"]}
    assert shares == {"ARM": -0.1, "RUS": 1.2}
    later = get_answer(api, "/v1/ideal-points", actors="ARM,RUS", since="2019")
    assert len(later["data"]) == 4
    assert later["moved"] == []


def test_without_a_series_there_are_no_points_and_why(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    before = get_answer(api, "/v1/ideal-points", actors="ARM")["meta"]
    assert before["reason"] == "outside_coverage"
    load_ideal_points(database, tmp_path, "371,73,0.5,0.4,0.6,ARM,Armenia")
    assert get_answer(api, "/v1/ideal-points", actors="ARM")["meta"]["reason"] is None
    assert get_answer(api, "/v1/ideal-points", actors="RUS")["meta"]["reason"] == "no_match"
    late = get_answer(api, "/v1/ideal-points", actors="ARM", since="2050")
    assert late["meta"]["reason"] == "not_yet_covered"
    for version, count in ((before["version"], 0), (late["meta"]["version"], 1)):
        then = get_answer(api, "/v1/ideal-points", actors="ARM", as_of=str(version))
        assert len(then["data"]) == count


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"actors": "Armenai"}, "actors"),
        ({"actors": "ARM,,RUS"}, "actors"),
        ({"actors": "ARM", "since": "2020", "until": "2019"}, "since"),
        ({"actors": "ARM", "dataset": "ungaa"}, "dataset"),
    ],
)
def test_what_cannot_be_asked_of_points_is_refused_by_name(
    api: TestClient, asked: dict[str, str], field: str
) -> None:
    answer = api.get("/v1/ideal-points", params=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", field]


def test_russia_moved_away_from_armenia_in_the_votes(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    name = "unga/IdealpointestimatesAll_Jun2024.csv.gz"
    load_some_rows(database, tmp_path, name, iso3c="ARM|RUS")
    (moved,) = get_answer(api, "/v1/ideal-points", actors="ARM,RUS", since="2019", until="2023")[
        "moved"
    ]
    shares = {m["actor"]: m["share"] for m in moved["moved"]}
    assert shares["RUS"] > 0.9 * moved["change"] > 0.5 > shares["ARM"]
