"""An index of all actors in memory; names are resolved by the rules of `app.actors.name_index`."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from app.actors.name_index import COUNTRY_KINDS, ActorLife, NameKey, gather_name
from app.actors.name_table import NamePeriod
from app.db.tables import actor_names, actors
from app.db.types import NO_END_DAY
from app.events.changes import load_render_context
from app.events.render import RenderContext

MAX_CACHED_NAMES = 50_000
AMBIGUOUS = ""
"""The result for a name that matches several actors."""


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
    lives: dict[str, ActorLife]
    merged: dict[str, str]
    """The survivors of merged actors, by the code of the merged one."""
    names: dict[NameKey, list[NamePeriod]]
    cache: dict[str, CodesByDay] = field(default_factory=dict)
    country_cache: dict[str, CodesByDay] = field(default_factory=dict)

    @property
    def codes(self) -> Collection[str]:
        """The codes of all actors."""
        return self.lives.keys()

    def find_code(self, asked: str, on: str) -> str | None:
        """Find the code of the actor that a name means on a day; None if it is not exactly one."""
        cached = self.cache.get(asked)
        if cached is not None and len(cached.codes) == 1:  # true of nearly all names
            return cached.codes[0] or None
        return self._look_up_code(asked, on) or None

    def find_country(self, asked: str, on: str) -> str | None:
        """Find the code of the state or territory that a name means on a day, as `find_code`."""
        cached = self.country_cache.get(asked)
        if cached is not None and len(cached.codes) == 1:
            return cached.codes[0] or None
        return self._look_up_code(asked, on, countries=True) or None

    def list_codes(self, asked: str, *, countries: bool = False) -> set[str]:
        """List the codes of the actors, or of the countries, that a name means on any day."""
        self._look_up_code(asked, "", countries=countries)
        cached = (self.country_cache if countries else self.cache)[asked]
        return {code for code in cached.codes if code}

    def find_scheme_code(self, asked: str, year: int) -> str | None:
        """Find the code of the actor that had a code of a scheme in a year.

        In the middle of the year, or else in any part of it if it was one actor only.
        """
        scheme, _, value = asked.partition(":")
        names = self.names.get((scheme, value), ())
        middle, first, last = (f"{year:04}-{day}" for day in ("07-01", "01-01", "12-31"))
        for n in names:
            if n.since <= middle < n.until:
                return n.actor
        # A state that joined in autumn is in the lists of alliances of that year.
        within = {n.actor for n in names if n.since <= last and first < n.until}
        return within.pop() if len(within) == 1 else None

    def is_ambiguous(self, asked: str, on: str) -> bool:
        """Return whether a name matches several actors on a day."""
        return self._look_up_code(asked, on) == AMBIGUOUS

    def find_names(self, keys: Sequence[NameKey]) -> list[NamePeriod]:
        """Find the names and codes that are stored under some keys."""
        return [name for key in keys for name in self.names.get(key, ())]

    def find_lives(self, codes: Collection[str]) -> dict[str, ActorLife]:
        """Find those of some actors that exist, merged ones included."""
        return {code: self.lives[code] for code in codes if code in self.lives}

    def add_actor(self, code: str, name: str, kind: str, names: Iterable[tuple[str, str]]) -> None:
        """Add an actor that was just created."""
        self.known.names[code] = name  # type: ignore[index]
        self.known.kinds[code] = kind  # type: ignore[index]
        self.lives[code] = ActorLife(kind, "", NO_END_DAY)
        for scheme, value in names:
            made = NamePeriod(scheme, value, code, "", NO_END_DAY)
            self.names.setdefault((scheme, value), []).append(made)
        self.cache.clear()
        self.country_cache.clear()

    def _look_up_code(self, asked: str, on: str, *, countries: bool = False) -> str | None:
        cache = self.country_cache if countries else self.cache
        cached = cache.get(asked)
        if cached is None:
            if len(cache) >= MAX_CACHED_NAMES:
                cache.clear()
            cached = cache[asked] = self._compute_codes(asked, COUNTRY_KINDS if countries else None)
        if len(cached.codes) == 1:
            return cached.codes[0]
        return cached.codes[bisect_right(cached.days, on)]

    def _compute_codes(self, asked: str, kinds: Collection[str] | None) -> CodesByDay:
        life = self.lives.get(asked)
        if life is not None and (kinds is None or life.kind in kinds):
            return CodesByDay([], [self._find_survivor(asked)])
        gathered = gather_name(asked, self, kinds)
        days = gathered.days
        codes = [self._choose_one(gathered.choose_codes(day)) for day in ("", *days)]
        return CodesByDay(days, codes) if len(set(codes)) > 1 else CodesByDay([], codes[:1])

    def _choose_one(self, codes: set[str]) -> str | None:
        if len(codes) > 1:
            return AMBIGUOUS
        return next(map(self._find_survivor, codes), None)

    def _find_survivor(self, code: str) -> str:
        while code in self.merged:
            code = self.merged[code]
        return code


def load_actor_index(db: Connection) -> ActorIndex:
    """Read all actors and their names."""
    names: dict[NameKey, list[NamePeriod]] = defaultdict(list)
    n, a = actor_names.c, actors.c
    for row in db.execute(
        select(n.scheme, n.value, n.actor, n.since, n.until).order_by(n.actor, n.since)
    ):
        names[row[0], row[1]].append(NamePeriod(*row))
    rows = db.execute(select(a.code, a.kind, a.since, a.until, a.merged_into)).all()
    lives = {r.code: ActorLife(r.kind, r.since or "", r.until or NO_END_DAY) for r in rows}
    merged = {r.code: r.merged_into for r in rows if r.merged_into is not None}
    return ActorIndex(load_render_context(db), lives, merged, dict(names))
