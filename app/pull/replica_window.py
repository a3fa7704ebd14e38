"""What one stretch of changes at an original says, and which documents of it a replica needs."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection, select

from app.actors.schemas import Membership
from app.db.dialect import in_list, in_list_params
from app.db.tables import actors, memberships, sources
from app.events.render import EventDocumentRecord
from app.pull.original import Original, OriginalChange, ReplicatedKind

MAX_PASSED = 20_000
"""Documents that are kept in memory after they passed, since an event may soon need them."""
_decode_event = msgspec.json.Decoder(EventDocumentRecord).decode


@dataclass(slots=True)
class PassedDocuments:
    """Actors and sources that passed by and that nothing needed yet."""

    _changes: dict[tuple[str, str], OriginalChange] = field(default_factory=dict)

    def keep_changes(self, changes: Iterable[OriginalChange]) -> None:
        """Keep the last change of each document."""
        for change in changes:
            if len(self._changes) >= MAX_PASSED:
                self._changes.pop(next(iter(self._changes)))
            self._changes.pop((change.kind, change.id), None)
            self._changes[change.kind, change.id] = change

    def find_changes(self, kind: ReplicatedKind, ids: Iterable[str]) -> dict[str, OriginalChange]:
        """Find those of some documents that are kept."""
        return {
            ident: self._changes[kind, ident] for ident in ids if (kind, ident) in self._changes
        }


@dataclass(slots=True)
class ChangeWindow:
    """The last change of each document in a stretch of changes."""

    upto: int
    documents: list[OriginalChange]
    """Of actors, memberships, sources and the dataset, in the order of writing."""
    events: list[OriginalChange]
    decoded: dict[str, EventDocumentRecord] = field(default_factory=dict)
    found: dict[tuple[str, str], OriginalChange] = field(default_factory=dict)
    """Documents from before the stretch that its events need, by kind and id."""
    periods: dict[str, Membership] = field(default_factory=dict)
    """Memberships from before the stretch that its events need, by id."""

    @classmethod
    def collect_changes(
        cls, upto: int, documents: Iterable[OriginalChange], events: Iterable[OriginalChange]
    ) -> "ChangeWindow":
        """Collect the last change of each document."""
        made = cls(upto, list_last_changes(documents), list_last_changes(events))
        made.decoded = {one.id: _decode_event(one.document) for one in made.events}
        return made

    @property
    def needed_actors(self) -> set[str]:
        """The actors that its events name in any part."""
        found: set[str | None] = set()
        for event in self.decoded.values():
            found |= {code for p in event.participants for code in (p.actor, p.via)}
            found |= {code for s in event.signals for code in (s.from_, s.toward)}
            found.add(event.location.country if event.location is not None else None)
        return {code for code in found if code is not None}

    @property
    def needed_sources(self) -> set[str]:
        """The sources that its events cite."""
        return {report.source for event in self.decoded.values() for report in event.reports}

    @property
    def needed_pairs(self) -> set[tuple[str, str]]:
        """The persons and bodies of its events, each with the state that it counted for."""
        parts = (p for event in self.decoded.values() for p in event.participants)
        return {(p.via, p.actor) for p in parts if p.via is not None and p.actor is not None}

    def find_missing(self, db: Connection, original: Original, passed: PassedDocuments) -> None:
        """Find what its events need and neither the database nor the stretch itself has."""
        for actor, group in sorted(self.needed_pairs - _list_known_pairs(db, self.needed_pairs)):
            for raw in original.find_memberships(actor, group):
                one = msgspec.json.decode(raw)
                membership = Membership.model_validate(one)
                self.periods[membership.id] = membership
        cited = {s for m in self.periods.values() for step in m.steps for s in step.sources}
        self._find_kind(db, original, passed, "source", self.needed_sources | cited)
        self._find_kind(db, original, passed, "actor", self.needed_actors)

    def _find_kind(
        self,
        db: Connection,
        original: Original,
        passed: PassedDocuments,
        kind: ReplicatedKind,
        needed: set[str],
    ) -> None:
        own = {one.id: one for one in self.documents if one.kind == kind}
        wanted = needed | {one.into for one in own.values() if one.into is not None}
        asked: set[str] = set()
        while wanted := wanted - asked:
            asked |= wanted
            absent = wanted - own.keys() - list_known(db, kind, wanted)
            found = passed.find_changes(kind, absent)
            found |= original.find_documents(kind, sorted(absent - found.keys()), self.upto)
            self.found |= {(kind, ident): one for ident, one in found.items()}
            ended = [*found.values(), *(own[one] for one in wanted & own.keys())]
            wanted = {one.into for one in ended if one.into is not None}


def list_last_changes(changes: Iterable[OriginalChange]) -> list[OriginalChange]:
    """List the last change of each document, in the order of writing."""
    last = {(one.kind, one.id): one for one in changes}
    return sorted(last.values(), key=lambda one: one.seq)


def list_known(db: Connection, kind: ReplicatedKind, ids: Iterable[str]) -> set[str]:
    """List those of some actors or sources that are stored."""
    column = actors.c.code if kind == "actor" else sources.c.id
    known = select(column).where(in_list(db, column))
    return set(db.scalars(known, in_list_params(db, list(ids))))


def _list_known_pairs(db: Connection, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """List those of some pairs of an actor and a group that have a membership."""
    m, wanted = memberships.c, sorted({actor for actor, _ in pairs})
    known = select(m.actor, m.group).where(in_list(db, m.actor))
    return {(row.actor, row.group) for row in db.execute(known, in_list_params(db, wanted))}
