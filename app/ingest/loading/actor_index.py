"""An index of all actors in memory, which resolves names as `app.actors.queries` does."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.actors.queries import SCHEME_ORDER, lookup_keys
from app.db.tables import actor_names
from app.db.types import NO_END_DAY
from app.events.changes import load_render_context
from app.events.render import RenderContext

MAX_CACHED_NAMES = 50_000
AMBIGUOUS = ""
"""The result for a name that matches several actors."""


class ActorNamePeriod(NamedTuple):
    """A period in which an actor has a name; `until` is excluded."""

    actor: str
    since: str
    until: str


@dataclass(slots=True)
class CodesByDay:
    """What a name means over time: `codes[n]` applies from `days[n - 1]` on.

    A code is None where the name matches no actor, and `AMBIGUOUS` where it matches several.
    """

    days: list[str]
    codes: list[str | None]


@dataclass(slots=True)
class ActorIndex:
    """All actors at one version of the database."""

    known: RenderContext
    codes: set[str]
    names: dict[tuple[str, str], list[ActorNamePeriod]]
    cache: dict[str, CodesByDay] = field(default_factory=dict)

    def find_code(self, asked: str, on: str) -> str | None:
        """Find the code of the actor that a name means on a day; None if it is not exactly one."""
        cached = self.cache.get(asked)
        if cached is not None and len(cached.codes) == 1:  # true of nearly all names
            return cached.codes[0] or None
        return self._look_up_code(asked, on) or None

    def find_scheme_code(self, asked: str, on: str) -> str | None:
        """Find the code of the actor that had a code of a scheme on exactly that day."""
        scheme, _, value = asked.partition(":")
        names = self.names.get((scheme, value), ())
        return next((n.actor for n in names if n.since <= on < n.until), None)

    def is_ambiguous(self, asked: str, on: str) -> bool:
        """Return whether a name matches several actors on a day."""
        return self._look_up_code(asked, on) == AMBIGUOUS

    def add_actor(self, code: str, name: str, kind: str, names: Iterable[tuple[str, str]]) -> None:
        """Add an actor that was just created."""
        self.known.names[code] = name  # type: ignore[index]
        self.known.kinds[code] = kind  # type: ignore[index]
        self.codes.add(code)
        for scheme, value in names:
            self.names.setdefault((scheme, value), []).append(ActorNamePeriod(code, "", NO_END_DAY))
        self.cache.clear()

    def _look_up_code(self, asked: str, on: str) -> str | None:
        cached = self.cache.get(asked)
        if cached is None:
            if len(self.cache) >= MAX_CACHED_NAMES:
                self.cache.clear()
            cached = self.cache[asked] = self._compute_codes(asked)
        if len(cached.codes) == 1:
            return cached.codes[0]
        return cached.codes[bisect_right(cached.days, on)]

    def _compute_codes(self, asked: str) -> CodesByDay:
        if asked in self.codes:
            return CodesByDay([], [asked])
        own = asked.partition(":")[0].strip().lower()
        rows: dict[str, list[ActorNamePeriod]] = defaultdict(list)
        for key in lookup_keys(asked):
            rows[key[0]] += self.names.get(key, ())
        order = [s for s in dict.fromkeys((*SCHEME_ORDER, own)) if rows[s]]
        days = sorted({day for s in order for n in rows[s] for day in (n.since, n.until)})
        codes = [_choose_code([(s, rows[s]) for s in order], day) for day in ("", *days)]
        return CodesByDay(days, codes) if len(set(codes)) > 1 else CodesByDay([], codes[:1])


def _choose_code(rows: Sequence[tuple[str, Sequence[ActorNamePeriod]]], day: str) -> str | None:
    found: set[str] = set()
    for scheme, names in rows:
        valid = [n for n in names if n.since <= day < n.until]
        if not valid:
            latest = max(n.until for n in names)
            valid = [n for n in names if n.until == latest]
        found |= {n.actor for n in valid}
        if scheme == "iso2":
            break
    if len(found) > 1:
        return AMBIGUOUS
    return next(iter(found), None)


def load_actor_index(db: Connection) -> ActorIndex:
    """Read all actors and their names."""
    names: dict[tuple[str, str], list[ActorNamePeriod]] = defaultdict(list)
    n = actor_names.c
    for scheme, value, *rest in db.execute(
        select(n.scheme, n.value, n.actor, n.since, n.until).order_by(n.actor, n.since)
    ):
        names[scheme, value].append(ActorNamePeriod(*rest))
    known = load_render_context(db)
    return ActorIndex(known, set(known.names), dict(names))
