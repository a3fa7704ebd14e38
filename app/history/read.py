"""Reads of the history: revisions of a document, the change feed, and differences."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection, Row

from app.db.reader import find_dataset_of, get_hidden
from app.events import queries as of_events
from app.events.resolved_filter import ResolvedFilter
from app.history import queries
from app.history.compare import list_changed_fields
from app.history.schemas import Change, Difference, MatchChange, Revision
from app.sources.visible import list_open_revisions, require_open_document

BATCH_SIZE = 500
MAX_BATCHES = 20
"""The most batches read for one answer: a narrow filter gives short pages, not slow ones."""

FoundT = TypeVar("FoundT", Change, Difference)


@dataclass(frozen=True, slots=True)
class ChangeBatch(Generic[FoundT]):
    """A batch of results, and the `seq` up to which revisions were examined."""

    found: list[FoundT]
    upto: int
    done: bool
    """Whether no revision is left to examine."""


def read_document_revisions(
    db: Connection, kind: str, ident: str, after: int, limit: int
) -> tuple[list[Revision], bool]:
    """Read the revisions of a document after one, and whether there are more."""
    require_open_document(db, kind, ident)
    rows = db.execute(queries.select_document_revisions(kind, ident, after, limit)).all()
    found, merges = [], _read_merges(db, rows)
    for row in rows[:limit]:
        fields = dict(row._mapping) | {"into": merges.get(row.seq)}
        before = fields.pop("before")
        document = fields.pop("document")
        changed = list_changed_fields(before, document)
        found.append(Revision(**fields, document=json.loads(document), changed=changed))
    return found, len(rows) > limit


@dataclass(frozen=True, slots=True)
class ChangeSelection:
    """Which changes to read; without a resolved filter, those of every event."""

    resolved_filter: ResolvedFilter | None
    kinds: tuple[str, ...]
    derived: bool
    documents: bool
    ids: tuple[str, ...] = ()
    """The only documents whose changes count; empty for all."""


def read_changes(
    db: Connection, wanted: ChangeSelection, after: int, limit: int
) -> ChangeBatch[Change]:
    """Read up to `limit` changes after a `seq`, in the order in which they were written."""
    found: list[Change] = []
    narrowed = wanted.resolved_filter is not None
    visible = list_open_revisions(db)
    for _ in range(MAX_BATCHES):
        most = BATCH_SIZE if narrowed else limit - len(found)
        statement = queries.select_changes(
            after,
            wanted.kinds,
            visible,
            ids=wanted.ids,
            derived=wanted.derived,
            documents=wanted.documents,
            before=narrowed,
            limit=most,
        )
        rows = db.execute(statement).all()
        words: dict[int, MatchChange] = {}
        meant = rows
        if wanted.resolved_filter is not None:
            words = _match_changes(db, wanted.resolved_filter, rows)
            meant = [row for row in rows if row.seq in words]
        merges = _read_merges(db, meant)
        for row in meant:
            if len(found) == limit:
                return ChangeBatch(found, found[-1].seq, False)
            found.append(_render_change(row, merges.get(row.seq), words.get(row.seq)))
        if len(rows) < most:
            return ChangeBatch(found, rows[-1].seq if rows else after, True)
        after = rows[-1].seq
        if len(found) == limit:
            break
    return ChangeBatch(found, after, False)


def _match_changes(
    db: Connection, resolved: ResolvedFilter, rows: Sequence[Row[object]]
) -> dict[int, MatchChange]:
    """Say of the changes of events that match the filter before or after what they are to it."""
    seqs = [row.seq for row in rows] + [row.before for row in rows if row.before is not None]
    hit = of_events.find_matching_revisions(db, resolved, seqs) if seqs else set()
    found: dict[int, MatchChange] = {}
    for row in rows:
        if row.seq in hit and row.before in hit:
            found[row.seq] = "changed"
        elif row.seq in hit:
            found[row.seq] = "added" if row.before is None else "entered"
        elif row.before in hit:
            found[row.seq] = "retracted" if row.action in ("retract", "merge") else "left"
    return found


def _read_merges(db: Connection, rows: Sequence[Row[object]]) -> dict[int, str]:
    """Read what merged documents were merged into, by `seq`, where the reader may see that."""
    seqs = [row.seq for row in rows if row.action == "merge"]
    events = {row.seq for row in rows if row.kind == "event"}
    hidden = get_hidden(db).rows
    return {
        seq: into
        for seq, into in (db.execute(queries.select_merges(seqs)) if seqs else ())
        if seq not in events or find_dataset_of(into) not in hidden
    }


def _render_change(row: Row[object], into: str | None, change: MatchChange | None) -> Change:
    fields = dict(row._mapping)
    fields.pop("before", None)
    document = fields.pop("document", None)
    shown = None if document is None else json.loads(document)
    return Change(**fields, into=into, change=change, document=shown)


def read_differences(
    db: Connection, resolved: ResolvedFilter, first: int, last: int, after: int, limit: int
) -> ChangeBatch[Difference]:
    """Read up to `limit` events that differ between two versions, in the order of their changes."""
    found: list[Difference] = []
    for _ in range(MAX_BATCHES):
        rows = db.execute(queries.select_last_revisions(first, last, after, BATCH_SIZE)).all()
        seqs = [row.seq for row in rows] + [row.before for row in rows if row.before is not None]
        hit = of_events.find_matching_revisions(db, resolved, seqs) if seqs else set()
        meant = [row for row in rows if row.seq in hit or row.before in hit]
        texts = _read_documents(db, meant)
        for row in meant:
            if len(found) == limit:
                return ChangeBatch(found, found[-1].seq, False)
            if difference := _build_difference(row, hit, texts):
                found.append(difference)
        if len(rows) < BATCH_SIZE:
            return ChangeBatch(found, last, True)
        after = rows[-1].seq
        if len(found) == limit:
            break
    return ChangeBatch(found, after, False)


def _read_documents(db: Connection, rows: list[Row[object]]) -> dict[int, str]:
    seqs = {row.seq for row in rows} | {row.before for row in rows if row.before is not None}
    found: dict[int, str] = {}
    ordered = sorted(seqs)
    for at in range(0, len(ordered), BATCH_SIZE):
        for row in db.execute(queries.select_documents_by_seq(ordered[at : at + BATCH_SIZE])):
            found[row.seq] = row.document
    return found


def _build_difference(row: Row[object], hit: set[int], texts: dict[int, str]) -> Difference | None:
    after = json.loads(texts[row.seq])
    fields = list_changed_fields(None if row.before is None else texts[row.before], texts[row.seq])
    if row.before in hit and row.seq in hit:
        change = "changed"
        if not fields:
            return None  # changed and changed back
    elif row.seq in hit:
        change = "added" if row.before is None else "entered"
    else:
        change = "retracted" if after["status"] == "retracted" else "left"
    return Difference.model_validate(
        {
            "id": row.id,
            "change": change,
            "title": after["title"],
            "fields": fields,
            **{name: getattr(row, name) for name in ("seq", "at", "by", "reason")},
        }
    )
