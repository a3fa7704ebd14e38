"""Events as sent, with every name looked up: all that is wrong with them, told at once."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from app.actors.changes import write_actors
from app.actors.queries import UnknownActorError, find, one
from app.actors.schemas import Actor
from app.db.journal import Writer, numbers, survivor_of
from app.db.tables import datasets, sources
from app.db.worlds import with_documents
from app.editing.schemas import EventBody
from app.edtf import parse
from app.events.schemas import GivenEvent
from app.http.problems import Fault
from app.sources.changes import write_sources
from app.sources.schemas import Source
from app.text import words

Loc = list[str | int]
LONGEST_KEY = 90


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
        self._codes: dict[tuple[str, str], str | None] = {}
        self._sources: dict[str, bool] = {}
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
            self._make(given, given.code, one(given.code), write_actors, at)
            return given.code
        key = (given, day)
        if key not in self._codes:
            try:
                self._codes[key] = find(self.db, given, day)
            except UnknownActorError as unknown:
                self.fault(at, str(unknown), unknown.hint)
                return None
        return self._codes[key]

    def source(self, given: str | Source, at: Loc) -> str:
        """The id of a source; one in full is made where it is new."""
        ident = given if isinstance(given, str) else given.id
        found = with_documents(None, sources, lambda s: select(s.seq).where(s.id == ident))
        if isinstance(given, Source):
            self._make(given, ident, found, write_sources, at)
        elif ident not in self._sources:
            self._sources[ident] = self.db.execute(found).one_or_none() is not None
            if not self._sources[ident]:
                into = survivor_of(self.db, "source", ident)
                hint = f"It was merged into {into}." if into else "Send the source in full."
                self.fault(at, f"no source has the id {ident[:60]!r}", hint)
        return ident

    def _make(self, given: Any, ident: str, found: Any, write: Any, at: Loc) -> None:
        """Make something given in full; what is there already has to be just so."""
        row = self.db.execute(found).one_or_none()
        if row is None:
            write(self.db, [given], self.by)
        elif type(given).model_validate_json(row.document) != given:
            self.fault(
                at, f"{ident[:60]!r} is there, and says something else", "Name it by its id."
            )


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
