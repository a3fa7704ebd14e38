"""The table of names: each means its actor, and the published lists of states are in it."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from app.actors.name_forms import fold_name, fold_names
from app.actors.name_table import is_name_list
from app.db.engine import Database
from app.events.actor_index import ActorIndex, load_actor_index
from bench.names import read_listed_names

BUNDLED = Path(__file__).resolve().parents[2] / "app" / "bundled"
REF = Path(__file__).resolve().parents[3] / "shared" / "data" / "ref"
TODAY = "2026-06-01"


def read_rows(name: str) -> list[dict[str, str]]:
    with (BUNDLED / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_lives() -> dict[str, tuple[str, str]]:
    files = ("states.csv", "territories.csv", "organizations.csv")
    rows = [row for name in files for row in read_rows(name)]
    return {row["code"]: (row["since"], row["until"]) for row in rows}


@pytest.fixture
def index(database: Database) -> ActorIndex:
    with database.connect() as db:
        return load_actor_index(db)


def choose_day(since: str, until: str) -> str:
    """Choose a day on which a name was valid: the first one, or one of today's."""
    return since or (TODAY if not until else "1900-01-01")


def test_every_name_means_its_actor_on_a_day_of_its_own(index: ActorIndex) -> None:
    lives = read_lives()
    wrong = []
    for row in read_rows("names.csv"):
        if row["shared"]:
            continue
        life = lives.get(row["actor"], ("", ""))
        day = choose_day(row["since"] or life[0], row["until"] or life[1])
        name = f"{row['list']}:{row['name']}" if row["list"] else row["name"]
        if index.find_code(name, day) != row["actor"]:
            wrong.append((name, day, index.find_code(name, day)))
    assert wrong == []


def test_shared_names_are_ambiguous_while_all_their_actors_exist(index: ActorIndex) -> None:
    lives, days = read_lives(), defaultdict(list)
    for row in read_rows("names.csv"):
        if row["shared"]:
            days[row["name"]].append(row["since"] or lives[row["actor"]][0])
    assert len(days) > 15
    assert [name for name, since in days.items() if not index.is_ambiguous(name, max(since))] == []


@pytest.mark.slow
def test_every_name_in_a_language_means_its_actor(index: ActorIndex) -> None:
    rows = read_rows("names_in_languages.csv")
    assert len(rows) > 12_000
    wrong = [
        (row["name"], found)
        for row in rows
        if (found := index.find_country(row["name"], TODAY)) != row["actor"]
    ]
    assert wrong == []


def test_no_name_in_a_language_is_anothers_name_or_a_code() -> None:
    owners = defaultdict(set)
    for row in read_rows("names_in_languages.csv"):
        owners[fold_name(row["name"])].add(row["actor"])
    assert [name for name, actors in owners.items() if len(actors) > 1] == []
    assert [name for name in owners if name.isascii() and len(name) < 4] == []
    assert [name for name in owners if any(map(str.isdigit, name))] == []


def test_names_that_are_folded_together_are_as_each_alone() -> None:
    names = [row["name"] for row in read_rows("names_in_languages.csv")][::9]
    names += ["Korea, Dem. People’s Rep.", "U.S.A.", "Åland", "", "the", "St. Lucia", "a_b"]
    assert fold_names(names) == [fold_name(name) for name in names]


def iterate_iso_names() -> Iterator[tuple[str, str]]:
    for country in pytest.importorskip("pycountry").countries:
        for field in ("name", "official_name", "common_name"):
            if name := getattr(country, field, None):
                yield country.alpha_3, name


def test_every_name_of_iso_means_its_country(index: ActorIndex) -> None:
    names = list(iterate_iso_names())
    assert len(names) > 400
    find = partial(index.find_country, on=TODAY)
    wrong = [(code, name) for code, name in names if find(f"iso:{name}") != code]
    assert wrong == []
    # Without its list, `Congo` may be either one.
    assert [name for code, name in names if find(name) != code] == ["Congo"]


@pytest.mark.skipif(not REF.exists(), reason="needs the reference lists")
@pytest.mark.parametrize("scheme", ["cow", "gw", "cameo", "fips"])
def test_names_of_published_lists_mean_what_their_codes_mean(
    index: ActorIndex, scheme: str
) -> None:
    verdicts = defaultdict(list)
    for listed in read_listed_names(REF):
        for day in (listed.first, listed.day) if listed.scheme == scheme else ():
            expected = index.find_country(f"{scheme}:{listed.code}", day)
            if expected is None and scheme == "cameo":
                continue  # the code of a region
            name = f"{scheme}:{listed.name}" if is_name_list(scheme) else listed.name
            found = index.find_country(name, day)
            verdict = "right" if found == expected else "none" if found is None else "wrong"
            verdicts[verdict].append((listed.name, day, found))
    assert len(verdicts["right"]) > 150
    assert len(verdicts["right"]) >= 0.995 * sum(map(len, verdicts.values())), verdicts["none"]
    assert verdicts["wrong"] == []


@pytest.mark.skipif(not REF.exists(), reason="needs the reference lists")
def test_every_country_of_the_fips_list_has_an_actor(index: ActorIndex) -> None:
    countries = json.loads((REF / "fips_iso_countries.json").read_text("utf-8"))
    missing = {code for code in countries if index.find_country(f"fips:{code}", TODAY) is None}
    assert missing == set()


def test_every_withdrawn_code_of_iso_has_an_actor(index: ActorIndex) -> None:
    withdrawn = {c.alpha_3 for c in pytest.importorskip("pycountry").historic_countries}
    assert len(withdrawn) > 25
    missing = {code for code in withdrawn if index.find_country(f"iso3:{code}", TODAY) is None}
    assert missing == set()
