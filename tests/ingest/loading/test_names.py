"""Names in files: spellings, ambiguous names, and names of no known actor."""

from pathlib import Path

from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import actors
from ingest.loading import find_faults, list_counts, load_file, read_document, write_file
from ingest.rows import join_events, make_event, make_table


def make_named_event(key: str, *names: str, country: str | None = None) -> dict[str, object]:
    who = [{"actor": name, "role": "participant"} for name in names]
    place = {} if country is None else {"location": {"country": country}}
    return make_event(key, participants=who, **place)


def list_codes(database: Database, key: str) -> list[str | None]:
    return [p["actor"] for p in read_document(database, key)["participants"]]


def number_of_actors(database: Database) -> int:
    with database.connect() as db:
        return int(db.scalar(select(func.count()).select_from(actors)) or 0)


def test_a_name_is_found_with_its_hyphens_and_accents(database: Database, tmp_path: Path) -> None:
    names = ("name:Guinea-Bissau", "name:Côte d'Ivoire", "name: TIMOR-LESTE ", "Guinea-Bissau")
    loader, _ = load_file(
        database, write_file(tmp_path / "a", join_events(make_named_event("a", *names)))
    )
    assert list_codes(database, "local:a") == ["GNB", "CIV", "TLS", "GNB"]
    assert not loader.stats.names.totals
    assert find_faults(database) == []


def test_a_country_by_name_is_its_code_or_just_the_name(database: Database, tmp_path: Path) -> None:
    rows = [{"country": "Guinea-Bissau"}, {"event_id": "9", "country": "Nowhere-Land"}]
    load_file(database, write_file(tmp_path / "a", make_table("icews", rows)))
    keys = ("123-2018-06-01", "9-2018-06-01")
    countries = [read_document(database, f"icews:{k}")["location"]["country"] for k in keys]
    assert countries == ["GNB", "Nowhere-Land"]
    load_file(
        database, write_file(tmp_path / "b", join_events(make_named_event("c", country="name:")))
    )
    assert read_document(database, "local:c")["location"]["country"] is None


def test_unknown_actor_is_created_once(database: Database, tmp_path: Path) -> None:
    before = number_of_actors(database)
    names = ("name:Front-Line d'Été", "Front Line d'Ete", "name:front-line d’été")
    path = write_file(
        tmp_path / "a",
        join_events(*(make_named_event(f"k{n}", name) for n, name in enumerate(names))),
    )
    load_file(database, path, create_actors=True)
    again = write_file(tmp_path / "b", join_events(make_named_event("late", names[0])))
    load_file(database, again, create_actors=True)
    assert number_of_actors(database) == before + 1
    found = {
        code for key in ("k0", "k1", "k2", "late") for code in list_codes(database, f"local:{key}")
    }
    assert len(found) == 1
    assert None not in found
    assert find_faults(database) == []


def test_ambiguous_name_is_warned_about_in_every_load(database: Database, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a", join_events(make_named_event("a", "guam")))
    before = number_of_actors(database)
    loader, _ = load_file(database, path, create_actors=True)
    assert loader.stats.warnings == {"participants: 'guam' matches several actors": 1}
    assert list_codes(database, "local:a") == [None]
    assert number_of_actors(database) == before
    again, _ = load_file(database, path)
    assert list_counts(again) == {"rows": 1, "unchanged": 1}
    assert again.stats.warnings == loader.stats.warnings
