"""Render all events again after a change of the rules, as derived revisions that keep history."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, exists, select

from app.db.dialect import build_upsert
from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.journal import Writer
from app.db.lineage_table import read_version
from app.db.tables import datasets, events, house, revisions, signals
from app.editing.propagate import rerender_dependents
from app.events.changes import read_event_documents
from app.events.durations import resolve_signal_span
from app.events.render import (
    decode_event_document,
    decode_normalized_event,
    encode_event_body,
    strip_revision,
)
from app.events.signals import RULES_VERSION
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset

EVENTS_PER_TRANSACTION = 500
MARK = "signal_rules"
"""The row of `house` with the version of the rules by which all signals are derived."""


def rerender_events(
    database: Database,
    by: Writer,
    on_progress: Callable[[int], None] = lambda _: None,
    *,
    add_fields: bool = False,
) -> int:
    """Render every event again, and return how many documents changed.

    With `add_fields`, a document that only lacks a field of the present schema changes too.

    A document that stays the same gets no revision, so that an interrupted run can be repeated.
    Current shifts of the pairs that changed become stale.
    """
    after, examined, changed = "", 0, 0
    while True:
        with database.write() as db:
            rows = select(events.c.id).where(events.c.id > after).order_by(events.c.id)
            ids = list(db.scalars(rows.limit(EVENTS_PER_TRANSACTION)))
            if not ids:
                return changed
            always = find_outdated_spans(db, ids)
            if add_fields:
                always |= find_incomplete_documents(db, ids)
            changed += rerender_dependents(db, ids, by, always=always)
        after, examined = ids[-1], examined + len(ids)
        on_progress(examined)


def find_outdated_spans(db: Connection, ids: Sequence[str]) -> set[str]:
    """Find the events whose signals are spread over other days than their dates say.

    Their documents may be the same as before; only the days have changed.
    """
    s, e = signals.c, events.c
    stored = select(s.event, s.end).join(events, e.id == s.event).distinct()
    ends = dict(tuple(row) for row in db.execute(stored.where(e.id.in_(ids), e.end != e.start)))
    return {
        ident
        for ident, document in read_event_documents(db, sorted(ends))
        if resolve_signal_span(decode_event_document(document).date).end != ends[ident]
    }


def find_incomplete_documents(db: Connection, ids: Sequence[str]) -> set[str]:
    """Find the events whose documents lack a field of the present schema."""
    return {
        ident
        for ident, document in read_event_documents(db, ids)
        if encode_event_body(decode_normalized_event(document)) != strip_revision(document)
    }


def note_mirrored_visits(database: Database, by: Writer) -> None:
    """Note of each dataset with hostings (CAMEO 043) that its source records each visit twice."""
    d, e = datasets.c, events.c
    has_hostings = exists().where(e.dataset == d.code, e.cameo == "043")
    rows = select(document_of(revisions)).join(datasets, d.seq == revisions.c.seq)
    with database.write() as db:
        found = [
            Dataset.model_validate_json(document)
            for document in db.scalars(rows.where(has_hostings, ~d.mirrored_visits))
        ]
        changed = [one.model_copy(update={"mirrored_visits": True}) for one in found]
        write_datasets(db, changed, by, rederives=True)


def apply_signal_rules(
    database: Database, on_progress: Callable[[int], None] = lambda _: None
) -> int | None:
    """Derive the signals of all events by the current rules.

    Returns how many documents changed; None where the signals are derived by these rules already.
    """
    with database.connect() as db:
        mark = db.scalar(select(house.c.value).where(house.c.name == MARK))
        is_empty = read_version(db) == 0
    if mark == str(RULES_VERSION):
        return None
    reason = f"signals derived by version {RULES_VERSION} of the rules"
    by = Writer("entente", reason)
    note_mirrored_visits(database, by)
    changed = rerender_events(database, by, on_progress)
    with database.write() as db:
        db.execute(build_upsert(db, house), {"name": MARK, "value": str(RULES_VERSION)})
    return None if is_empty else changed
