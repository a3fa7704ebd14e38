"""What names mean: spellings, days, ambiguity, forces of states, and both engines that look up."""

import csv
from itertools import cycle
from pathlib import Path

import pytest
from conftest import KINDS
from soak import choose_size

from app.actors.name_forms import fold_name, read_state_organ
from app.actors.queries import AmbiguousActorError, UnknownActorError, resolve_actor_code
from app.db.engine import Database
from app.events.actor_index import load_actor_index
from app.events.resolve import DatabaseNames

BUNDLED = Path(__file__).resolve().parents[2] / "app" / "bundled"
DAYS = (
    "1860-06-01",
    "1905-06-01",
    "1930-06-01",
    "1965-06-01",
    "1980-06-01",
    "1995-06-01",
    "2004-06-01",
    "2024-06-01",
)

SPELLINGS = {
    "KOR": "Korea, Rep.|Republic of Korea|the Republic of Korea|Korea, South|Korea (Republic of)"
    "|S. Korea|Korea Republic|KOREA, REPUBLIC OF|korea rep",
    "PRK": "Korea, Dem. People's Rep.|Democratic People’s Republic of Korea|Korea, North|DPR Korea"
    "|Korea (Democratic People's Republic of)|D.P.R.K.|N. Korea",
    "COG": "Republic of Congo|Congo, Rep.|Congo-Brazzaville|Congo (Brazzaville)|the Republic of the"
    " Congo|Congo, Republic of the",
    "COD": "Democratic Republic of Congo|Congo, Dem. Rep.|DR Congo (Zaire)|Congo - Kinshasa|D.R."
    " Congo|the Democratic Republic of the Congo|Congo DR|Zaire",
    "USA": "the United States|The United States of America|U.S.|U.S.A.|united states",
    "BHS": "the Bahamas|Bahamas, The|Bahamas (the)|The Bahamas",
    "MKD": "Macedonia (FYROM)|Macedonia, FYR|the former Yugoslav Republic of Macedonia"
    "|North Macedonia|Macedonia (Former Yugoslav Republic of)",
    "TUR": "Türkiye|Turkiye|TÜRKİYE|Turkey (Türkiye)|Republic of Türkiye",
    "CIV": "Côte d'Ivoire|Côte d’Ivoire|Cote d'Ivoire|Cote dIvoire|Ivory Coast",
    "VCT": "St. Vincent & the Grenadines|Saint Vincent and the Grenadines|St Vincent",
    "MHL": "Marshall Is.|Marshall Islands|the Marshall Islands|Rep. of the Marshall Islands",
    "CHN": "P.R. China|China, P.R.|People's Republic of China|China, People’s Republic of",
    "BIH": "Bosnia-Herzegovina|Bosnia and Herzegovina|Bosnia & Herzegovina|Bosnia–Herzegovina",
    "VEN": "Venezuela, RB|Venezuela (Bolivarian Republic of)|Bolivarian Republic of Venezuela",
    "TZA": "United Republic of Tanzania|Tanzania, United Rep.|Tanzania/Tanganyika",
    "FLK": "Falkland Islands (the) [Malvinas]|Falkland Is.|Falkland Islands (Islas Malvinas)",
    "GRL": "Greenland (Denmark)|Greenland",
    "PSE": "West Bank and Gaza|oPt|Occupied Palestinian Territory|Palestine, State of",
    "ARM": "Armenia (ARM)|Armenia [ARM]|Armenia (AM)|ARM|Republic of Armenia|Հայաստան|Армения",
    "GEO": "Georgia|Georgia (country)|Republic of Georgia",
    "GIN": "Guinea|Republic of Guinea|Guinea-Conakry",
    "SUN": "Soviet Union (former)|USSR|U.S.S.R.|the Soviet Union",
    "nikol-pashinyan": "Pashinyan|Пашинян|Nikol Pashinyan (nikol-pashinyan)",
}


@pytest.mark.slow
@pytest.mark.parametrize("code", SPELLINGS)
def test_usual_spellings_of_a_name_mean_the_same_actor(
    bundled_database: Database, code: str
) -> None:
    with bundled_database.connect() as db:
        found = {name: resolve_actor_code(db, name) for name in SPELLINGS[code].split("|")}
    assert found == dict.fromkeys(found, code)


@pytest.mark.parametrize(
    ("name", "day", "code"),
    [
        ("Germany", "1850-01-01", "PRU"),
        ("Germany", "1900-01-01", "GMY"),
        ("Germany", "1945-05-08", "GMY"),
        ("Germany", "1948-06-24", "DEU"),
        ("Germany (Prussia)", "1900-01-01", "GMY"),
        ("Prussia", "1866-06-01", "PRU"),
        ("Italy/Sardinia", "1859-01-01", "SRD"),
        ("Italy/Sardinia", "1870-01-01", "ITA"),
        ("Austria", "1900-01-01", "AUH"),
        ("Austria", "1930-01-01", "AUT"),
        ("Korea", "1905-01-01", "KOE"),
        ("Serbia/Yugoslavia", "1914-07-28", "SRB"),
        ("Serbia/Yugoslavia", "1930-01-01", "YUG"),
        ("Russia", "1904-02-08", "RSE"),
        ("Россия", "1985-01-01", "SUN"),
        ("Россия", "2024-01-01", "RUS"),
        ("Deutschland", "1910-01-01", "GMY"),
        ("Turkey", "1914-11-01", "OTT"),
        ("Turkey (Ottoman Empire)", "2015-01-01", "TUR"),
        ("Government of Bavaria", "1860-01-01", "BAV"),
        ("Soviet Union", "1995-01-01", "SUN"),
        ("cow:255", "1960-01-01", "DEU"),
        ("Russia (Soviet Union)", "1985-01-01", "SUN"),
        ("Russia (Soviet Union)", "1995-01-01", "RUS"),
        ("Russia", "1985-01-01", "SUN"),
        ("Yemen (North Yemen)", "1980-01-01", "YAR"),
        ("Yemen (North Yemen)", "2000-01-01", "YEM"),
        ("Yemen", "1965-01-01", "YAR"),
        ("Yemen", "1991-01-01", "YEM"),
        ("Serbia (Yugoslavia)", "1999-04-01", "YUG"),
        ("Serbia (Yugoslavia)", "2004-04-01", "SCG"),
        ("Serbia (Yugoslavia)", "2010-04-01", "SRB"),
        ("Yugoslavia", "1980-01-01", "YUG"),
        ("Zaire", "1980-01-01", "COD"),
        ("Germany", "1970-01-01", "DEU"),
        ("East Germany", "1970-01-01", "DDR"),
        ("Republic of China", "1930-01-01", "CHN"),
        ("Republic of China", "1960-01-01", "TWN"),
        ("Vietnam (North Vietnam)", "1965-01-01", "VNM"),
        ("Viet Nam", "1990-01-01", "VNM"),
        ("Government of Russia (Soviet Union)", "1985-01-01", "SUN"),
    ],
)
def test_name_means_the_actor_that_had_it_on_the_day(
    bundled_database: Database, name: str, day: str, code: str
) -> None:
    with bundled_database.connect() as db:
        assert resolve_actor_code(db, name, day) == code


@pytest.mark.parametrize(
    ("name", "day", "codes"),
    [
        ("Congo", None, {"COD", "COG"}),
        ("the Congo", "1980-01-01", {"COD", "COG"}),
        ("Government of Congo", None, {"COD", "COG"}),
        ("Korea", None, {"KOR", "PRK"}),
        ("Korea", "1930-01-01", {"KOE", "KOR", "PRK"}),
        ("Virgin Islands", None, {"VGB", "VIR"}),
        ("Yemen", "1980-01-01", {"YAR", "YMD"}),
        ("Vietnam", "1968-01-01", {"VNM", "VNS"}),
        ("Israel/Palestine", None, {"ISR", "PSE"}),
        ("Georgia (United States)", None, {"GEO", "USA"}),
    ],
)
def test_ambiguous_name_gives_candidates_and_no_guess(
    bundled_database: Database, name: str, day: str | None, codes: set[str]
) -> None:
    with bundled_database.connect() as db, pytest.raises(AmbiguousActorError) as raised:
        resolve_actor_code(db, name, day)
    assert {c.code for c in raised.value.near} == codes


@pytest.mark.parametrize(
    ("name", "code"),
    [("fifa:GER", "DEU"), ("fifa:SUI", "CHE"), ("fifa:Congo", "COG"), ("fifa:Congo DR", "COD"),
     ("icews:Congo", "COG"), ("cia:Virgin Islands", "VIR"), ("name:Mali", "MLI")],
)  # fmt: skip
def test_list_in_front_of_a_name_says_who_is_meant(
    bundled_database: Database, name: str, code: str
) -> None:
    with bundled_database.connect() as db:
        assert resolve_actor_code(db, name) == code


@pytest.mark.parametrize(
    "name",
    ["Georgian Bay", "State of Georgia", "SUI", "Guinea Pig", "Government of Punjab", "Niger Delta",
     "Mutiny of Military Forces of Mali (2012-2012)", "Korea Strait", "Civilians (Mali)",
     "Military Forces of Yemen (2016-) Supreme Political Council", "Republic", "The", "of the",
     "Police Forces of Puntland (1998-)", "Protesters (Zambia)", "Unidentified Military Forces",
     "North Zealand", "West Georgia", "South Guinea", "N. Georgia", "Free Army of Syria",
     "New England", "Islamic State of Iraq"],
)  # fmt: skip
def test_what_only_resembles_a_name_means_nobody(bundled_database: Database, name: str) -> None:
    with bundled_database.connect() as db, pytest.raises(UnknownActorError):
        resolve_actor_code(db, name)


@pytest.mark.parametrize(
    "name",
    ["Hanover", "Parma", "Bavaria (Germany)", "Government of Bavaria", "Sardinia", "Sikkim",
     "Police Forces of Saxony", "Transvaal"],
)  # fmt: skip
def test_state_that_ended_long_ago_is_not_meant_by_the_name_of_a_place(
    bundled_database: Database, name: str
) -> None:
    with bundled_database.connect() as db, pytest.raises(UnknownActorError):
        resolve_actor_code(db, name, "2018-06-01")


def test_state_that_ended_long_ago_is_meant_by_its_name_without_a_day(
    bundled_database: Database,
) -> None:
    with bundled_database.connect() as db:
        names = ("Hanover", "Prussia", "Tibet", "Ottoman Empire", "Netherlands Antilles")
        found = [resolve_actor_code(db, name) for name in names]
    assert found == ["HAN", "PRU", "TBT", "OTT", "ANT"]


FORCES = (
    "Military Forces of {} (2017-2021)", "Military Forces of the {} (2021-)",
    "Police Forces of {} (2019-) Prison Guards", "Government of {} (2011-)", "Government of {}",
    "State Forces of {} - Presidential Guard", "Government ({})", "Military ({})",
    "Armed Forces of {}", "Ministry of Defence of {}", "Foreign Affairs ({})",
)  # fmt: skip


def test_forces_and_organs_of_every_state_are_the_state(bundled_database: Database) -> None:
    with bundled_database.connect() as db:
        index = load_actor_index(db)
    with (BUNDLED / "states.csv").open(encoding="utf-8") as lines:
        states = [row for row in csv.DictReader(lines) if not row["until"]]
    assert len(states) > 190
    wrong = {
        text: code
        for state in states
        for form in FORCES
        if (code := index.find_code(text := form.format(state["name"]), "2024-06-01"))
        != state["code"]
    }
    assert wrong == {}


def test_rivals_and_mutineers_are_not_the_state() -> None:
    assert read_state_organ("Military Forces of Mali (2012-2012) Mutineers") is None
    assert read_state_organ("Mutiny of Military Forces of Mali (2012-2012)") is None
    assert read_state_organ("Private Security Forces of Kenya") is None


def test_folded_names_do_not_depend_on_form() -> None:
    assert fold_name("Korea, Dem. People’s Rep.") == fold_name(
        "DEMOCRATIC PEOPLE'S REPUBLIC OF KOREA"
    )
    assert fold_name("St. Lucia") == fold_name("Saint  Lucia")
    assert fold_name("IS") == "is"


def read_all_names() -> list[str]:
    names = ["Guam", "guam", "ARM", "arm", "AM", "cow:365", "cow:255", "fips:AU", "isonum:000", ":",
             "gw:345", "fifa:GER", "fifa:XXX", "Guam (GUM)", "", "iso3:FRA"]  # fmt: skip
    for name in ("names.csv", "states.csv", "territories.csv", "organizations.csv"):
        with (BUNDLED / name).open(encoding="utf-8") as lines:
            for n, row in enumerate(csv.DictReader(lines)):
                names.append(f"{row['list']}:{row['name']}" if row.get("list") else row["name"])
                names += row.get("aliases", "").split("|") if n % 4 == 0 else []
                if n % 7 == 0:
                    names += [f"Government of {row['name']}", f"name:{row['name']}"]
    return names


@pytest.mark.slow
@pytest.mark.soak
def test_both_engines_find_the_same(bundled_database: Database, kind: str) -> None:
    """Every name, an eighth of them on each database; all on both in the soak."""
    every = list(zip(read_all_names(), cycle(DAYS), strict=False))
    assert len(every) > 1500
    step = choose_size(8, 1)
    names = every[KINDS.index(kind) % step :: step]
    with bundled_database.connect() as db:
        stored, index = DatabaseNames(db), load_actor_index(db)
        differing = []
        for name, day in names:
            found = (index.find_code(name, day), index.is_ambiguous(name, day))
            country = index.find_country(name, day)
            if found != (stored.find_code(name, day), stored.is_ambiguous(name, day)):
                differing.append((name, day, found))
            if country != stored.find_country(name, day):
                differing.append((name, day, country))
    assert differing == []
