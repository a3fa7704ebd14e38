"""The index rows of an event, built from its document. Pure.

Every write of an event builds its rows here, and `entente verify` builds them again to compare.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from app.db.tables import events, pairs, participations, reports, signals, tags
from app.db.types import NO_END_DAY
from app.edtf import parse_last_day
from app.events.durations import CLASS_UNIT, resolve_signal_span, spread_signal
from app.events.places import unit_vector
from app.events.record import PlaceRecord
from app.events.render import EventDocumentBody
from app.events.signals import signal_weight
from app.events.vocabulary import ROLES
from app.text import split_words

PAIR_COLUMNS = ("one", "other", "start", "event", "roles", "seq")
COLUMNS_BY_TABLE: Mapping[str, tuple[str, ...]] = {
    events.name: (
        "id", "dataset", "start", "end", "type", "mode", "cameo", "native", "intensity", "quad",
        "status", "country", "lat", "lon", "x", "y", "z", "independent_sources", "seq",
        "recorded_at",
    ),
    participations.name: (
        "actor", "start", "event", "role", "via", "end", "dataset", "type", "intensity", "quad",
        "status", "cameo", "seq",
    ),
    pairs.name: PAIR_COLUMNS,
    tags.name: ("tag", "event", "seq"),
    reports.name: (
        "event", "number", "source", "publisher", "published", "reliability", "credibility",
        "stance", "seq",
    ),
    signals.name: (
        "from", "toward", "start", "event", "origin", "rule", "score", "confidence", "quad",
        "weight", "end", "dataset", "seq",
    ),
}  # fmt: skip
"""The columns of each table, in the order in which rows are built.

`recorded_at` of an event comes last, since it is known only when the event is stored.
"""


class EventSums(NamedTuple):
    """What events add to the tables of sums, in the columns of these tables and in key order."""

    days: list[tuple[Any, ...]]
    months: list[tuple[Any, ...]]
    roles: list[tuple[str, str, int, int]]
    """Rows of `role_days`."""


class EventRows:
    """Rows to be stored, by table, in the order of `COLUMNS_BY_TABLE`."""

    __slots__ = (
        "bodies", "events", "pairs", "participations", "reports", "shift", "signals", "sums",
        "tags", "words",
    )  # fmt: skip

    def __init__(self) -> None:
        self.shift = 0
        """What is added to each `seq` when the rows are stored."""
        self.sums: EventSums | None = None
        """What the events add to the sums, where that was worked out in advance."""
        self.bodies: list[tuple[int, str, str, bytes]] = []
        """(`seq`, id, status, the document up to `recorded_at` as JSON)."""
        # Bytes, not text: an arrow in a title makes Python keep two bytes a character, and the
        # document would be decoded and encoded again for nothing.
        self.events: list[tuple[Any, ...]] = []
        """Rows without `recorded_at`."""
        self.pairs: list[tuple[str, str, str, str, int, int]] = []
        self.participations: list[tuple[Any, ...]] = []
        self.reports: list[tuple[Any, ...]] = []
        self.signals: list[tuple[Any, ...]] = []
        self.tags: list[tuple[Any, ...]] = []
        self.words: list[tuple[int, str]] = []
        """(`seq`, the words for full-text search), of the events of datasets that are searched."""

    def add_event(
        self, b: EventDocumentBody, text: bytes, seq: int, *, searched: bool = True
    ) -> None:
        """Add the rows of an event; `text` is its JSON, `seq` the number of its revision.

        `searched` says whether the words of its dataset are indexed.
        """
        ident, start, end, dataset, kind = b.id, b.start, b.end or NO_END_DAY, b.dataset, b.type
        intensity, quad, status = b.intensity, b.quad, b.status
        self.bodies.append((seq, ident, status, text))
        self.events.append(
            (
                ident, dataset, start, end, kind, b.mode, b.cameo, b.native, intensity, quad,
                status, *_build_place_columns(b.location), b.independent_sources, seq,
            )
        )  # fmt: skip
        who = [(p.actor, p.role, p.via or "") for p in b.participants if p.actor]
        self.participations += [
            (
                actor, start, ident, role, via, end, dataset, kind, intensity, quad, status,
                b.cameo, seq,
            )
            for actor, role, via in (set(who) if len(who) > 1 else who)
        ]  # fmt: skip
        if len(who) > 1 and status != "retracted":
            self.pairs += [
                (one, other, start, ident, roles, seq) for one, other, roles in pair_actors(who)
            ]
        self.reports += [
            (
                ident,
                n,
                r.source,
                r.publisher,
                parse_last_day_cached(r.published) if r.published else None,
                r.reliability,
                r.credibility,
                r.stance,
                seq,
            )
            for n, r in enumerate(b.reports, 1)
        ]
        if b.tags:
            self.tags += [(tag, ident, seq) for tag in b.tags]
        if status != "retracted" and b.signals:
            until = resolve_signal_span(b.date).end
            self.signals += [
                (
                    s.from_, s.toward, start, ident, s.origin, s.rule, s.score, s.confidence,
                    s.quad, s.weight, until, dataset, seq,
                )
                for s in b.signals
            ]  # fmt: skip
        if searched:
            self.words.append((seq, collect_words(b)))

    def iterate_rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each index row as (table name, values by column)."""
        for name, columns in COLUMNS_BY_TABLE.items():
            for row in getattr(self, name, ()):
                yield name, dict(zip(columns, row, strict=False))

    def sum_by_day(self) -> list[tuple[Any, ...]]:
        """Sum the signals by pair, dataset and day: rows of `day_sums`, in key order."""
        total: dict[tuple[str, ...], list[int]] = {}
        for (
            from_, toward, start, _, _, _, score, confidence, quad, weight, end, dataset, _,
        ) in self.signals:  # fmt: skip
            mass = signal_weight(score, confidence, weight)
            classed = round(CLASS_UNIT * weight) if quad else 0
            if start == end:  # nearly all signals of bulk data
                key = (from_, toward, dataset, start)
                sums = total.get(key)
                if sums is None:
                    sums = total[key] = [0] * 7
                sums[0] += 1
                sums[1 if score > 0 else 2] += mass
                if quad:
                    sums[2 + quad] += classed
                continue
            for day, n, part, class_part in spread_signal(start, end, mass, classed):
                key = (from_, toward, dataset, day)
                sums = total.get(key)
                if sums is None:
                    sums = total[key] = [0] * 7
                sums[0] += n
                sums[1 if score > 0 else 2] += part
                if quad:
                    sums[2 + quad] += class_part
        return [(*key, *total[key]) for key in sorted(total)]


MAX_PAIRED = 8
"""An event of more actors than these has no row for each two of them, which would be too many."""
SIDE_BITS = 2 * len(ROLES)
"""Bits of `roles` for one actor: those of the lesser code are the lower ones."""


def role_bits(role: str, *, direct: bool) -> int:
    """The bits of a participation: one for its role, and one more where it is not by another."""
    bit = 1 << ROLES.index(role)
    return bit | bit << len(ROLES) if direct else bit


_BITS: Mapping[str, tuple[int, int]] = {
    role: (role_bits(role, direct=False), role_bits(role, direct=True)) for role in ROLES
}


def pair_actors(who: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, int]]:
    """Pair the actors of an event, given as (actor, role, via): (one, other, roles) of `pairs`.

    Each is alone, with an empty second, where there are more than `MAX_PAIRED`.
    """
    sides: dict[str, int] = {}
    for actor, role, via in who:
        sides[actor] = sides.get(actor, 0) | _BITS[role][not via]
    if len(sides) == 2:  # nearly all events of bulk data
        (one, of_one), (other, of_other) = sides.items()
        if one < other:
            return [(one, other, of_one | of_other << SIDE_BITS)]
        return [(other, one, of_other | of_one << SIDE_BITS)]
    if len(sides) < 2:
        return []
    ordered = sorted(sides.items())
    if len(ordered) > MAX_PAIRED:
        return [(code, "", bits) for code, bits in ordered]
    return [(a, b, x | y << SIDE_BITS) for (a, x), (b, y) in combinations(ordered, 2)]


parse_last_day_cached = lru_cache(4096)(parse_last_day)
NO_PLACE = (None, None, None, None, None, None)


def _build_place_columns(place: PlaceRecord | None) -> tuple[Any, ...]:
    if place is None:
        return NO_PLACE
    if place.lat is None or place.lon is None:
        return place.country, place.lat, place.lon, None, None, None
    return place.country, place.lat, place.lon, *unit_vector(place.lat, place.lon)


def collect_words(b: EventDocumentBody) -> str:
    """Collect the distinct words of an event for full-text search."""
    found = (
        [*_split_words_cached(b.title)]
        if len(b.title) <= MAX_CACHED_TITLE_LENGTH
        else split_words(b.title)
    )
    if b.summary:
        found += split_words(b.summary)
    for p in b.participants:
        found += _split_words_cached(p.name or p.native or "")
    for r in b.reports:
        if r.quote:
            found += split_words(r.quote)
    return " ".join(dict.fromkeys(found))


MAX_CACHED_TITLE_LENGTH = 200
"""Maximum characters of a title whose words are cached: generated titles repeat."""


@lru_cache(16_384)
def _split_words_cached(name: str) -> tuple[str, ...]:
    return tuple(split_words(name))
