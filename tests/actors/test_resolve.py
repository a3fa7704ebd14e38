"""Any name of an actor means that actor, on the day it had it."""

import pytest
from fastapi.testclient import TestClient

from app.actors.queries import AmbiguousActorError, UnknownActorError, resolve_actor_code
from app.db.engine import Database

NAMES = {
    "ARM": "ARM",
    "arm": "ARM",
    "Armenia": "ARM",
    "republic of armenia": "ARM",
    "AM": "ARM",
    "cow:371": "ARM",
    "fips:AM": "ARM",
    "wikidata:Q399": "ARM",
    "AU": "AUS",
    "fips:AU": "AUT",
    "GUAM": "GUAM",
    "Türkiye": "TUR",
    "turkiye": "TUR",
    "Artsakh": "ART",
    "Soviet Union": "SUN",
    "Kosovo": "XKX",
    "nikol-pashinyan": "nikol-pashinyan",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_an_actor(bundled_database: Database, name: str) -> None:
    with bundled_database.connect() as db:
        assert resolve_actor_code(db, name) == NAMES[name]


@pytest.mark.parametrize(("day", "actor"), [("1980-01-01", "SUN"), ("2000-01-01", "RUS")])
def test_code_resolves_to_its_actor_on_the_day(
    bundled_database: Database, day: str, actor: str
) -> None:
    with bundled_database.connect() as db:
        assert resolve_actor_code(db, "cow:365", day) == actor


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("typed", "unlike"),
    [("Khamenei", "ARM"), ("Washington", "nikol-pashinyan"), ("Ortega", "PRK"), ("Kim", "KHM")],
)
def test_a_name_is_like_one_of_which_many_letters_differ(
    api: TestClient, typed: str, unlike: str
) -> None:
    found = api.get("/v1/actors/resolve", params={"q": typed, "limit": 10}).json()["data"]
    assert unlike not in {one["code"] for one in found}


def test_ambiguous_name_is_refused_with_candidates(bundled_database: Database) -> None:
    with bundled_database.connect() as db, pytest.raises(AmbiguousActorError) as raised:
        resolve_actor_code(db, "Guam")
    assert {c.code for c in raised.value.near} == {"GUAM", "GUM"}


@pytest.mark.parametrize("name", ["Atlantis-on-Sea", "cow:99999", "zz:1", ":", "  "])
def test_unknown_name_raises_unknown_actor_error(bundled_database: Database, name: str) -> None:
    with bundled_database.connect() as db, pytest.raises(UnknownActorError):
        resolve_actor_code(db, name)


def test_resolving_over_http_scores_and_says_why(api: TestClient) -> None:
    best = api.get("/v1/actors/resolve", params={"q": "Armenai"}).json()["data"][0]
    assert (best["code"], best["match"]) == ("ARM", "name:armenia")
    old = api.get("/v1/actors/resolve", params={"q": "cow:365", "on": "1980-01-01"}).json()
    assert old["data"][0]["code"] == "SUN"


def test_unknown_actor_in_path_is_404(api: TestClient) -> None:
    answer = api.get("/v1/actors/Armenai")
    assert answer.status_code == 404
    assert "ARM" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("typed", "code"),
    [("arme", "ARM"), ("Armenia (ARM)", "ARM"), ("united st", "USA"), ("geor", "GEO"),
     ("azer", "AZE"), ("korea, r", "KOR"), ("nige", "NER"), ("Пашин", "nikol-pashinyan"),
     ("north atl", "NATO"), ("türk", "TUR")],
)  # fmt: skip
def test_first_letters_of_a_name_put_it_first(api: TestClient, typed: str, code: str) -> None:
    found = api.get("/v1/actors/resolve", params={"q": typed, "limit": 8}).json()["data"]
    assert found[0]["code"] == code


def test_explorer_suggestion_is_accepted_as_an_actor(api: TestClient) -> None:
    for path in ("/v1/actors/Armenia (ARM)", "/v1/actors/Guam (GUM)"):
        assert api.get(path).status_code == 200
    asked = {"actor": "Armenia (ARM)", "limit": 1}
    assert api.get("/v1/events", params=asked).json()["data"]
