"""The table of names that comes with the program: what sources call states and other actors.

It is read from `app/bundled/`: the names and aliases of the actors, `names.csv` with what further
lists call them, and `names_in_languages.csv`. The names of actors in the database come on top.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from app.actors.name_forms import fold_name, fold_names
from app.text import fold_text

FIRST_DAY, LAST_DAY = "", "9999-12-31"
NAME_SCHEME = "name"
_FOLDER = files("app") / "bundled"
_ACTOR_FILES = ("states.csv", "territories.csv", "organizations.csv", "persons_and_bodies.csv")


class NamePeriod(NamedTuple):
    """An actor that has a name from `since` to before `until`.

    `is_shared`: the name alone does not say which of several actors is meant. `is_documented`: the
    document of the actor has the name too, and without it the name is not the actor's.
    """

    scheme: str
    value: str
    actor: str
    since: str
    until: str
    is_shared: bool = False
    is_documented: bool = False


NameRows = Mapping[tuple[str, str], list[NamePeriod]]


def find_table_names(scheme: str, value: str) -> list[NamePeriod]:
    """Find the actors that the table has for a folded name or a code, in a list of names."""
    found = _load_names().get((scheme, value), [])
    # No translation has a digit, but forces of states have, as files name them: (2017-2021).
    if (
        not found
        and scheme == NAME_SCHEME
        and value not in _load_documented()
        and not any(map(str.isdigit, value))
    ):
        periods = _load_translated_periods()
        found = [
            period._replace(value=value)
            for actor in _load_translations().get(value, ())
            for period in periods[actor]
        ]
    return found


def find_documented_names(value: str) -> Iterable[str]:
    """Find the names in bundled documents that are folded to a value, as they are stored."""
    return _load_documented().get(value, ())


def iterate_table_names() -> Iterator[NamePeriod]:
    """Yield the names of the table that are written as lists in English write them."""
    for rows in _load_names().values():
        yield from rows


def iterate_translated_names() -> Iterator[tuple[str, str]]:
    """Yield the names of the table in other languages, folded, and whom they mean today."""
    for value, codes in _load_translations().items():
        for code in codes:
            yield value, code


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
def _load_documented() -> Mapping[str, dict[str, set[str]]]:
    """Load the names in bundled documents: by folded name, as stored, with the actors."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in _ACTOR_FILES:
        for row in _read_table(name):
            for alias in (row["name"], *filter(None, row["aliases"].split("|"))):
                found[fold_name(alias)][fold_text(alias)].add(row["code"])
    return dict(found)


@cache
def _load_names() -> NameRows:
    found: dict[tuple[str, str], list[NamePeriod]] = defaultdict(list)
    lives = _load_lives()
    for row in _read_table("names.csv"):
        scheme, value = row["list"] or NAME_SCHEME, fold_name(row["name"])
        life = lives.get(row["actor"], (FIRST_DAY, LAST_DAY))
        documented = _load_documented().get(value, {}).values()
        made = NamePeriod(
            scheme, value, row["actor"], row["since"] or life[0], row["until"] or life[1],
            bool(row["shared"]),
            scheme == NAME_SCHEME and any(row["actor"] in actors for actors in documented),
        )  # fmt: skip
        found[scheme, value].append(made)
    return dict(found)


def _list_name_periods(actor: str, name: str) -> list[NamePeriod]:
    """List the periods in which an actor and others had its name, else those of its life."""
    life = _load_lives().get(actor, (FIRST_DAY, LAST_DAY))
    of_table = _load_names().get((NAME_SCHEME, fold_name(name)), [])
    if any(row.actor == actor for row in of_table):
        return [row._replace(is_documented=False) for row in of_table]
    return [NamePeriod(NAME_SCHEME, name, actor, *life)]


@cache
def _load_lists() -> frozenset[str]:
    return frozenset(scheme for scheme, _ in _load_names()) - {NAME_SCHEME}


@cache
def _load_translations() -> Mapping[str, list[str]]:
    """Load the actors of the names in other languages, by folded name."""
    lines = (_FOLDER / "names_in_languages.csv").read_text("utf-8").splitlines()
    codes, names, _ = zip(*csv.reader(lines[1:]), strict=True)
    found: dict[str, list[str]] = {}
    for code, value in zip(codes, fold_names(names), strict=True):
        found.setdefault(value, []).append(code)
    return found


@cache
def _load_translated_periods() -> Mapping[str, list[NamePeriod]]:
    """Load by actor the periods in which a translation of its name means it, or means others.

    It means whom the name in English means: Россия of 1985 is the Soviet Union.
    """
    return {
        row["code"]: _list_name_periods(row["code"], row["name"])
        for name in _ACTOR_FILES
        for row in _read_table(name)
    }
