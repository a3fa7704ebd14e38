"""The table of names that comes with the program: what sources call states and other actors.

It is read from `app/bundled/`: the names and aliases of the actors, `names.csv` with what further
lists call them, and `names_in_languages.csv`. The names of actors in the database come on top.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from app.actors.name_forms import fold_name

FIRST_DAY, LAST_DAY = "", "9999-12-31"
NAME_SCHEME = "name"
_FOLDER = files("app") / "bundled"
_ACTOR_FILES = ("states.csv", "territories.csv", "organizations.csv", "persons_and_bodies.csv")


class NamePeriod(NamedTuple):
    """An actor that has a name from `since` to before `until`.

    `is_shared`: the name alone does not say which of several actors is meant.
    """

    scheme: str
    value: str
    actor: str
    since: str
    until: str
    is_shared: bool = False


NameRows = Mapping[tuple[str, str], list[NamePeriod]]


def find_table_names(scheme: str, value: str) -> list[NamePeriod]:
    """Find the actors that the table has for a folded name or a code, in a list of names."""
    found = _load_names().get((scheme, value), [])
    if not found and scheme == NAME_SCHEME:
        found = _load_names_in_languages().get((scheme, value), [])
    return found


def iterate_table_names() -> Iterator[NamePeriod]:
    """Yield the names of the table that are written as lists in English write them."""
    for rows in _load_names().values():
        yield from rows


def is_name_list(scheme: str) -> bool:
    """Return whether the table has names of its own for a list, such as `fifa`."""
    return scheme in _load_lists()


def find_parent(territory: str) -> str | None:
    """Find the state that a bundled territory belongs to."""
    return _load_parents().get(territory)


@cache
def _load_parents() -> Mapping[str, str]:
    return {row["code"]: row["part_of"] for row in _read_table("territories.csv")}


def _read_table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((_FOLDER / name).read_text("utf-8").splitlines()))


@cache
def _load_lives() -> dict[str, tuple[str, str]]:
    lives = {}
    for name in _ACTOR_FILES[:3]:
        for row in _read_table(name):
            lives[row["code"]] = (row["since"] or FIRST_DAY, row["until"] or LAST_DAY)
    return lives


@cache
def _load_names() -> NameRows:
    found: dict[tuple[str, str], dict[NamePeriod, None]] = defaultdict(dict)
    lives = _load_lives()
    dated = set()
    for row in _read_table("names.csv"):
        scheme = row["list"] or NAME_SCHEME
        life = lives.get(row["actor"], (FIRST_DAY, LAST_DAY))
        value = fold_name(row["name"])
        made = NamePeriod(
            scheme, value, row["actor"], row["since"] or life[0], row["until"] or life[1],
            bool(row["shared"]),
        )  # fmt: skip
        found[scheme, value][made] = None
        if scheme == NAME_SCHEME and not made.is_shared and (row["since"] or row["until"]):
            dated.add((value, row["actor"]))
    for name in _ACTOR_FILES:
        for row in _read_table(name):
            life = lives.get(row["code"], (FIRST_DAY, LAST_DAY))
            for alias in (row["name"], *filter(None, row["aliases"].split("|"))):
                value = fold_name(alias)
                if (value, row["code"]) not in dated:
                    made = NamePeriod(NAME_SCHEME, value, row["code"], *life)
                    found[NAME_SCHEME, value][made] = None
    return {key: list(rows) for key, rows in found.items()}


@cache
def _load_lists() -> frozenset[str]:
    return frozenset(scheme for scheme, _ in _load_names()) - {NAME_SCHEME}


@cache
def _load_names_in_languages() -> NameRows:
    """Load the names in other languages, which take longer to fold than all others together."""
    lives = _load_lives()
    found: dict[tuple[str, str], list[NamePeriod]] = defaultdict(list)
    for row in _read_table("names_in_languages.csv"):
        life = lives.get(row["actor"], (FIRST_DAY, LAST_DAY))
        made = NamePeriod(NAME_SCHEME, fold_name(row["name"]), row["actor"], *life)
        found[NAME_SCHEME, made.value].append(made)
    return dict(found)
