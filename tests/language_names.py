"""Write `app/bundled/names_in_languages.csv`: what CLDR calls states in many languages.

    python -m tests.language_names          needs Babel, which the project does without otherwise

A name that means another actor in English or in another language is left out, and so is one of
three Latin letters or fewer, which may be a code.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

from babel import Locale

from app.actors.name_forms import fold_name

BUNDLED = Path(__file__).resolve().parents[1] / "app" / "bundled"
LANGUAGES = """
    af am ar az be bg bn bs ca cs da de el es et eu fa fi fil fr ga gl gu ha he hi hr hu hy id is
    it ja ka kk km kn ko ky lo lt lv mk ml mn mr ms my nb ne nl pa pl ps pt ro ru rw sd si sk sl
    so sq sr sr_Latn sv sw ta te tg th ti tk tr uk ur uz vi yo zh zh_Hant zu
"""
SHORTEST_LATIN_NAME = 4


def read_rows(name: str) -> list[dict[str, str]]:
    with (BUNDLED / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_known_names() -> dict[str, set[str]]:
    """Read the folded names of the other tables, and the actors that have them."""
    known = defaultdict(set)
    for name in ("states.csv", "territories.csv", "organizations.csv", "persons_and_bodies.csv"):
        for row in read_rows(name):
            for alias in (row["name"], *filter(None, row["aliases"].split("|"))):
                known[fold_name(alias)].add(row["code"])
    for row in read_rows("names.csv"):
        known[fold_name(row["name"])].add(row["actor"])
    return known


def write_language_names() -> int:
    """Write the table; returns the number of names."""
    known = read_known_names()
    codes = {
        row["value"]: row["actor"]
        for name in ("state_codes.csv", "territory_codes.csv")
        for row in read_rows(name)
        if row["scheme"] == "iso2" and not row["until"]
    }
    names: dict[str, dict[str, tuple[str, list[str]]]] = defaultdict(dict)
    for language in LANGUAGES.split():
        for territory, name in Locale.parse(language).territories.items():
            if (actor := codes.get(territory)) is not None and name != territory:
                names[fold_name(name)].setdefault(actor, (name, []))[1].append(language)
    rows = [
        (actor, name, " ".join(languages))
        for folded, owners in names.items()
        if len(owners) == 1 and folded not in known
        and not (folded.isascii() and len(folded) < SHORTEST_LATIN_NAME)
        for actor, (name, languages) in owners.items()
    ]  # fmt: skip
    with (BUNDLED / "names_in_languages.csv").open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(("actor", "name", "languages"))
        table.writerows(sorted(rows))
    return len(rows)


if __name__ == "__main__":
    sys.stdout.write(f"{write_language_names()} names\n")
