"""All economies and aggregates of the World Bank, and what tables and web pages do to names."""

import csv
import html
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from actors.test_reconcile import reconcile
from fastapi.testclient import TestClient

from app.actors.name_forms import strip_list_marks
from app.db.engine import Database
from app.events.actor_index import load_actor_index

DAY = "2024-06-01"
AMBIGUOUS = {"Guam"}
"""Economies whose name is the code of another actor: the organization GUAM."""
DAMAGES: dict[str, Callable[[str], str]] = {
    "as it is": lambda name: name,
    "upper case": str.upper,
    "lower case": str.lower,
    "title case": str.title,
    "no-break spaces": lambda name: name.replace(" ", "\u00a0"),
    "double spaces": lambda name: f"  {name.replace(' ', '   ')} ",
    "zero-width spaces": lambda name: name.replace(" ", "\u200b "),
    "soft hyphen": lambda name: f"{name[:3]}\u00ad{name[3:]}",
    "underscores": lambda name: name.replace(" ", "_"),
    "en dash": lambda name: name.replace("-", "–"),
    "em dash": lambda name: name.replace("-", " — "),
    "no-break hyphen": lambda name: name.replace("-", "\u2011"),
    "minus sign": lambda name: name.replace("-", "\u2212"),
    "no hyphen": lambda name: name.replace("-", " "),
    "no accents": lambda name: "".join(
        c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c)
    ),
    "accents apart": lambda name: unicodedata.normalize("NFD", name),
    "other order": lambda name: " ".join(reversed(name.split(", ", 1))),
    "no comma": lambda name: name.replace(",", ""),
    "no dots": lambda name: name.replace(".", ""),
    "ampersand": lambda name: name.replace(" and ", " & "),
    "entities": lambda name: html.escape(name.replace(" and ", " & ")),
    "entities of blanks": lambda name: name.replace(" ", "&nbsp;").replace("ü", "&uuml;"),
    "curly apostrophe": lambda name: name.replace("'", "’"),
    "in quotes": lambda name: f'"{name}"',
    **{
        f"footnote {mark}": lambda name, mark=mark: f"{name}{mark}"  # type: ignore[misc]
        for mark in ("[1]", " [12]", "[a]", "*", " **", "†", "¹", " (2)", " 1/", " a/", " ...", ".")
    },
}


def read_world_bank_names() -> dict[str, str | None]:
    path = Path(__file__).with_name("world_bank.csv")
    with path.open(encoding="utf-8") as lines:
        return {row["name"]: row["actor"] or None for row in csv.DictReader(lines)}


@pytest.mark.slow
@pytest.mark.by_turns
@pytest.mark.parametrize("damage", DAMAGES)
def test_economies_are_found_and_aggregates_are_no_country(
    bundled_database: Database, damage: str
) -> None:
    with bundled_database.connect() as db:
        index = load_actor_index(db)
    names = read_world_bank_names()
    assert len(names) > 260
    for name, actor in names.items():
        text = DAMAGES[damage](name)
        assert index.find_country(text, DAY) == actor, text
        expected = {actor, None, "GUAM"} if name in AMBIGUOUS else {actor}
        assert index.find_code(text, DAY) in expected, text


def test_aggregates_match_nothing_when_reconciled(api: TestClient) -> None:
    asked = ("Arab World", "Euro area", "High income", "OECD members", "World", "IDA total")
    found = reconcile(api, **{f"q{n}": {"query": name} for n, name in enumerate(asked)})
    assert [row for rows in found.values() for row in rows if row["match"]] == []


@pytest.mark.parametrize("name", ["M23", "G20", "E3", "Alpha 66", "Serbia/", "and/or/", "P5+1"])
def test_digits_and_slashes_of_names_are_no_footnotes(name: str) -> None:
    assert strip_list_marks(name) == name
