"""Events as sent, with every name looked up: all that is wrong with them, told at once."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from app.actors.changes import write_actors
from app.actors.queries import UnknownActorError, find, one
from app.actors.schemas import Actor
from app.db.journal import Writer, numbers, survivor_of
from app.db.tables import datasets, moved, revisions, sources
from app.editing.names import settled_actor
from app.editing.schemas import EventBody
from app.edtf import parse
from app.events.schemas import GivenEvent
from app.http.problems import Fault, InvalidBodyError
from app.sources.changes import write_sources
from app.sources.schemas import Source
from app.text import words

Loc = list[str | int]
LONGEST_KEY = 90
PART = 500
SUGGESTED = 20
"""Unknown names of a batch that suggestions are looked up for: some 10 ms each, while others wait
to write."""


def named(body: EventBody) -> str:
    """The key of an event: as given, else made from its date and title."""
    if body.key is not None:
        return body.key
    stem = f"{parse(body.date).start.isoformat()}-{'-'.join(words(body.title))}"
    return re.sub(r"-[^-]*$", "", stem[:LONGEST_KEY]) if len(stem) > LONGEST_KEY else stem


class Settling:
    """Looks the names of a batch up, makes what is new, and gathers the faults."""

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

    def fault(self, loc: Loc, message: str, hint: str | None = None) -> None:
        """Note something that is wrong."""
        self.faults.append(Fault(loc=loc, message=message, hint=hint))

    def settle(self, body: EventBody, at: Loc) -> GivenEvent:
        """The event with codes for names and ids for sources; faults are noted."""
        day = parse(body.date).start.isoformat()
        self._dataset(body.dataset, [*at, "dataset"])
        people = [
            {**dict(p), "actor": self.actor(p.actor, day, [*at, "participants", n, "actor"])}
            for n, p in enumerate(body.participants)
            if p.via is None
        ]
        stated = [
            {
                **dict(s),
                "from_": self.actor(s.from_, day, [*at, "signals", n, "from"]),
                "toward": self.actor(s.toward, day, [*at, "signals", n, "toward"]),
            }
            for n, s in enumerate(body.signals)
        ]
        self._distinct(stated, at)
        self._look_up(body)
        said = [
            {**dict(r), "source": self.source(r.source, [*at, "reports", n, "source"])}
            for n, r in enumerate(body.reports)
        ]
        place = body.location
        if place is not None and place.country is not None:
            country = self.actor(place.country, day, [*at, "location", "country"])
            place = place.model_copy(update={"country": country})
        if self.faults:
            return body
        apart = {"participants", "signals", "reports", "location", "dataset", "revision", "reason"}
        rest = {name: value for name, value in body if name not in apart}
        whole = {"participants": people, "signals": stated, "reports": said, "location": place}
        return GivenEvent.model_validate({**rest, **whole, "key": named(body)})

    def _distinct(self, stated: Sequence[dict[str, Any]], at: Loc) -> None:
        """A signal leads from one actor to another, and each pair is stated once."""
        seen = set()
        for n, signal in enumerate(stated):
            pair = (signal["from_"], signal["toward"])
            if None in pair:
                continue
            if pair[0] == pair[1]:
                self.fault([*at, "signals", n, "toward"], "is the one that it comes from")
            if pair in seen:
                self.fault([*at, "signals", n], f"{pair[0]} toward {pair[1]} is stated twice")
            seen.add(pair)

    def _dataset(self, code: str, at: Loc) -> None:
        if code not in self._datasets:
            found = self.db.scalar(select(datasets.c.code).where(datasets.c.code == code))
            self._datasets[code] = found is not None
        if not self._datasets[code]:
            self.fault(at, f"no dataset has the code {code[:60]!r}", "POST /v1/datasets makes one.")

    def actor(self, given: str | Actor | None, day: str, at: Loc) -> str | None:
        """The code of an actor by any name; one in full is made where it is new."""
        if given is None:
            return None
        if isinstance(given, Actor):
            self._make_actor(given, at)
            return given.code
        key = (given, day)
        if key not in self._codes:
            try:
                near = 3 if self._unknown < SUGGESTED else 0
                self._codes[key] = find(self.db, given, day, near=near)
            except UnknownActorError as unknown:
                self._codes[key] = unknown
                self._unknown += 1
        code = self._codes[key]
        if isinstance(code, UnknownActorError):
            self.fault(at, str(code), code.hint)
            return None
        return code

    def source(self, given: str | Source, at: Loc) -> str:
        """The id of a source; one in full is made, in the end, where it is new."""
        ident = given if isinstance(given, str) else given.id
        held = self._sources.get(ident)
        if ident in self._merged:
            into = survivor_of(self.db, "source", ident)
            self.fault(at, f"{ident[:60]!r} was merged", f"Name {into}.")
        elif isinstance(given, Source):
            if held is None:
                self._sources[ident] = self._new[ident] = given
            elif held != given:
                self._otherwise(ident, at)
        elif held is None:
            self.fault(at, f"no source has the id {ident[:60]!r}", "Send the source in full.")
        return ident

    def _look_up(self, body: EventBody) -> None:
        """Read the sources that an event names, all at once."""
        named = {r.source if isinstance(r.source, str) else r.source.id for r in body.reports}
        wanted = sorted(named - self._asked)
        self._asked |= named
        s, m = sources.c, moved.c
        for at in range(0, len(wanted), PART):
            part = wanted[at : at + PART]
            found = select(s.id, revisions.c.document).join(revisions, revisions.c.seq == s.seq)
            for row in self.db.execute(found.where(s.id.in_(part))):
                self._sources[row.id] = Source.model_validate_json(row.document)
            gone = select(m.id).where(m.kind == "source", m.id.in_(part))
            self._merged |= set(self.db.scalars(gone))

    def make_sources(self) -> None:
        """Write the sources that were sent in full and are new."""
        write_sources(self.db, list(self._new.values()), self.by)

    def _make_actor(self, given: Actor, at: Loc) -> None:
        row = self.db.execute(one(given.code)).one_or_none()
        if row is None:
            try:
                given = settled_actor(self.db, given)
            except InvalidBodyError as wrong:
                for fault in wrong.faults:
                    self.fault([*at, *fault.loc], fault.message, fault.hint)
                return
            write_actors(self.db, [given], self.by)
        elif Actor.model_validate_json(row.document) != given:
            self._otherwise(given.code, at)

    def _otherwise(self, ident: str, at: Loc) -> None:
        self.fault(at, f"{ident[:60]!r} is there, and says something else", "Name it by its id.")


def taken(db: Connection, kind: str, ids: Sequence[str], locs: Sequence[Loc]) -> Iterator[Fault]:
    """The ids that are not free: there, retracted or merged, or twice in the batch."""
    held, seen = numbers(db, kind, ids), set()
    for ident, loc in zip(ids, locs, strict=True):
        if ident in held:
            into = survivor_of(db, kind, ident)
            hint = f"It was merged into {into}." if into else "PUT replaces it, retracted or not."
            yield Fault(loc=loc, message=f"{ident[:100]!r} is there already", hint=hint)
        elif ident in seen:
            yield Fault(loc=loc, message=f"{ident[:100]!r} is twice in the batch")
        seen.add(ident)
