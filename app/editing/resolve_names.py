"""Resolve the names in sent events, and collect every fault of a batch."""

import json
import re
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, select

from app.actors.changes import write_actors
from app.actors.queries import select_actor
from app.actors.schemas import Actor
from app.db.dialect.stored_document import document_of
from app.db.journal import Writer, find_survivor, read_latest_revision_numbers
from app.db.tables import datasets, moved, revisions, sources
from app.editing.actor_codes import resolve_actor_document
from app.editing.schemas import EventBody
from app.edtf import parse_edtf
from app.errors import Fault, InvalidBodyError
from app.events.record import EventRecord, RejectedError, convert_record, split_field_path
from app.events.render import decode_event_document
from app.events.resolve import DatabaseNames, ResolvedRecord, resolve_record
from app.sources.changes import write_sources
from app.sources.record import SourceRecord
from app.sources.schemas import Source
from app.sources.source_ids import (
    DERIVED_ID_PREFIXES,
    identify_web_source,
    make_offline_source_id,
    normalize_url,
)
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
        self._names = DatabaseNames(db, MAX_SUGGESTIONS)
        self._sources: dict[str, dict[str, object]] = {}
        """The documents of sources, by id; those of old loads may break the present rules."""
        self._new: dict[str, Source] = {}
        self._merged: set[str] = set()
        self._asked: set[str] = set()
        self._datasets: dict[str, bool] = {}

    def note_fault(self, loc: Loc, message: str, hint: str | None = None) -> None:
        """Add a fault."""
        self.faults.append(Fault(loc=loc, message=message, hint=hint))

    def resolve_names(
        self, body: EventBody, at: Loc, document_before: str | None = None
    ) -> EventRecord | None:
        """Return the record of an event, with codes for actors and ids for sources.

        Returns None where the batch has a fault; faults are added to `faults`. A country that no
        actor has the name of is accepted where the stored document has it already.
        """
        self._check_dataset(body.dataset, [*at, "dataset"])
        record = self._build_record(body, at)
        if record is None:
            return None
        resolved = resolve_record(record, body.dataset, self._names, self._identify_source)
        for n, name, _, _ in resolved.unknown:
            self._note_unknown(name, resolved.day, [*at, "participants", n, "actor"])
        for path, message, unknown in resolved.problems:
            if unknown is None:
                self.note_fault([*at, *path], message)
            else:
                self._note_unknown(unknown, resolved.day, [*at, *path])
        self._check_sources(resolved, at)
        self._check_country(resolved, at, document_before)
        return None if self.faults else record

    def _build_record(self, body: EventBody, at: Loc) -> EventRecord | None:
        """Build the record of a body; new actors that were sent in full are created."""
        values = body.model_dump(
            by_alias=True, exclude={"dataset", "revision", "reason"}, exclude_unset=True
        )
        values["key"] = choose_event_key(body)
        parts, faults_before = values.get("participants", []), len(self.faults)
        for n, (part, sent) in enumerate(zip(parts, body.participants, strict=True)):
            if isinstance(sent.actor, Actor):
                self._write_new_actor(sent.actor, [*at, "participants", n, "actor"])
                part["actor"] = sent.actor.code
        if len(self.faults) > faults_before:
            return None
        try:
            record: EventRecord = convert_record(values)
        except RejectedError as wrong:
            self.note_fault([*at, *split_field_path(wrong.field)], wrong.reason)
            return None
        return record

    def _note_unknown(self, name: str, day: str, at: Loc) -> None:
        unknown = self._names.errors[name, day]
        self.note_fault(at, str(unknown), unknown.hint)

    def _check_country(
        self, resolved: ResolvedRecord, at: Loc, document_before: str | None
    ) -> None:
        """Note a fault for an unknown country, unless the stored document has it already."""
        asked = resolved.unknown_country
        if asked is None:
            return
        stored = None if document_before is None else decode_event_document(document_before)
        place_before = None if stored is None else stored.location
        if place_before is None or place_before.country != asked:
            unknown = self._names.explain_country(asked, resolved.day)
            self.note_fault([*at, "location", "country"], str(unknown), unknown.hint)

    def _identify_source(self, source: SourceRecord) -> str:
        """Return the id of an inline source: its own, that of a known page, or a derived one."""
        if source.id is not None:
            return source.id
        if source.url is None:
            return make_offline_source_id(source)
        where, derived = identify_web_source(source.url)
        s = sources.c
        host = where.partition("/")[0]
        for ident, url in self.db.execute(
            select(s.id, s.url).where(s.url.contains(host, autoescape=True), s.id != derived)
        ):
            if not ident.startswith(DERIVED_ID_PREFIXES) and normalize_url(url) == where:
                return str(ident)
        return derived

    def _check_dataset(self, code: str, at: Loc) -> None:
        if code not in self._datasets:
            found = self.db.scalar(select(datasets.c.code).where(datasets.c.code == code))
            self._datasets[code] = found is not None
        if not self._datasets[code]:
            self.note_fault(
                at, f"no dataset has the code {code[:60]!r}", "POST /v1/datasets creates one."
            )

    def _check_sources(self, resolved: ResolvedRecord, at: Loc) -> None:
        """Check that the cited sources exist or are inline; the inline ones that are new are noted.

        An inline source with an id of its own must equal the stored one with that id.
        """
        cited = [str(r.source) for r in resolved.record.reports]
        self._read_sources(cited)
        for n, ident in enumerate(cited):
            loc: Loc = [*at, "reports", n, "source"]
            inline, known = resolved.sources.get(ident), self._sources.get(ident)
            if ident in self._merged:
                into = find_survivor(self.db, "source", ident)
                self.note_fault(loc, f"{ident[:60]!r} was merged", f"Use {into} instead.")
            elif inline is not None:
                made = Source.model_validate({**msgspec.structs.asdict(inline), "id": ident})
                if known is None:
                    self._new[ident] = made
                    self._sources[ident] = made.model_dump()
                elif inline.id is not None and known != made.model_dump():
                    self._note_conflict(ident, loc)
            elif known is None:
                hint = "Send the source in full."
                self.note_fault(loc, f"no source has the id {ident[:60]!r}", hint)

    def _read_sources(self, cited: Sequence[str]) -> None:
        """Read the sources that an event cites, in one statement for each 500."""
        wanted = sorted(set(cited) - self._asked)
        self._asked |= set(wanted)
        s, m = sources.c, moved.c
        for at in range(0, len(wanted), IDS_PER_QUERY):
            part = wanted[at : at + IDS_PER_QUERY]
            found = select(s.id, document_of(revisions)).join(revisions, revisions.c.seq == s.seq)
            for row in self.db.execute(found.where(s.id.in_(part))):
                self._sources[row.id] = json.loads(row.document)
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
