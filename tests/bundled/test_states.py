"""The bundled states and their codes: consistent, and complete by the published lists."""

import csv
import re
import unicodedata
from collections import defaultdict
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

BUNDLED = Path(__file__).resolve().parents[2] / "app" / "bundled"
REF = Path(__file__).resolve().parents[3] / "shared" / "data" / "ref"

SCHEMES = {
    "iso2": r"[A-Z]{2}",
    "iso3": r"[A-Z]{3}",
    "isonum": r"[0-9]{3}",
    "cow": r"[1-9][0-9]{0,2}",
    "gw": r"[1-9][0-9]{0,2}",
    "cameo": r"[A-Z]{3}",
    "fips": r"[A-Z]{2}",
    "wikidata": r"Q[1-9][0-9]*",
}


def rows(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


STATES = {row["code"]: row for row in rows(BUNDLED / "states.csv")}
CODES = rows(BUNDLED / "state_codes.csv")


def names(state):
    return [state["name"], *filter(None, state["aliases"].split("|"))]


def fold(text):
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))
    )


def period(row, within=None):
    """[since, until) as dates; an empty bound is that of the actor, or open."""
    since = row["since"] or (within["since"] if within else "")
    until = row["until"] or (within["until"] if within else "")
    return date.fromisoformat(since), date.fromisoformat(until) if until else date.max


def holders(scheme, value, day):
    found = []
    for row in CODES:
        if (row["scheme"], row["value"]) == (scheme, value):
            since, until = period(row, within=STATES[row["actor"]])
            if since <= day < until:
                found.append(row["actor"])
    return found


def spells(scheme):
    """(code, name, first day, last day) of every listed state."""
    if scheme == "cow":
        for row in rows(REF / "cow_states.csv"):
            first, last = (date(*(int(float(row[end + unit])) for unit in ("year", "month", "day")))
                           for end in ("st", "end"))  # fmt: skip
            yield row["ccode"].removesuffix(".0"), row["statenme"], first, last
    else:
        for row in rows(REF / "gw_states.csv"):
            first, last = date.fromisoformat(row["startdate"]), date.fromisoformat(row["enddate"])
            yield row["gwcode"].removesuffix(".0"), row["statename"], first, last


def test_codes_are_unique():
    assert len(STATES) == len(rows(BUNDLED / "states.csv"))
    assert all(re.fullmatch("[A-Z]{3}", code) for code in STATES)


def test_no_name_means_two_actors():
    owners = defaultdict(list)
    for code, state in STATES.items():
        for name in {name.casefold() for name in names(state)} | {
            fold(name) for name in names(state)
        }:
            owners[name].append(code)
    assert {name: codes for name, codes in owners.items() if len(codes) > 1} == {}
    assert not {"congo", "korea"} & owners.keys()


def test_no_name_is_anothers_code():
    clashes = [(code, name) for code, state in STATES.items() for name in names(state)
               if name.upper() in STATES and name.upper() != code]  # fmt: skip
    assert clashes == []


def test_successors_exist_and_follow():
    passed = [(row, after) for row in STATES.values() for after in row["successors"].split("|")]
    passed = [(row["until"], STATES[after]["since"]) for row, after in passed if after]
    assert len(passed) > 5
    assert all(until and until <= since[:4] + "-12-31" for until, since in passed)


def test_names_are_listed_once_and_trimmed():
    for state in STATES.values():
        listed = names(state)
        assert len({name.casefold() for name in listed}) == len(listed), state
        assert all(name == name.strip() for name in listed), state


def test_periods_are_well_ordered():
    for state in STATES.values():
        since, until = period(state)
        assert since < until, state
    for row in CODES:
        since, until = period(row, within=STATES[row["actor"]])
        assert since < until, row


def test_values_have_the_form_of_their_scheme():
    assert [row for row in CODES if not re.fullmatch(SCHEMES[row["scheme"]], row["value"])] == []


def test_a_value_means_one_actor_on_any_day():
    by_value = defaultdict(list)
    for row in CODES:
        since, until = period(row, within=STATES[row["actor"]])
        by_value[row["scheme"], row["value"]].append((since, until, row["actor"]))
    for key, periods in by_value.items():
        for (since, until, _), (since2, until2, _) in combinations(periods, 2):
            assert until <= since2 or until2 <= since, (key, periods)


def test_no_item_of_wikidata_is_of_two_actors():
    actors = [
        actor
        for name in ("states", "territories", "organizations", "persons_and_bodies")
        for actor in {row["code"] for row in rows(BUNDLED / f"{name}.csv")}
    ]
    assert len(set(actors)) == len(actors)
    codes = [
        row
        for name in ("state", "territory", "organization", "person")
        for row in rows(BUNDLED / f"{name}_codes.csv")
    ]
    assert [row for row in codes if row["actor"] not in actors] == []
    assert [row for row in codes if not re.fullmatch(SCHEMES[row["scheme"]], row["value"])] == []
    items = [row for row in codes if row["scheme"] == "wikidata"]
    assert len({row["value"] for row in items}) == len(items) > 270
    assert len({row["actor"] for row in items}) == len(items)


def test_iso_codes_are_those_of_today():
    countries = pytest.importorskip("pycountry").countries
    fields = {"iso2": "alpha_2", "iso3": "alpha_3", "isonum": "numeric"}
    for code, state in STATES.items():
        country = countries.get(alpha_3=code)
        if country is None or state["until"]:
            continue
        for scheme, field in fields.items():
            entry = (code, scheme, "")
            current = [
                row["value"]
                for row in CODES
                if (row["actor"], row["scheme"], row["until"]) == entry
            ]
            assert current == [getattr(country, field)], (code, scheme)


@pytest.mark.skipif(not REF.exists(), reason="needs the reference lists")
def test_every_sovereign_of_iso_is_there():
    countries = pytest.importorskip("pycountry").countries
    known = set()
    for _, name, _, last in spells("gw"):
        try:
            if last.year == 2017:
                known.add(countries.lookup(name).alpha_3)
        except LookupError:
            pass  # named differently by the two lists
    assert len(known) > 140
    assert known - STATES.keys() == set()


@pytest.mark.skipif(not REF.exists(), reason="needs the reference lists")
@pytest.mark.parametrize("scheme", ["cow", "gw"])
def test_every_state_of_the_published_lists_is_one_actor(scheme):
    missed = {
        (value, first)
        for value, _, first, last in spells(scheme)
        if len(holders(scheme, value, first + (last - first) / 2)) != 1
    }
    assert missed == set()


@pytest.mark.skipif(not REF.exists(), reason="needs the reference lists")
@pytest.mark.parametrize("scheme", ["cow", "gw"])
def test_a_spell_that_runs_to_the_present_ends_in_one_actor(scheme):
    for value, name, _, last in spells(scheme):
        if last.year in (2016, 2017):
            assert len(holders(scheme, value, last)) == 1, (value, name)


@pytest.mark.parametrize(
    ("scheme", "value", "day", "actor"),
    [
        ("cow", "255", date(1871, 1, 17), "PRU"),
        ("cow", "255", date(1900, 1, 1), "GMY"),
        ("cow", "345", date(1900, 1, 1), "SRB"),
        ("gw", "325", date(1861, 3, 16), "SRD"),
        ("cow", "640", date(1900, 1, 1), "OTT"),
        ("cow", "365", date(1900, 1, 1), "RSE"),
        ("cow", "365", date(1985, 1, 1), "SUN"),
        ("cow", "365", date(1991, 12, 26), "RUS"),
        ("cow", "260", date(1990, 10, 2), "DEU"),
        ("cow", "255", date(1990, 10, 3), "DEU"),
        ("gw", "345", date(2006, 6, 4), "SCG"),
        ("cow", "345", date(2006, 6, 5), "SRB"),
        ("gw", "340", date(2006, 6, 5), "SRB"),
        ("gw", "678", date(1990, 5, 21), "YAR"),
        ("cow", "679", date(1990, 5, 22), "YEM"),
        ("iso2", "CS", date(1980, 1, 1), "CSK"),
        ("iso2", "CS", date(2004, 1, 1), "SCG"),
        ("iso3", "ZAR", date(1990, 1, 1), "COD"),
    ],
)
def test_a_code_that_passed_on_follows_the_day(scheme, value, day, actor):
    assert holders(scheme, value, day) == [actor]
