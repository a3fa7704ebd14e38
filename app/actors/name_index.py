"""What a name means on a day: one set of rules for loads, requests, filters and reconciliation.

`gather_name` collects what may be meant, from the table of the program and from a source of names:
all actors in memory for loads, the database for requests. The rules are the same for both. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.actors.name_forms import (
    fold_name,
    fold_without_article,
    iterate_inner_names,
    split_agreeing_names,
    strip_list_marks,
)
from app.actors.name_table import (
    LAST_DAY,
    NAME_SCHEME,
    NamePeriod,
    find_documented_names,
    find_parent,
    find_table_names,
    is_name_list,
)
from app.text import fold_text

SCHEME_ORDER = ("code", "iso2", NAME_SCHEME)
"""The schemes that a word without one is looked up in; not FIPS, whose codes collide with ISO's."""
COUNTRY_KINDS = frozenset({"state", "territory"})
MAX_NAME_LENGTH = 300
YEARS_REMEMBERED = 40
"""Years after the end of a state for which its name means it, if there is a day."""
# Hanover is a city, Bavaria a region of Germany, and Sikkim one of India.
_TODAY = "9999-12-30"
"""A day on which names without an end are valid: all but the last one that can be written."""
NameKey = tuple[str, str]


class ActorLife(NamedTuple):
    """The kind of an actor, and the days from which and until which it existed."""

    kind: str
    since: str
    until: str


class NameSource(Protocol):
    """Knows the actors of one version of the database."""

    def find_names(self, keys: Sequence[NameKey]) -> Sequence[NamePeriod]:
        """Find the names and codes that are stored under some keys."""

    def find_lives(self, codes: Collection[str]) -> Mapping[str, ActorLife]:
        """Find those of some actors that exist, merged ones included."""


def lookup_keys(asked: str) -> list[NameKey]:
    """The (scheme, value) pairs under which a text is looked up in the database."""
    plain = asked.strip().lower()
    made = [("code", plain), (NAME_SCHEME, fold_text(asked))]
    made.append((NAME_SCHEME, fold_without_article(asked)))
    if len(plain) == 2:
        made.append(("iso2", plain))
    own, value = split_scheme(asked)
    if value:
        if own == NAME_SCHEME or is_name_list(own):
            made += [(NAME_SCHEME, fold_text(value)), (NAME_SCHEME, fold_without_article(value))]
        if own != NAME_SCHEME:
            made.append((own, value.strip().lower()))
    return [key for key in dict.fromkeys(made) if key[1]]


def split_scheme(asked: str) -> tuple[str, str]:
    """Split `scheme:value`; the value is empty where there is no scheme."""
    scheme, _, value = asked.partition(":")
    return scheme.strip().lower(), value


@dataclass(frozen=True, slots=True)
class NameReading:
    """What one way to read a text found: the names of an actor, or those of two that are one."""

    own: str
    """The scheme or list that the text names."""
    names: tuple[list[NamePeriod], ...]
    weak: frozenset[NamePeriod]
    """Names that only the table has, and not the document of the actor."""

    def choose_codes(self, day: str | None, lives: Mapping[str, ActorLife]) -> set[str]:
        """Choose the actors that are meant on a day: one, or several if it is ambiguous.

        Without a day it is one of today's, else the last one that had the name.
        """
        sets = [self._choose_codes(rows, day, lives) for rows in self.names]
        if len(sets) == 1:
            return sets[0]
        if not all(sets):
            return set()  # as Bavaria (Germany), long after Bavaria was a state
        if same := sets[0] & sets[1]:
            return same
        if parts := {code for code in sets[0] if find_parent(code) in sets[1]}:
            return parts  # as in Greenland (Denmark)
        both = sets[0] | sets[1]
        return _prefer_living(both, _TODAY if day is None else day, lives)

    def _choose_codes(
        self, rows: Sequence[NamePeriod], day: str | None, lives: Mapping[str, ActorLife]
    ) -> set[str]:
        found: set[str] = set()
        listed = [r for r in rows if r.scheme == self.own]
        if listed and is_name_list(self.own):
            return self._choose_valid(listed, day, lives)
        for scheme in dict.fromkeys((*SCHEME_ORDER, self.own)):
            valid = self._choose_valid([r for r in rows if r.scheme == scheme], day, lives)
            found |= valid
            if valid and scheme == "iso2":
                break  # a two-letter word is an ISO code before it is a name
        return found

    def _choose_valid(
        self, rows: Sequence[NamePeriod], day: str | None, lives: Mapping[str, ActorLife]
    ) -> set[str]:
        """Choose among names of one scheme: those of the day, else the nearest ones."""
        if day is None:
            day = _TODAY
        else:
            rows = [
                r for r in rows
                if r.scheme != NAME_SCHEME or day < _find_forgotten_day(lives[r.actor])
            ]  # fmt: skip
        own = [r for r in rows if not r.is_shared]
        strong = [r for r in own if r not in self.weak]
        for some in (strong, own, rows):
            if valid := {r.actor for r in some if r.since <= day < r.until}:
                return valid
        for some in (strong, own, rows):
            if some:
                return _choose_nearest(some, day, lives)
        return set()


@dataclass(frozen=True, slots=True)
class AgreedReading:
    """Codes and a name that a source has for one actor: the name decides which of the codes it is.

    Where the name means none of them, all are meant, and so none is taken.
    """

    codes: tuple[NameReading, ...]
    name: NameReading | None

    @property
    def names(self) -> tuple[list[NamePeriod], ...]:
        """The names and codes that the parts found."""
        parts = self.codes if self.name is None else (*self.codes, self.name)
        return tuple(rows for part in parts for rows in part.names)

    def choose_codes(self, day: str | None, lives: Mapping[str, ActorLife]) -> set[str]:
        """Choose the actors that are meant on a day: one, or several if the parts contradict."""
        coded = {code for part in self.codes for code in part.choose_codes(day, lives)}
        named = self.name.choose_codes(day, lives) if self.name else set()
        if not coded or not named:
            return coded or named
        if same := coded & named:
            return same
        # UCDP calls Serbia by its name of today in years in which its number is Yugoslavia's.
        assert self.name is not None
        ever = coded & {row.actor for rows in self.name.names for row in rows}
        if not ever:
            return coded | named
        living = _prefer_living(ever | named, _TODAY if day is None else day, lives)
        return living if len(living) == 1 else ever


def _choose_nearest(
    rows: Sequence[NamePeriod], day: str, lives: Mapping[str, ActorLife]
) -> set[str]:
    """Choose the last actors that had a name before a day, else the first ones after it.

    Between two actors the one that exists is meant, or either.
    """
    past = [r for r in rows if r.until <= day]
    coming = [r for r in rows if r.since > day]
    latest = max((r.until for r in past), default="")
    first = min((r.since for r in coming), default="")
    # North Korea is three weeks younger than South Korea, which decides nothing before both.
    found = {r.actor for r in coming if r.since == first or r.is_shared}
    found |= {r.actor for r in past if r.until == latest}
    return _prefer_living(found, day, lives)


def _prefer_living(codes: set[str], day: str, lives: Mapping[str, ActorLife]) -> set[str]:
    """Return the only one of some actors that exists on a day; all if none or several do."""
    living = {code for code in codes if lives[code].since <= day < lives[code].until}
    return living if len(living) == 1 else codes


def _find_forgotten_day(life: ActorLife) -> str:
    """Find the day from which on an actor that has ended is no longer meant by its name alone."""
    year = int(life.until[:4]) + YEARS_REMEMBERED
    return f"{year}{life.until[4:]}" if year <= int(LAST_DAY[:4]) else LAST_DAY


@dataclass(frozen=True, slots=True)
class GatheredName:
    """All that a text may mean, with the days on which its meaning may change."""

    reading: NameReading | AgreedReading | None
    lives: Mapping[str, ActorLife]

    @property
    def days(self) -> list[str]:
        """The days on which the meaning may change, in order."""
        if self.reading is None:
            return []
        found = {day for rows in self.reading.names for r in rows for day in (r.since, r.until)}
        if len(self.lives) > 1:
            found |= {day for life in self.lives.values() for day in (life.since, life.until)}
        found |= {_find_forgotten_day(life) for life in self.lives.values()}
        return sorted(found - {"", LAST_DAY})

    def choose_codes(self, on: str | None) -> set[str]:
        """Choose the actors that are meant on a day, or today; empty if none has the name."""
        if self.reading is None:
            return set()
        day = None if on is None or on >= LAST_DAY else on
        return self.reading.choose_codes(day, self.lives)


def gather_name(
    asked: str, source: NameSource, kinds: Collection[str] | None = None
) -> GatheredName:
    """Gather what a text may mean: as a name or code, else by the names in it.

    With `kinds`, only actors of these kinds count.
    """
    asked = asked[:MAX_NAME_LENGTH]
    if (parts := split_agreeing_names(asked)) is not None:
        return _gather_agreeing(*parts, source, kinds)
    own, value = split_scheme(asked)
    is_listed = own == NAME_SCHEME or is_name_list(own)
    whole = _gather_names(asked, source, kinds)
    if whole.rows:
        return GatheredName(NameReading(own, (whole.rows,), whole.weak), whole.lives)
    text, prefix = (value, f"{own}:") if value and is_listed else (asked, "")
    for names in iterate_inner_names(text):
        within = kinds if len(names) == 2 else COUNTRY_KINDS  # only states have forces
        found = [_gather_names(prefix + part, source, within) for part in names]
        if all(f.rows for f in found):
            lives = {code: life for f in found for code, life in f.lives.items()}
            weak = frozenset[NamePeriod]().union(*(f.weak for f in found))
            reading = NameReading(own, tuple(f.rows for f in found), weak)
            if len(names) == 2 and not _may_be_one(reading, lives):
                continue
            return GatheredName(reading, lives)
    plain = strip_list_marks(text)
    if plain and plain != text:
        return gather_name(prefix + plain, source, kinds)
    return GatheredName(None, {})


def _gather_agreeing(
    codes: Sequence[str], name: str, source: NameSource, kinds: Collection[str] | None
) -> GatheredName:
    coded = [gather_name(code, source, kinds) for code in codes]
    named = gather_name(name, source, kinds)
    lives = {code: life for one in (*coded, named) for code, life in one.lives.items()}
    readings = [one.reading for one in (*coded, named) if isinstance(one.reading, NameReading)]
    if not readings:
        return GatheredName(None, {})
    own = named.reading if isinstance(named.reading, NameReading) else None
    return GatheredName(AgreedReading(tuple(r for r in readings if r is not own), own), lives)


def _may_be_one(reading: NameReading, lives: Mapping[str, ActorLife]) -> bool:
    """Return whether two names in one text may mean one actor: the same one, or two states."""
    codes = [{r.actor for r in rows} for rows in reading.names]
    return bool(codes[0] & codes[1]) or all(
        lives[c].kind in COUNTRY_KINDS for c in codes[0] | codes[1]
    )


class _FoundNames(NamedTuple):
    rows: list[NamePeriod]
    lives: Mapping[str, ActorLife]
    weak: frozenset[NamePeriod]


def _gather_names(asked: str, source: NameSource, kinds: Collection[str] | None) -> _FoundNames:
    table, documented = _find_in_table(asked)
    keys = [*lookup_keys(asked), *((NAME_SCHEME, value) for value in documented)]
    stored = source.find_names(list(dict.fromkeys(keys)))
    pairs = {(fold_name(r.value), r.actor) for r in stored if r.scheme == NAME_SCHEME}
    table = [r for r in table if not r.is_documented or (r.value, r.actor) in pairs]
    # The table has the days of such a name; that of an actor's document has none of its own.
    dated = {(r.value, r.actor) for r in table if r.is_documented and not r.is_shared}
    kept = [
        r for r in stored
        if r.scheme != NAME_SCHEME or (fold_name(r.value), r.actor) not in dated
    ]  # fmt: skip
    rows = [*kept, *table]
    lives = source.find_lives({r.actor for r in rows})
    if kinds is not None:
        lives = {code: life for code, life in lives.items() if life.kind in kinds}
    weak = frozenset(r for r in table if r.scheme == NAME_SCHEME and not r.is_documented)
    return _FoundNames([r for r in rows if r.actor in lives], lives, weak)


def _find_in_table(asked: str) -> tuple[list[NamePeriod], list[str]]:
    """Find a text in the table; the second value are names in documents that are folded alike."""
    own, value = split_scheme(asked)
    found: list[NamePeriod] = []
    if is_name_list(own):
        found += find_table_names(own, fold_name(value))
    elif own != NAME_SCHEME:
        if value and asked.isascii() and len(own) > 1 and own.replace("-", "").isalnum():
            return [], []  # the code of a scheme, or the name of a group
        value = ""  # a name with a colon, such as S:t Lucia in Swedish
    folded = fold_name(value or asked)
    if not folded:
        return found, []
    return [*found, *find_table_names(NAME_SCHEME, folded)], list(find_documented_names(folded))
