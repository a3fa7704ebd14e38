"""Find which of many watches an event may match, by what their filters name.

Each filter is kept under one thing that a matching event must have: an actor and a type, an actor,
else a source, a tag or the like. An event is put only to the filters that are kept under something
it has, and filters that are equal are tried once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from app.events.resolved_filter import ResolvedFilter
from app.watches.event_facts import EventFacts
from app.watches.event_match import (
    EventTest,
    MemberDays,
    Periods,
    list_asked_words,
    list_event_tests,
    matches_event,
)


class Anchor(NamedTuple):
    """A field and a value that a matching event has there; of a pair of actors, both.

    Of an actor, `other` is the type of the event, or None for any.
    """

    field: str
    value: object = None
    other: object = None

    @property
    def key(self) -> tuple[object, object]:
        """What it is kept by within its field."""
        return self.value, self.other


ANCHOR_FIELDS = (
    "source", "tag", "publisher", "country", "native", "mode", "cameo", "type", "quad"
)  # fmt: skip
"""Fields by which a filter without actors is found, the rarest first."""
NO_ANCHOR = Anchor("")
MAX_PAIRS = 100
"""The most pairs of actors that a filter is kept under."""


class _KnownFilter:
    """A filter with its tests, and the watches that have it."""

    __slots__ = ("anchors", "tests", "watches")

    def __init__(self, tests: list[EventTest], anchors: list[Anchor]) -> None:
        self.tests, self.anchors = tests, anchors
        self.watches: dict[str, None] = {}


class MatchIndex:
    """The filters of watches, found by what an event has."""

    def __init__(self, periods: Periods | None = None) -> None:
        self.periods: dict[str, MemberDays] = dict(periods or {})
        """Periods of members, by group and actor, of every group that a filter names."""
        self._filters: dict[ResolvedFilter, _KnownFilter] = {}
        self._by_anchor: dict[str, dict[object, dict[int, _KnownFilter]]] = defaultdict(dict)
        """By the field of an anchor, and then by the rest of it."""
        self._partners: dict[object, dict[object, int]] = defaultdict(lambda: defaultdict(int))
        """By the first actor of a pair: how many filters are kept under it with each second."""
        self._filter_of: dict[str, ResolvedFilter] = {}

    def __len__(self) -> int:
        return len(self._filter_of)

    def add_watch(self, ident: str, wanted: ResolvedFilter) -> None:
        """Add a watch, or give it another filter."""
        self.remove_watch(ident)
        self._filter_of[ident] = wanted
        known = self._filters.get(wanted)
        if known is None:
            known = _KnownFilter(list_event_tests(wanted, self.periods), choose_anchors(wanted))
            self._filters[wanted] = known
            for anchor in known.anchors:
                self._by_anchor[anchor.field].setdefault(anchor.key, {})[id(known)] = known
                if anchor.field == "pair":
                    self._partners[anchor.value][anchor.other] += 1
        known.watches[ident] = None

    def remove_watch(self, ident: str) -> None:
        """Remove a watch, if it is here."""
        wanted = self._filter_of.pop(ident, None)
        if wanted is None:
            return
        known = self._filters[wanted]
        del known.watches[ident]
        if not known.watches:
            del self._filters[wanted]
            for anchor in known.anchors:
                of_field = self._by_anchor[anchor.field]
                del of_field[anchor.key][id(known)]
                if not of_field[anchor.key]:
                    del of_field[anchor.key]
                if anchor.field == "pair":
                    self._partners[anchor.value][anchor.other] -= 1

    def find_watches(self, event: EventFacts) -> list[str]:
        """Find the watches whose filter an event matches."""
        found: list[str] = []
        tried: set[int] = set()
        for group in self._list_groups(event):
            for key, known in group.items():
                if key not in tried:
                    tried.add(key)
                    if matches_event(known.tests, event):
                        found += known.watches
        return found

    def _list_groups(self, event: EventFacts) -> Iterator[dict[int, _KnownFilter]]:
        """List the filters that are kept under something that the event has."""
        by_actor, by_pair = self._by_anchor["actor"], self._by_anchor["pair"]
        actors = {part[0] for part in event.parts}
        for actor in actors:
            for key in ((actor, None), (actor, event.type)):
                if key in by_actor:
                    yield by_actor[key]
            if partners := self._partners.get(actor):
                for other in partners.keys() & actors:
                    yield by_pair.get((actor, other), _NOTHING)
        for field, of_field in self._by_anchor.items():
            if field not in ("actor", "pair") and of_field:
                for value in _VALUES[field](event):
                    if (value, None) in of_field:
                        yield of_field[value, None]


_NOTHING: dict[int, _KnownFilter] = {}


def choose_anchors(wanted: ResolvedFilter) -> list[Anchor]:
    """Choose what a filter is found by: every event that matches has one of these."""
    if len(wanted.between) > 1:
        first, second = sorted(wanted.between)[:2]
        return [Anchor("pair", first, second)]
    named = [
        side for side in (wanted.between, wanted.initiator, wanted.target, wanted.actor) if side
    ]
    if len(named) > 1:  # each side has to occur, by the same actor or by another
        one, other = sorted(named, key=len)[:2]
        pairs = {tuple(sorted((a, b))) for a in one for b in other if a != b}
        same = [Anchor("actor", a) for a in set(one) & set(other)]
        if len(pairs) <= MAX_PAIRS:
            return [*(Anchor("pair", *pair) for pair in sorted(pairs)), *same]
    if named:
        codes, types = min(named, key=len), wanted.type or (None,)
        if len(codes) * len(types) > MAX_PAIRS:
            types = (None,)
        return [Anchor("actor", code, kind) for code in codes for kind in types]
    if wanted.q is not None and (words := list_asked_words(wanted.q)):
        return [Anchor("word", max(words, key=lambda word: (len(word), word)))]
    for field in ANCHOR_FIELDS:
        if values := getattr(wanted, field):
            if field == "native":  # a label also matches those that begin with it
                values = {label.partition(":")[0] for label in values}
            if field == "cameo":
                values = {code[:2] for code in values}
            return [Anchor(field, value) for value in values]
    return [NO_ANCHOR]


_VALUES: dict[str, Callable[[EventFacts], Iterable[object]]] = {
    "": lambda _: (None,),
    "source": lambda e: {report.source for report in e.reports},
    "publisher": lambda e: {report.publisher for report in e.reports},
    "tag": lambda e: e.tags,
    "word": lambda e: e.words,
    "country": lambda e: (e.country,),
    "mode": lambda e: (e.mode,),
    "type": lambda e: (e.type,),
    "quad": lambda e: (e.quad,),
    "native": lambda e: () if e.native is None else (e.native.partition(":")[0],),
    "cameo": lambda e: () if e.cameo is None else (e.cameo[:2],),
}
"""What an event has in each field that filters are kept under, but for its actors."""
