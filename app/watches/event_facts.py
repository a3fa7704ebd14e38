"""What filters compare of one revision of an event, read from its document. Pure.

They are the values of its index rows, which `app.events.index_rows` builds for the database.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from app.events.index_rows import EventRows
from app.events.render import EventDocumentBody

MAX_WORD_LENGTH = 200
"""Characters of a word that both databases index."""


class ReportFacts(NamedTuple):
    """What filters compare of a report."""

    source: str
    publisher: str
    published: str | None
    reliability: str | None
    credibility: int | None
    stance: str


class EventFacts:
    """What filters compare of an event."""

    __slots__ = (
        "_actors",
        "_word_set",
        "_words",
        "cameo",
        "country",
        "dataset",
        "end",
        "independent_sources",
        "intensity",
        "lat",
        "lon",
        "mode",
        "native",
        "parts",
        "quad",
        "reports",
        "signals",
        "start",
        "status",
        "tags",
        "type",
        "x",
        "y",
        "z",
    )

    def __init__(
        self,
        body: EventDocumentBody,
        survivors: Mapping[str, str] | None = None,
        unsearched: Collection[str] = (),
    ) -> None:
        rows = EventRows()
        rows.add_event(body, b"", 0, searched=body.dataset not in unsearched)
        (
            _, self.dataset, self.start, self.end, self.type, self.mode, self.cameo, self.native,
            self.intensity, self.quad, self.status, self.country, self.lat, self.lon, self.x,
            self.y, self.z, self.independent_sources, _,
        ) = rows.events[0]  # fmt: skip
        self.parts: list[tuple[str, str, str]] = [
            (row[0], row[3], row[4]) for row in rows.participations
        ]
        """(actor, role, via) of each participation; a merged actor is the one it went into."""
        self.signals: list[tuple[str, str, float]] = [
            (row[0], row[1], row[6]) for row in rows.signals
        ]
        """(from, toward, score) of each signal."""
        if survivors:
            self.parts = [
                (survivors.get(actor, actor), role, via) for actor, role, via in self.parts
            ]
            self.country = survivors.get(self.country, self.country)
            self.signals = [
                (survivors.get(one, one), survivors.get(other, other), score)
                for one, other, score in self.signals
            ]
        self.reports = [ReportFacts(*row[2:8]) for row in rows.reports]
        self.tags = {row[0] for row in rows.tags}
        self._actors: dict[tuple[str | None, bool], set[str]] = {}
        self._words = rows.words[0][1] if rows.words else ""
        self._word_set: frozenset[str] | None = None

    def list_actors(self, role: str | None, no_via: bool) -> set[str]:
        """List the actors in a role (None: in any); with `no_via` those that act themselves."""
        found = self._actors.get((role, no_via))
        if found is None:
            found = self._actors[role, no_via] = {
                actor
                for actor, part, via in self.parts
                if (role is None or part == role) and (not no_via or via == "")
            }
        return found

    @property
    def words(self) -> frozenset[str]:
        """The words of the event, as far as both databases index them."""
        if self._word_set is None:
            self._word_set = frozenset(w[:MAX_WORD_LENGTH] for w in self._words.split(" "))
        return self._word_set
