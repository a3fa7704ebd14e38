"""Every filter narrows; on both databases, alone and combined."""

from collections.abc import Iterator
from dataclasses import fields
from itertools import combinations

import make
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from app.db.engine import Database
from app.db.lineage_table import read_version
from app.events.conditions import CLAUSE_BUILDERS
from app.events.filter import EventFilter, EventQuery
from app.events.queries import resolve_filter
from app.events.read import read_event_page
from app.events.resolved_filter import ResolvedFilter

ONE_OF_EACH = {
    "actor": "ARM",
    "between": "ARM,RUS",
    "initiator": "ARM",
    "target": "RUS",
    "role": "absent",
    "via": "false",
    "member_of": "NATO",
    "since": "2023-09",
    "until": "2023-09",
    "match": "certain",
    "type": "CONSULT",
    "mode": "visit",
    "cameo": "05",
    "quad": "4",
    "native": "no such label",
    "min_intensity": "5",
    "max_intensity": "-5",
    "effect": "apart",
    "country": "ARM",
    "bbox": "43,38,47,42",
    "near": "40.18,44.51,50",
    "tag": "founding-case",
    "dataset": "curated",
    "source": "news-2023-10-13-putin-loses-another-ally",
    "publisher": "ed. PRC",
    "status": "disputed",
    "min_reliability": "A",
    "min_credibility": "1",
    "min_independent_sources": "2",
    "q": "rome statute",
    "known_by": "2022-12-31",
    "as_of": "1",
}
NEEDS = {
    "via": {"actor": "ARM"},
    "effect": {"between": "ARM,RUS"},
    "match": {"since": "2023-09-12", "until": "2023-09-20"},
}


def list_ids(api: TestClient, **asked: str) -> list[str]:
    answer = api.get("/v1/events", params={"limit": "1000", "fields": "id", **asked})
    found: list[str] = []
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [event["id"] for event in page["data"]]
        if page["links"]["next"] is None:
            return found
        answer = api.get(page["links"]["next"])


def test_every_filter_has_a_branch_and_a_row() -> None:
    # A lineage says what a version means, and is resolved with it.
    narrowing = [name for name in EventFilter.model_fields if name != "lineage"]
    assert CLAUSE_BUILDERS.keys() == set(narrowing)
    assert [f.name for f in fields(ResolvedFilter)] == narrowing
    assert ONE_OF_EACH.keys() == set(narrowing)


OF_MADE_EVENTS = {"dataset", "native", "as_of"}
"""The bundled events are of one dataset, of one version and have no labels of their own: tests
with made ones."""


@pytest.mark.on_both  # each filter is a condition of its own in SQL
@pytest.mark.parametrize("name", sorted(ONE_OF_EACH.keys() - OF_MADE_EVENTS))
def test_a_filter_narrows(api: TestClient, name: str) -> None:
    wide = list_ids(api, **NEEDS.get(name, {}))
    narrow = list_ids(api, **NEEDS.get(name, {}), **{name: ONE_OF_EACH[name]})
    assert set(narrow) <= set(wide)
    assert 0 < len(narrow) < len(wide)


@pytest.mark.parametrize(
    "pair", list(combinations(["actor", "since", "until", "type", "q", "tag"], 2))
)
def test_two_filters_are_both_met(api: TestClient, pair: tuple[str, str]) -> None:
    one, other = ({name: ONE_OF_EACH[name]} for name in pair)
    assert set(list_ids(api, **one, **other)) == set(list_ids(api, **one)) & set(
        list_ids(api, **other)
    )


def find_keys(db: Connection, **asked: object) -> list[str]:
    query = EventQuery.model_validate({"dataset": ["made"], "fields": ["id"], **asked})
    documents, _ = read_event_page(
        db, query, resolve_filter(db, query, None), b"key", read_version(db)
    )
    return [document.split('"')[3].removeprefix("made:") for document in documents]


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    with database.write() as writing:
        make.dataset(writing)
        yield writing


@pytest.mark.bundled
def test_a_dataset_leaves_out_the_others(db: Connection) -> None:
    make.event(db, "USA", key="of-ours")
    assert find_keys(db, dataset=["made"]) == ["of-ours"]
    assert "of-ours" not in find_keys(db, dataset=["curated"], limit=1000)
    both = find_keys(db, dataset=["made", "curated"], limit=1000)
    assert "of-ours" in both
    assert len(both) > 1


@pytest.mark.on_both
def test_a_circle_around_the_earth_has_every_place(db: Connection) -> None:
    places = {"pole": (90, 0), "Yerevan": (40.18, 44.51), "beside": (89.9, 60), "other": (-90, 0)}
    for name, (lat, lon) in places.items():
        make.event(db, "USA", key=name, location={"name": name, "lat": lat, "lon": lon})
    for near in ("-90,0,20038", "-90,0,20015.2", "90,0,20038", "0,0,20038"):
        assert set(find_keys(db, near=near)) == set(places), near
    assert set(find_keys(db, near="-90,0,20000")) == {"Yerevan", "other"}


def test_a_label_of_the_source_is_matched_whole(db: Connection) -> None:
    make.event(db, "USA", key="labelled", native="Air/drone strike")
    make.event(db, "USA", native="Air")
    assert find_keys(db, native=["Air/drone strike"]) == ["labelled"]


def test_native_label_matches_by_its_first_part(db: Connection) -> None:
    make.event(db, "USA", key="clash", native="Battles: Armed clash")
    make.event(db, "USA", key="plain", native="Battles")
    make.event(db, "USA", native="Battleship: sunk")
    make.event(db, "USA", native="Battles; others")
    assert sorted(find_keys(db, native=["Battles"])) == ["clash", "plain"]
    assert find_keys(db, native=["Battles: Armed clash"]) == ["clash"]
    assert find_keys(db, native=["Battles: Armed"]) == []


@pytest.mark.parametrize(
    ("field", "name", "near"),
    [
        ("dataset", "curatd", "curated"),
        ("source", "news-2023-10-13-putin-loses-another-aly", "news-2023-10-13"),
        ("member_of", "SCG", "SCO"),
    ],
)
def test_unknown_filter_value_is_refused(api: TestClient, field: str, name: str, near: str) -> None:
    answer = api.get("/v1/events", params={field: name})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["loc"] == ["query", field]
    assert near in fault["hint"]


def test_between_means_all_of_them(db: Connection) -> None:
    make.event(db, "USA", "RUS", "CHN", key="pact")
    make.event(db, "USA", "RUS")
    assert find_keys(db, between=["USA,CHN"]) == ["pact"]


def test_role_binds_to_the_actor_asked_for(db: Connection) -> None:
    make.event(db, "USA", "RUS", key="stayed-away", roles={"USA": "absent"})
    make.event(db, "USA", "RUS", roles={"RUS": "absent"})
    assert find_keys(db, actor=["USA"], role=["absent"]) == ["stayed-away"]


def test_what_began_before_and_still_runs_is_on_in_the_window(db: Connection) -> None:
    make.event(db, "USA", key="running", date="2019-01/..")
    make.event(db, "USA", key="ended", date="2019-01/2019-12-31")
    make.event(db, "USA", key="into", date="2019-01/2020-01-05")
    make.event(db, "USA", key="in", date="2020-01-03")
    window = {"since": "2020-01-02", "until": "2020-01-10"}
    for asked in ({}, {"actor": ["USA"]}):
        assert find_keys(db, **window, **asked) == ["in", "running", "into"]
        assert find_keys(db, **window, **asked, match="certain") == ["in"]


def test_an_uncertain_date_matches_where_it_may_lie(db: Connection) -> None:
    make.event(db, "USA", key="some-day", date="2020-03")
    assert find_keys(db, since="2020-03-15", until="2020-03-20") == ["some-day"]
    assert find_keys(db, since="2020-03-15", until="2020-03-20", match="certain") == []
    assert find_keys(db, since="2020-03", until="2020-03", match="certain") == ["some-day"]


def test_member_of_honours_the_day(db: Connection) -> None:
    make.event(db, "UZB", key="member", date="2010-01-01")
    make.event(db, "UZB", key="left", date="2020-01-01")
    assert find_keys(db, member_of=["CSTO"]) == ["member"]
    assert find_keys(db, member_of=["CSTO"], since="2009", until="2021") == ["member"]
    assert find_keys(db, member_of=["CSTO"], since="2009", until="2011") == ["member"]
    assert find_keys(db, member_of=["CSTO"], since="2015", until="2021") == []


def test_a_person_counts_for_the_state_unless_excluded(db: Connection) -> None:
    make.event(db, "nikol-pashinyan", key="as-prime-minister", date="2021-01-01")
    make.event(db, "nikol-pashinyan", key="before-it", date="2017-01-01")
    assert find_keys(db, actor=["ARM"]) == ["as-prime-minister"]
    assert find_keys(db, actor=["ARM"], via=False) == []


def test_an_actor_in_two_roles_is_one_row(db: Connection) -> None:
    parts = [{"actor": "USA", "role": role} for role in ("host", "initiator")]
    make.event(db, key="twice", participants=parts)
    assert find_keys(db, actor=["USA"]) == ["twice"]


def test_grade_f_and_6_never_pass(api: TestClient) -> None:
    graded = api.get("/v1/events", params={"min_reliability": "E", "limit": 1000}).json()["data"]
    assert all({r["reliability"] for r in e["reports"]} & set("ABCDE") for e in graded)
    assert api.get("/v1/events", params={"min_credibility": 6}).status_code == 422
    assert api.get("/v1/events", params={"min_reliability": "F"}).status_code == 422
