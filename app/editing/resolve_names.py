"""Resolve the names in sent events, and collect every fault of a batch."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from app.actors.changes import write_actors
from app.actors.queries import UnknownActorError, resolve_actor_code, select_actor
from app.actors.schemas import Actor
from app.db.journal import Writer, find_survivor, read_latest_revision_numbers
from app.db.tables import datasets, moved, revisions, sources
from app.editing.actor_codes import resolve_actor_document
from app.editing.schemas import EventBody
from app.edtf import parse_edtf
from app.errors import Fault, InvalidBodyError
from app.events.schemas import EventInput
from app.sources.changes import write_sources
from app.sources.schemas import Source
from app.text import split_words

Loc = list[str | int]
LONGEST_KEY = 90
IDS_PER_QUERY = 500
"""Ids in one statement, well under the limits on bound parameters of both databases."""
MAX_SUGGESTIONS = 20
"""Unknown names of a batch that get suggestions: each takes some 10 ms while other writers wait."""


def choose_event_key(body: EventBody) -> str:
    """Return the key of an event: the one sent, else one made from its date and title."""
    if body.key is not None:
        return body.key
    stem = f"{parse_edtf(body.date).start.isoformat()}-{'-'.join(split_words(body.title))}"
    return re.sub(r"-[^-]*$", "", stem[:LONGEST_KEY]) if len(stem) > LONGEST_KEY else stem


class EventNameResolver:
    """Resolves the names in a batch of events, creates what is new, and collects the faults."""

    def __init__(self, db: Connection, by: Writer) -> None:
        self.db, self.by = db, by
        self.faults: list[Fault] = []
        self._codes: dict[tuple[str, str], str | UnknownActorError] = {}
        self._unknown = 0
        self._sources: dict[str, Source] = {}
        self._new: dict[str, Source] = {}
        self._merged: set[str] = set()
        self._asked: set[str] = set()
        self._datasets: dict[str, bool] = {}

    def note_fault(self, loc: Loc, message: str, hint: str | None = None) -> None:
        """Add a fault."""
        self.faults.append(Fault(loc=loc, message=message, hint=hint))

    def resolve_names(self, body: EventBody, at: Loc) -> EventInput:
        """Return the event with codes for actors and ids for sources; faults are added to `faults`.

        Where the batch has a fault, the body is returned as it was sent.
        """
        day = parse_edtf(body.date).start.isoformat()
        self._check_dataset(body.dataset, [*at, "dataset"])
        people = [
            {
                **dict(p),
                "actor": self.resolve_actor(p.actor, day, [*at, "participants", n, "actor"]),
            }
            for n, p in enumerate(body.participants)
            if p.via is None
        ]
        stated = [
            {
                **dict(s),
                "from_": self.resolve_actor(s.from_, day, [*at, "signals", n, "from"]),
                "toward": self.resolve_actor(s.toward, day, [*at, "signals", n, "toward"]),
            }
            for n, s in enumerate(body.signals)
        ]
        self._check_signal_pairs(stated, at)
        self._read_sources(body)
        said = [
            {**dict(r), "source": self.resolve_source(r.source, [*at, "reports", n, "source"])}
            for n, r in enumerate(body.reports)
        ]
        place = body.location
        if place is not None and place.country is not None:
            country = self.resolve_actor(place.country, day, [*at, "location", "country"])
            place = place.model_copy(update={"country": country})
        if self.faults:
            return body
        apart = {"participants", "signals", "reports", "location", "dataset", "revision", "reason"}
        rest = {name: value for name, value in body if name not in apart}
        whole = {"participants": people, "signals": stated, "reports": said, "location": place}
        return EventInput.model_validate({**rest, **whole, "key": choose_event_key(body)})

    def _check_signal_pairs(self, stated: Sequence[dict[str, Any]], at: Loc) -> None:
        """Add a fault for a signal from an actor to itself and for a pair that is stated twice."""
        pairs = set()
        for n, signal in enumerate(stated):
            pair = (signal["from_"], signal["toward"])
            if None in pair:
                continue
            if pair[0] == pair[1]:
                self.note_fault([*at, "signals", n, "toward"], "must differ from the actor in from")
            if pair in pairs:
                self.note_fault([*at, "signals", n], f"{pair[0]} toward {pair[1]} is stated twice")
            pairs.add(pair)

    def _check_dataset(self, code: str, at: Loc) -> None:
        if code not in self._datasets:
            found = self.db.scalar(select(datasets.c.code).where(datasets.c.code == code))
            self._datasets[code] = found is not None
        if not self._datasets[code]:
            self.note_fault(
                at, f"no dataset has the code {code[:60]!r}", "POST /v1/datasets creates one."
            )

    def resolve_actor(self, named: str | Actor | None, day: str, at: Loc) -> str | None:
        """Return the code of an actor by any of its names; a new actor sent in full is created."""
        if named is None:
            return None
        if isinstance(named, Actor):
            self._write_new_actor(named, at)
            return named.code
        key = (named, day)
        if key not in self._codes:
            try:
                near = 3 if self._unknown < MAX_SUGGESTIONS else 0
                self._codes[key] = resolve_actor_code(self.db, named, day, near=near)
            except UnknownActorError as unknown:
                self._codes[key] = unknown
                self._unknown += 1
        code = self._codes[key]
        if isinstance(code, UnknownActorError):
            self.note_fault(at, str(code), code.hint)
            return None
        return code

    def resolve_source(self, named: str | Source, at: Loc) -> str:
        """Return the id of a source; a new source sent in full is noted for `write_new_sources`."""
        ident = named if isinstance(named, str) else named.id
        known = self._sources.get(ident)
        if ident in self._merged:
            into = find_survivor(self.db, "source", ident)
            self.note_fault(at, f"{ident[:60]!r} was merged", f"Use {into} instead.")
        elif isinstance(named, Source):
            if known is None:
                self._sources[ident] = self._new[ident] = named
            elif known != named:
                self._note_conflict(ident, at)
        elif known is None:
            self.note_fault(at, f"no source has the id {ident[:60]!r}", "Send the source in full.")
        return ident

    def _read_sources(self, body: EventBody) -> None:
        """Read the sources that an event names, in one statement for each 500."""
        named = {r.source if isinstance(r.source, str) else r.source.id for r in body.reports}
        wanted = sorted(named - self._asked)
        self._asked |= named
        s, m = sources.c, moved.c
        for at in range(0, len(wanted), IDS_PER_QUERY):
            part = wanted[at : at + IDS_PER_QUERY]
            found = select(s.id, revisions.c.document).join(revisions, revisions.c.seq == s.seq)
            for row in self.db.execute(found.where(s.id.in_(part))):
                self._sources[row.id] = Source.model_validate_json(row.document)
            gone = select(m.id).where(m.kind == "source", m.id.in_(part))
            self._merged |= set(self.db.scalars(gone))

    def write_new_sources(self) -> None:
        """Write the sources that were sent in full and are new."""
        write_sources(self.db, list(self._new.values()), self.by)

    def _write_new_actor(self, actor: Actor, at: Loc) -> None:
        row = self.db.execute(select_actor(actor.code)).one_or_none()
        if row is None:
            try:
                actor = resolve_actor_document(self.db, actor)
            except InvalidBodyError as wrong:
                for fault in wrong.faults:
                    self.note_fault([*at, *fault.loc], fault.message, fault.hint)
                return
            write_actors(self.db, [actor], self.by)
        elif Actor.model_validate_json(row.document) != actor:
            self._note_conflict(actor.code, at)

    def _note_conflict(self, ident: str, at: Loc) -> None:
        self.note_fault(
            at, f"{ident[:60]!r} conflicts with the stored document", "Send its id alone."
        )


def find_taken_ids(
    db: Connection, kind: str, ids: Sequence[str], locs: Sequence[Loc]
) -> Iterator[Fault]:
    """Yield a fault for each id that exists already, was retracted or merged, or is sent twice."""
    stored, earlier = read_latest_revision_numbers(db, kind, ids), set()
    for ident, loc in zip(ids, locs, strict=True):
        if ident in stored:
            into = find_survivor(db, kind, ident)
            hint = (
                f"It was merged into {into}."
                if into
                else "PUT replaces it, even where it was retracted."
            )
            yield Fault(loc=loc, message=f"{ident[:100]!r} exists already", hint=hint)
        elif ident in earlier:
            yield Fault(loc=loc, message=f"{ident[:100]!r} appears twice in the batch")
        earlier.add(ident)
