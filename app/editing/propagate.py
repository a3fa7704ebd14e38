"""Render the events again that show an actor or source which was changed."""

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection, Select, select, union

from app.db.journal import Writer
from app.db.tables import events, participations, reports, signals, sources
from app.events.changes import read_event_documents, write_resolved_events
from app.events.record import EventRecord
from app.events.render import EventDocumentBody, decode_event_document
from app.events.to_input import input_from_document
from app.events.vocabulary import Reliability

IDS_PER_QUERY = 500
"""Ids in one statement, well under the limits on bound parameters of both databases."""
EventChange = Callable[[EventRecord], EventRecord]
SourceGrades = dict[str, Reliability | None]


def keep_event_unchanged(record: EventRecord) -> EventRecord:
    """Return the record unchanged: only the names that the document shows are new."""
    return record


def rerender_dependents(
    db: Connection,
    ids: Sequence[str],
    by: Writer,
    change: EventChange = keep_event_unchanged,
    before: SourceGrades | None = None,
    always: Collection[str] = (),
) -> int:
    """Render events again, and append those that changed as derived revisions; returns how many.

    `change` is applied to the input of each event first. `before` gives the grades that sources
    had when the documents were rendered. Events in `always` get a revision in any case.
    """
    changed = 0
    for at in range(0, len(ids), IDS_PER_QUERY):
        current = [
            decode_event_document(d)
            for _, d in read_event_documents(db, ids[at : at + IDS_PER_QUERY])
        ]
        known = read_source_grades(db, current) | (before or {})
        changes = [(e.id, change(input_from_document(e, known))) for e in current]
        made = write_resolved_events(db, changes, by, derived=True, always=always)
        changed += len(made)
    return changed


def read_source_grades(db: Connection, cited_by: Sequence[EventDocumentBody]) -> SourceGrades:
    """Read the reliability grade of each source that the events cite."""
    cited = sorted({r.source for e in cited_by for r in e.reports})
    found: SourceGrades = {}
    for at in range(0, len(cited), IDS_PER_QUERY):
        wanted = sources.c.id.in_(cited[at : at + IDS_PER_QUERY])
        for ident, grade in db.execute(select(sources.c.id, sources.c.reliability).where(wanted)):
            found[ident] = grade
    return found


def _select_event_ids(db: Connection, *found: Select[tuple[str]]) -> list[str]:
    return sorted(db.scalars(union(*found)))


def list_events_naming_actor(db: Connection, code: str) -> list[str]:
    """List the ids of the events that name an actor in any of their parts."""
    p, s, e = participations.c, signals.c, events.c
    return _select_event_ids(
        db,
        select(p.event).where(p.actor == code),
        select(s.event).where(s["from"] == code),
        select(s.event).where(s.toward == code),
        select(e.id).where(e.country == code),
    )


def list_events_acted_by(db: Connection, code: str) -> list[str]:
    """List the ids of the events in which an actor took part itself, not through another."""
    p = participations.c
    return _select_event_ids(db, select(p.event).where(p.actor == code, p.via == ""))


def list_events_citing_source(db: Connection, source: str) -> list[str]:
    """List the ids of the events that cite a source."""
    return _select_event_ids(db, select(reports.c.event).where(reports.c.source == source))
