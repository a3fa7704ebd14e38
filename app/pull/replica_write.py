"""Writes what an original says into a replica, so that its documents become the same."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pydantic import BaseModel
from sqlalchemy import Connection, select

from app.actors.schemas import Membership
from app.db.dialect import in_list, in_list_params
from app.db.dialect.stored_document import document_of
from app.db.journal import Writer, find_survivor
from app.db.tables import moved, revisions
from app.editing.document_types import ACTOR_TYPE, MEMBERSHIP_TYPE, SOURCE_TYPE
from app.editing.documents import DocumentType, find_current_document
from app.editing.events import end_merged_events
from app.editing.merging import (
    merge_actor_documents,
    merge_membership_documents,
    merge_source_documents,
)
from app.editing.preconditions import Preconditions
from app.editing.propagate import read_source_grades
from app.editing.schemas import MergeBody
from app.errors import ConflictError, InvalidBodyError, MovedError
from app.events.changes import read_event_documents, write_resolved_events
from app.events.record import EventRecord, ReportRecord
from app.events.render import (
    EventDocumentRecord,
    decode_event_document,
    decode_normalized_event,
    encode_event_body,
)
from app.events.to_input import input_from_document
from app.events.word_index import write_datasets_with_words
from app.pull.items import PullError
from app.pull.original import OriginalChange, ReplicatedKind
from app.pull.replica_window import ChangeWindow, list_known
from app.sources.changes import write_sources
from app.sources.covered import read_dataset_document
from app.sources.schemas import Dataset, Source

_ANY = Preconditions(None, "")
_TYPES: Mapping[str, DocumentType[Any]] = {
    "actor": ACTOR_TYPE, "membership": MEMBERSHIP_TYPE, "source": SOURCE_TYPE,
}  # fmt: skip
_MERGES = {
    "actor": merge_actor_documents,
    "membership": merge_membership_documents,
    "source": merge_source_documents,
}


@dataclass(slots=True)
class WindowResult:
    """What a stretch of changes did to the replica."""

    events: int = 0
    new: int = 0
    changed: int = 0
    retracted: int = 0
    documents: int = 0
    """Actors, memberships, sources and the dataset that were written."""
    differing: list[str] = field(default_factory=list)
    """Events whose document is not the original's, since another version or actor renders it."""


@dataclass(slots=True)
class ReplicaWriter:
    """Writes one stretch of changes in one transaction."""

    db: Connection
    by: Writer
    dataset: str
    window: ChangeWindow
    result: WindowResult = field(default_factory=WindowResult)
    _stored: dict[tuple[str, str], str] = field(default_factory=dict)
    """The documents here, before the stretch, of those that changed in it, by kind and id."""

    def write_window(self) -> WindowResult:
        """Write the documents first, then the events that show them, then what ends."""
        self._read_stored()
        self._write_new_sources()
        for (kind, ident), change in sorted(self.window.found.items()):
            if kind == "actor" and change.action in ("create", "update"):
                self._write_document(kind, ident, change.document)
        for change in self.window.documents:
            self._apply_change(change)
        for ident, membership in sorted(self.window.periods.items()):
            if not self._is_current("membership", ident) and self._has_sides(membership):
                self._write_model("membership", ident, membership)
        self._write_events()
        for change in self.window.documents:
            if change.action == "retract" and change.kind in ("actor", "source"):
                self._retract_unused(change)
        return self.result

    def _read_stored(self) -> None:
        """Read the documents that may change: most are those of the original already."""
        for kind, kept in _TYPES.items():
            column = kept.stored.table.c[kept.stored.id_column]
            ids = [one.id for one in self.window.documents if one.kind == kind]
            if ids:
                asked = select(column, document_of(revisions)).where(in_list(self.db, column))
                asked = asked.join(revisions, revisions.c.seq == kept.stored.table.c.seq)
                rows = self.db.execute(asked, in_list_params(self.db, ids))
                self._stored |= {(kind, ident): document for ident, document in rows}

    def _write_new_sources(self) -> None:
        """Write the sources that are not here, together: there may be one for each event."""
        needed, window = self.window.needed_sources, self.window
        changes = {one.id: one for (kind, _), one in window.found.items() if kind == "source"}
        own = [one for one in window.documents if one.kind == "source" and one.id in needed]
        changes |= {one.id: one for one in own}
        made = [one for one in changes.values() if one.action in ("create", "update")]
        ids = [one.id for one in made]
        absent = set(ids) - list_known(self.db, "source", ids) - self._list_moved("source", ids)
        documents = [
            Source.model_validate(msgspec.json.decode(one.document))
            for one in made
            if one.id in absent
        ]
        write_sources(self.db, documents, self.by)
        self.result.documents += len(documents)

    def _list_moved(self, kind: str, ids: Collection[str]) -> set[str]:
        """List those of some documents that were merged here."""
        asked = select(moved.c.id).where(moved.c.kind == kind, in_list(self.db, moved.c.id))
        return set(self.db.scalars(asked, in_list_params(self.db, list(ids))))

    def _apply_change(self, change: OriginalChange) -> None:
        kind, ident = change.kind, change.id
        if kind == "dataset":
            if ident == self.dataset and change.action != "retract":
                self._write_dataset(change.document)
        elif kind not in _TYPES:
            return
        elif change.action in ("create", "update"):
            same = self._stored.get((kind, ident)) == bytes(change.document).decode()
            if not same and self._is_wanted(change):
                self._write_document(kind, ident, change.document)
        elif self._is_current(kind, ident):
            if change.action == "merge" and change.into is not None:
                self._merge_document(change, change.into)
            elif kind == "membership":
                self._retract_unused(change)

    def _is_wanted(self, change: OriginalChange) -> bool:
        """Return whether the replica has a document, or its events need it."""
        if change.kind == "membership":
            one = msgspec.json.decode(change.document)
            return self._has_sides(Membership.model_validate(one))
        kind, ident = change.kind, change.id
        needed = self.window.needed_actors if kind == "actor" else self.window.needed_sources
        return ident in needed or (kind, ident) in self._stored

    def _has_sides(self, membership: Membership) -> bool:
        sides = (membership.actor, membership.group)
        return all(self._is_current("actor", code) for code in sides)

    def _is_current(self, kind: str, ident: str) -> bool:
        try:
            return find_current_document(_TYPES[kind].stored, self.db, ident) is not None
        except MovedError:
            return False

    def _write_document(self, kind: str, ident: str, document: msgspec.Raw) -> None:
        model = _TYPES[kind].model.model_validate(msgspec.json.decode(document))
        self._write_model(kind, ident, model)

    def _write_model(self, kind: str, ident: str, model: BaseModel) -> None:
        kept = _TYPES[kind]
        try:
            current = find_current_document(kept.stored, self.db, ident)
        except MovedError:
            return  # merged here already; what its survivor is comes as a change of its own
        before = None if current is None else kept.model.model_validate_json(current[1])
        if before == model:
            return
        kept.write(self.db, [model], self.by)
        kept.rerender(self.db, before, model, self.by)
        self.result.documents += 1

    def _write_dataset(self, document: msgspec.Raw) -> None:
        made = Dataset.model_validate(msgspec.json.decode(document))
        # Without these a dataset would stay as open, and as searched, as it is here.
        made = made.model_copy(update={"access": made.access, "searched": made.searched})
        if read_dataset_document(self.db, self.dataset) != made:
            write_datasets_with_words(self.db, [made], self.by, rederives=True)
            self.result.documents += 1

    def _merge_document(self, change: OriginalChange, into: str) -> None:
        kind, survivor = change.kind, find_survivor(self.db, change.kind, into) or into
        if not self._is_current(kind, survivor):
            return
        by = Writer(self.by.name, change.reason)
        sent = MergeBody(into=survivor)
        self._stored = dict.fromkeys(self._stored, "")  # a merge changes others too
        try:
            _MERGES[kind](self.db, _ANY, change.id, sent, by)
        except (ConflictError, InvalidBodyError) as wrong:
            raise PullError(f"{kind} {change.id} cannot be merged into {survivor}: {wrong}") from (
                wrong
            )
        self.result.documents += 1

    def _retract_unused(self, change: OriginalChange) -> None:
        """Retract a document that the original has retracted, unless something here names it."""
        kept = _TYPES[change.kind]
        if not self._is_current(change.kind, change.id):
            return
        current = find_current_document(kept.stored, self.db, change.id)
        assert current is not None
        model = kept.model.model_validate_json(current[1])
        if not any(True for _ in kept.list_uses(self.db, model)):
            kept.retract(self.db, model, Writer(self.by.name, change.reason))
            self.result.documents += 1

    # ── events ──────────────────────────────────────────────────────────────────────────────────
    def _write_events(self) -> None:
        changes, decoded = {one.id: one for one in self.window.events}, self.window.decoded
        self.result.events += len(changes)
        stored = dict(read_event_documents(self.db, list(changes)))
        grades = read_source_grades(self.db, list(decoded.values()))
        merged, present = self._find_named()
        # A revision may be read again of an event that has ended here; a merge needs no writing.
        left_out = self._list_moved("event", list(changes))
        left_out |= {one.id for one in self.window.events if one.action == "merge"} & stored.keys()
        records = []
        for ident in decoded.keys() - left_out:
            record = _replace_merged(input_from_document(decoded[ident], grades), merged)
            # What is not here was retracted at the original later: a newer revision follows.
            if _list_named(record) <= present:
                records.append((ident, record))
        records.sort(key=lambda one: changes[one[0]].seq)
        reasons = {ident: one.reason for ident, one in changes.items() if one.reason is not None}
        written = write_resolved_events(
            self.db, records, self.by, unless_same=True, reasons=reasons
        )
        self._count_events(written, stored)
        self._compare_documents({ident: changes[ident] for ident, _ in records})
        self._end_merged(changes)

    def _find_named(self) -> tuple[dict[tuple[str, str], str], set[tuple[str, str]]]:
        """Find what the events name: what was merged here, into what, and what is here."""
        needed: dict[ReplicatedKind, set[str]] = {
            "actor": self.window.needed_actors, "source": self.window.needed_sources,
        }  # fmt: skip
        merged: dict[tuple[str, str], str] = {}
        present: set[tuple[str, str]] = set()
        for kind, ids in needed.items():
            for ident in self._list_moved(kind, ids):
                survivor = find_survivor(self.db, kind, ident)
                assert survivor is not None
                merged[kind, ident] = survivor
            survivors = {into for (of_kind, _), into in merged.items() if of_kind == kind}
            present |= {(kind, ident) for ident in list_known(self.db, kind, ids | survivors)}
        return merged, present - merged.keys()

    def _count_events(self, written: list[bytes], stored: Mapping[str, str]) -> None:
        for text in written:
            event = decode_event_document(text)
            before = stored.get(event.id)
            if before is None:
                self.result.new += 1
            elif event.status == "retracted" != decode_event_document(before).status:
                self.result.retracted += 1
            else:
                self.result.changed += 1

    def _end_merged(self, changes: Mapping[str, OriginalChange]) -> None:
        for ident in [one.id for one in changes.values() if one.action == "merge"]:
            change = changes[ident]
            found = dict(read_event_documents(self.db, [ident]))
            if not found:
                continue
            gone: EventDocumentRecord = decode_event_document(found[ident])
            into = change.into and (find_survivor(self.db, "event", change.into) or change.into)
            if into and read_event_documents(self.db, [into]):
                by = Writer(self.by.name, change.reason)
                end_merged_events(self.db, [gone], into, by)
                self.result.retracted += 1
            elif gone.status != "retracted":  # the survivor is of a dataset that is not here
                record = input_from_document(gone, read_source_grades(self.db, [gone]))
                record.status = "retracted"
                write_resolved_events(self.db, [(ident, record)], self.by)
                self.result.retracted += 1

    def _compare_documents(self, changes: Mapping[str, OriginalChange]) -> None:
        """Note the events whose documents differ from the original's."""
        for ident, document in read_event_documents(self.db, list(changes)):
            theirs = decode_normalized_event(bytes(changes[ident].document))
            ours = decode_normalized_event(document)
            if encode_event_body(ours) != encode_event_body(theirs):
                self.result.differing.append(ident)


def _list_named(record: EventRecord) -> set[tuple[str, str]]:
    """List the actors and sources that an event names, by kind and id."""
    codes = {p.actor for p in record.participants}
    codes |= {code for s in record.signals for code in (s.from_, s.toward)}
    codes.add(record.location.country if record.location is not None else None)
    found = {("actor", str(code)) for code in codes if code is not None}
    return found | {("source", str(report.source)) for report in record.reports}


def _replace_merged(record: EventRecord, merged: Mapping[tuple[str, str], str]) -> EventRecord:
    """Replace actors and sources that were merged here by what they were merged into."""
    if not merged:
        return record
    for p in record.participants:
        p.actor = merged.get(("actor", p.actor or ""), p.actor)
    for s in record.signals:
        s.from_ = merged.get(("actor", s.from_), s.from_)
        s.toward = merged.get(("actor", s.toward), s.toward)
    if record.location is not None and record.location.country is not None:
        country = record.location.country
        record.location.country = merged.get(("actor", country), country)
    parts = record.participants
    unique = {(p.actor, p.role, p.native if p.actor is None else None): p for p in parts}
    record.participants = list(unique.values())
    record.signals = [s for s in record.signals if s.from_ != s.toward]
    reports: dict[tuple[str, str | None], ReportRecord] = {}
    for report in record.reports:
        report.source = merged.get(("source", str(report.source)), report.source)
        reports.setdefault((str(report.source), report.locator), report)
    record.reports = list(reports.values())
    return record
