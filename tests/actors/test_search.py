"""Search of actors and alliances: names in any language, begun words, codes, order, pages."""

import pytest
from fastapi.testclient import TestClient

from app.actors.search import search_actors
from app.db.engine import Database


def search(api: TestClient, path: str = "/v1/actors", **params: str | int) -> list[str]:
    return [row["code"] for row in api.get(path, params=params).json()["data"]]


@pytest.mark.on_both  # each database ranks with an index of its own
@pytest.mark.parametrize(
    ("asked", "first"),
    [("Armenia", ["ARM"]), ("ARM", ["ARM"]), ("united st", ["USA", "VIR", "UMI"]),
     ("guinea", ["GIN", "GNB", "PNG", "GNQ"]), ("cow:371", ["ARM"]), ("371", ["ARM"]),
     ("Армения", ["ARM"]), ("Հայ", ["ARM"]), ("korea", ["KOR", "PRK", "KOE"]),
     ("rep. of korea", ["KOR"]), ("Пашинян", ["nikol-pashinyan"]), ("Germany", ["DEU", "GMY"]),
     ("Saint L", ["LCA"])],
)  # fmt: skip
def test_best_match_is_first(bundled_database: Database, asked: str, first: list[str]) -> None:
    with bundled_database.connect() as db:
        found = [match.code for match in search_actors(db, asked, ())]
    assert found[: len(first)] == first


@pytest.mark.parametrize(
    ("asked", "first"),
    [("Zelensky", "volodymyr-zelensky"), ("Зеленский", "volodymyr-zelensky"),
     ("Xi Jinping", "xi-jinping"), ("习近平", "xi-jinping"),
     ("Biden", "joe-biden"), ("Assad", "bashar-al-assad"), ("Starmer", "keir-starmer"),
     ("Liz Truss", "liz-truss"), ("Lapid", "yair-lapid"),
     ("Bongbong Marcos", "ferdinand-marcos-jr"),
     ("문재인", "moon-jae-in"), ("Jokowi", "joko-widodo"), ("AMLO", "andres-manuel-lopez-obrador"),
     ("Grossi", "rafael-grossi"), ("Ban Ki-moon", "ban-ki-moon"),
     ("Hamas", "hamas"), ("Hizballah", "hezbollah"), ("Houthis", "houthis"),
     ("Ansar Allah", "houthis"), ("Taliban", "taliban"), ("Pakistani Taliban", "ttp"),
     ("ISIS", "islamic-state"), ("cameo:HEZ", "hezbollah"), ("Wagner", "wagner-group")],
)  # fmt: skip
def test_leaders_and_armed_groups_are_found(api: TestClient, asked: str, first: str) -> None:
    assert search(api, q=asked)[0] == first
    assert api.get("/v1/events", params={"actor": asked}).status_code == 200


def test_a_name_of_two_leaders_is_asked_about(api: TestClient) -> None:
    assert search(api, q="Khamenei") == ["ali-khamenei", "mojtaba-khamenei"]
    assert api.get("/v1/events", params={"actor": "Khamenei"}).status_code == 422


@pytest.mark.parametrize("asked", ["Armenai", "100%", "_", "' OR 1=1", "  ", "armenia zzz"])
def test_what_no_name_has_is_no_match(api: TestClient, asked: str) -> None:
    found = api.get("/v1/actors", params={"q": asked}).json()
    assert (found["data"], found["meta"]["reason"]) == ([], "no_match")


def test_pages_of_a_search_join_to_the_whole(api: TestClient) -> None:
    whole = search(api, q="republic", limit=1000)
    assert len(whole) > 100
    joined, page = list[str](), api.get("/v1/actors", params={"q": "republic", "limit": 60}).json()
    while True:
        joined += [row["code"] for row in page["data"]]
        if page["links"]["next"] is None:
            break
        page = api.get(page["links"]["next"]).json()
    assert joined == whole


def test_search_narrows_by_kind_and_counts_events(api: TestClient) -> None:
    assert search(api, q="arm", kind="person") == ["armen-grigoryan"]
    [row] = api.get("/v1/actors", params={"q": "cow:371"}).json()["data"]
    assert row["events"] > 200
    assert search(api, q="cow:371", as_of=0) == []


def test_cursor_of_another_search_is_422(api: TestClient) -> None:
    page = api.get("/v1/actors", params={"q": "republic", "limit": 1}).json()
    other = page["links"]["next"].replace("q=republic", "q=kingdom")
    assert api.get(other).status_code == 422


def test_alliances_are_found_by_name(api: TestClient) -> None:
    assert search(api, "/v1/alliances", q="collective sec") == ["CSTO"]
    assert search(api, "/v1/alliances", q="ОДКБ") == ["CSTO"]
    assert search(api, "/v1/alliances", q="Armenia")[0].startswith("ARM-")
    assert search(api, "/v1/alliances", q="zzz") == []
    assert search(api, "/v1/alliances", q="ARM") != search(api, "/v1/alliances")
