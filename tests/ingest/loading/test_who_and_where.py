"""Who and where, as files of the field write them: forces of states, and countries of places."""

from pathlib import Path

import pytest

from app.db.engine import Database
from ingest.loading import load_file, read_document, write_file
from ingest.rows import make_table

GB, US, RU = (
    f"Government of {state}" for state in ("United Kingdom", "United States of America", "Russia")
)
SIDES = [
    # names, numbers, expected actors
    (f"{GB}, {US}", "200, 2", ["GBR", "USA"]),
    (f"{GB}, {US}", "2, 200", ["GBR", "USA"]),  # numbers in order, names by alphabet
    (f"{GB}, {US}", "200", ["GBR", None]),
    (f"{GB}, {US}", "2, 200, 365", ["GBR", "USA"]),
    (GB, "2", [None]),
    (GB, "2, 200", ["GBR"]),
    (f"{GB}, {RU} (Soviet Union)", "200, 365", ["GBR", "RUS"]),
    (f"{GB}, Government of Nowhereland", "200, 2", ["GBR", None]),
    ("Government of Nowhereland", "200", ["GBR"]),
    (GB, "9999", ["GBR"]),
    ("Government of Serbia (Yugoslavia)", "345", ["SRB"]),
    ("A coalition", "2, 200", ["USA", "GBR"]),
]


def test_ucdp_names_and_numbers_of_a_coalition_are_never_mixed_up(
    database: Database, tmp_path: Path
) -> None:
    rows = [
        {"id": str(n), "side_a": names, "gwnoa": numbers}
        for n, (names, numbers, _) in enumerate(SIDES)
    ]
    loader, _ = load_file(database, write_file(tmp_path / "u.csv", make_table("ucdp-ged", rows)))
    for n, (names, numbers, actors) in enumerate(SIDES):
        parties = read_document(database, f"ucdp-ged:{n}")["participants"]
        found = [p["actor"] for p in parties if p["role"] == "initiator"]
        assert found == actors, (names, numbers)
        if len(actors) > 1 and numbers != "2, 200" and names != "A coalition":
            assert [p["native"] for p in parties][: len(actors)] == names.split(", ")
    warned = f"participants: {f'{GB} (gw:2)'!r} has a number of another actor"
    assert loader.stats.warnings[warned] == 1
    assert f"{GB} (gw:2)" in {name for _, name in loader.stats.names.totals}


FORCES = {
    "Military Forces of the United States (2025-)": "USA",
    "Military Forces of the United Kingdom (2024-)": "GBR",
    "Military Forces of the United Arab Emirates (2022-)": "ARE",
    "Military Forces of the Central African Republic (2016-)": "CAF",
    "Police Forces of the Dominican Republic (2020-)": "DOM",
    "Military Forces of the Philippines (2022-)": "PHL",
    "Military Forces of DR Congo (2019-)": "COD",
    "Police Forces of the Democratic Republic of Congo (2019-) Prison Guards": "COD",
    "Military Forces of Republic of Congo (1997-)": "COG",
    "Military Forces of Guinea-Bissau (2020-)": "GNB",
    "Police Forces of Papua New Guinea (2019-)": "PNG",
    "State Forces of Trinidad and Tobago (2015-)": "TTO",
    "Government of the Bahamas (2021-)": "BHS",
    "Police Forces of Turkey (2016-) Gendarmerie": "TUR",
    "Military Forces of Ivory Coast (2011-)": "CIV",
    "Military Forces of Congo (2019-)": None,
    "Police Forces of Puntland (1998-)": None,
    "Military Forces of Yemen (2016-) Supreme Political Council": None,
}


def test_acled_forces_count_for_their_state_with_and_without_article(
    database: Database, tmp_path: Path
) -> None:
    rows = [
        {"event_id_cnty": f"A{n}", "actor1": name, "inter1": "State forces", "actor2": ""}
        for n, name in enumerate(FORCES)
    ]
    load_file(database, write_file(tmp_path / "a.csv", make_table("acled", rows)))
    found = {
        name: read_document(database, f"acled:A{n}")["participants"][0]
        for n, name in enumerate(FORCES)
    }
    assert {name: party["actor"] for name, party in found.items()} == FORCES
    assert all(party["native"] == name for name, party in found.items())


COUNTRIES = [
    ("acled", {"iso": "", "country": "Zambia"}, "ZMB"),
    ("acled", {"iso": "0", "country": "Kosovo"}, "XKX"),
    ("acled", {"iso": "894.0", "country": "Zambia"}, "ZMB"),
    ("acled", {"iso": "999", "country": "the Gambia"}, "GMB"),
    ("acled", {"iso": "", "country": "Democratic Republic of Congo"}, "COD"),
    ("acled", {"iso": "316", "country": "Guam"}, "GUM"),
    ("acled", {"iso": "", "country": "Guam"}, "GUM"),
    ("icews", {"country": "Congo"}, "COG"),
    ("icews", {"country": "the former Yugoslav Republic of Macedonia"}, "MKD"),
    ("icews", {"country": "Moldova, Republic of"}, "MDA"),
    ("polecat", {"country": "Côte d’Ivoire"}, "CIV"),
    ("polecat", {"country": "COD"}, "COD"),
    ("ucdp-ged", {"country_id": "", "country": "DR Congo (Zaire)"}, "COD"),
    ("ucdp-ged", {"country_id": "", "country": "Congo"}, "COG"),
    ("ucdp-ged", {"country_id": "365", "country": "Russia (Soviet Union)"}, "RUS"),
    ("gdelt-v2", {"actiongeo_countrycode": "GZ"}, "PSE"),
]
UNKNOWN_COUNTRIES = [
    ("acled", {"iso": "2", "country": "Akrotiri and Dhekelia"}, "Akrotiri and Dhekelia"),
    ("acled", {"iso": "0", "country": ""}, None),
    ("acled", {"iso": "", "country": "Congo"}, "Congo"),
    ("gdelt-v2", {"actiongeo_countrycode": "OS"}, None),
]
KEYS = {
    "acled": "UKR1", "icews": "123-2018-06-01", "polecat": "P1", "ucdp-ged": "77",
    "gdelt-v2": "900000001",
}  # fmt: skip


@pytest.mark.by_turns
@pytest.mark.parametrize(("form", "cells", "country"), COUNTRIES)
def test_country_of_a_place_is_a_code_by_number_code_or_name(
    database: Database, tmp_path: Path, form: str, cells: dict[str, str], country: str
) -> None:
    loader, _ = load_file(database, write_file(tmp_path / "a", make_table(form, [cells])))
    dataset = form.removesuffix("-v2")
    assert read_document(database, f"{dataset}:{KEYS[form]}")["location"]["country"] == country
    assert not [text for text in loader.stats.warnings if text.startswith("location")]


@pytest.mark.by_turns
@pytest.mark.parametrize(("form", "cells", "country"), UNKNOWN_COUNTRIES)
def test_unknown_country_is_its_name_or_nothing_with_a_warning(
    database: Database, tmp_path: Path, form: str, cells: dict[str, str], country: str | None
) -> None:
    loader, _ = load_file(database, write_file(tmp_path / "a", make_table(form, [cells])))
    dataset = form.removesuffix("-v2")
    assert read_document(database, f"{dataset}:{KEYS[form]}")["location"]["country"] == country
    [warning] = [text for text in loader.stats.warnings if text.startswith("location.country")]
    assert (country or cells.get("actiongeo_countrycode") or "isonum:000") in warning


def test_ucdp_government_without_a_number_is_its_state(database: Database, tmp_path: Path) -> None:
    row = {"gwnoa": "", "side_a": "Government of Yemen (North Yemen)", "side_b": "IS"}
    load_file(database, write_file(tmp_path / "a", make_table("ucdp-ged", [row])))
    parties = read_document(database, "ucdp-ged:77")["participants"]
    assert [party["actor"] for party in parties] == ["YEM", None]
