"""An index of all actors in memory, which resolves names as `app.actors.queries` does."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.actors.queries import ORDER, tries
from app.db.tables import actor_names
from app.db.types import NEVER
from app.events.changes import what_is_known
from app.events.render import Known

MOST_CACHED = 50_000
SEVERAL = ""
"""The result for a name that matches several actors."""


class Name(NamedTuple):
    """A period in which an actor has a name; `until` is excluded."""

    actor: str
    since: str
    until: str


@dataclass(slots=True)
class Answers:
    """What a name means over time: `codes[n]` applies from `days[n - 1]` on.

    A code is None where the name matches no actor, and `AMBIGUOUS` where it matches several.
    """

    days: list[str]
    codes: list[str | None]


@dataclass(slots=True)
class World:
    """All actors at one version of the database."""

    known: Known
    codes: set[str]
    names: dict[tuple[str, str], list[Name]]
    cache: dict[str, Answers] = field(default_factory=dict)

    def find(self, asked: str, on: str) -> str | None:
        """Find the code of the actor that a name means on a day; None if it is not exactly one."""
        held = self.cache.get(asked)
        if held is not None and len(held.codes) == 1:  # true of nearly all names
            return held.codes[0] or None
        return self._meaning(asked, on) or None

    def held_by(self, asked: str, on: str) -> str | None:
        """Find the code of the actor that had a code of a scheme on exactly that day."""
        scheme, _, value = asked.partition(":")
        names = self.names.get((scheme, value), ())
        return next((n.actor for n in names if n.since <= on < n.until), None)

    def is_ambiguous(self, asked: str, on: str) -> bool:
        """Return whether a name matches several actors on a day."""
        return self._meaning(asked, on) == SEVERAL

    def add(self, code: str, name: str, kind: str, names: Iterable[tuple[str, str]]) -> None:
        """Add an actor that was just created."""
        self.known.names[code] = name  # type: ignore[index]
        self.known.kinds[code] = kind  # type: ignore[index]
        self.codes.add(code)
        for scheme, value in names:
            self.names.setdefault((scheme, value), []).append(Name(code, "", NEVER))
        self.cache.clear()

    def _meaning(self, asked: str, on: str) -> str | None:
        held = self.cache.get(asked)
        if held is None:
            if len(self.cache) >= MOST_CACHED:
                self.cache.clear()
            held = self.cache[asked] = self._answers(asked)
        if len(held.codes) == 1:
            return held.codes[0]
        return held.codes[bisect_right(held.days, on)]

    def _answers(self, asked: str) -> Answers:
        if asked in self.codes:
            return Answers([], [asked])
        own = asked.partition(":")[0].strip().lower()
        rows: dict[str, list[Name]] = defaultdict(list)
        for key in tries(asked):
            rows[key[0]] += self.names.get(key, ())
        order = [s for s in dict.fromkeys((*ORDER, own)) if rows[s]]
        days = sorted({day for s in order for n in rows[s] for day in (n.since, n.until)})
        codes = [_meant([(s, rows[s]) for s in order], day) for day in ("", *days)]
        return Answers(days, codes) if len(set(codes)) > 1 else Answers([], codes[:1])


def _meant(rows: Sequence[tuple[str, Sequence[Name]]], day: str) -> str | None:
    found: set[str] = set()
    for scheme, names in rows:
        held = [n for n in names if n.since <= day < n.until]
        if not held:
            latest = max(n.until for n in names)
            held = [n for n in names if n.until == latest]
        found |= {n.actor for n in held}
        if scheme == "iso2":
            break
    if len(found) > 1:
        return SEVERAL
    return next(iter(found), None)


def world(db: Connection) -> World:
    """Read all actors and their names."""
    names: dict[tuple[str, str], list[Name]] = defaultdict(list)
    n = actor_names.c
    for scheme, value, *rest in db.execute(
        select(n.scheme, n.value, n.actor, n.since, n.until).order_by(n.actor, n.since)
    ):
        names[scheme, value].append(Name(*rest))
    known = what_is_known(db, [])
    return World(known, set(known.names), dict(names))
