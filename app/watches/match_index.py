"""Find which of many watches an event may match, by what their filters name.

Each filter is kept under one thing that a matching event must have: an actor, else a source, a tag
or the like. An event is put only to the filters that are kept under something it has, and filters
that are equal are tried once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
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
    """A field and a value that a matching event has there; of a pair of actors, both."""

    field: str
    value: object = None
    other: object = None


ANCHOR_FIELDS = ("source", "tag", "publisher", "country", "native", "mode", "cameo", "type")
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
        self._by_anchor: dict[Anchor, dict[int, _KnownFilter]] = defaultdict(dict)
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
                self._by_anchor[anchor][id(known)] = known
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
                del self._by_anchor[anchor][id(known)]
                if not self._by_anchor[anchor]:
                    del self._by_anchor[anchor]
                if anchor.field == "pair":
                    self._partners[anchor.value][anchor.other] -= 1

    def find_watches(self, event: EventFacts) -> list[str]:
        """Find the watches whose filter an event matches."""
        found: list[str] = []
        tried: set[int] = set()
        for anchor in self._list_anchors(event):
            for key, known in self._by_anchor.get(anchor, _NOTHING).items():
                if key not in tried:
                    tried.add(key)
                    if matches_event(known.tests, event):
                        found += known.watches
        return found

    def _list_anchors(self, event: EventFacts) -> Iterator[Anchor]:
        """List everything that a filter which matches the event may be kept under."""
        yield NO_ANCHOR
        actors = {part[0] for part in event.parts}
        for actor in actors:
            yield Anchor("actor", actor)
            if partners := self._partners.get(actor):
                for other in partners.keys() & actors:
                    yield Anchor("pair", actor, other)
        yield from _list_other_anchors(event)


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
        return [Anchor("actor", code) for code in min(named, key=len)]
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


def _list_other_anchors(event: EventFacts) -> Iterable[Anchor]:
    for report in event.reports:
        yield Anchor("source", report.source)
        yield Anchor("publisher", report.publisher)
    for tag in event.tags:
        yield Anchor("tag", tag)
    for word in event.words:
        yield Anchor("word", word)
    yield Anchor("country", event.country)
    yield Anchor("mode", event.mode)
    yield Anchor("type", event.type)
    if event.native is not None:
        yield Anchor("native", event.native.partition(":")[0])
    if event.cameo is not None:
        yield Anchor("cameo", event.cameo[:2])
