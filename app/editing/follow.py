"""Render the events again that show an actor or source which was changed."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Select, select, union

from app.db.journal import Writer
from app.db.tables import events, participations, reports, revisions, signals, sources
from app.events.changes import documents, put
from app.events.given import given_of
from app.events.schemas import Event, GivenEvent
from app.events.vocabulary import Reliability
from app.sources.schemas import Source

PART = 500
"""Ids in one statement, well under the limits on bound parameters of both databases."""
Change = Callable[[GivenEvent], GivenEvent]
Grades = dict[str, Reliability | None]


def unchanged(event_input: GivenEvent) -> GivenEvent:
    """Return the event input unchanged: only the names that the document shows are new."""
    return event_input


def rendered_again(
    db: Connection,
    ids: Sequence[str],
    by: Writer,
    change: Change = unchanged,
    before: Grades | None = None,
) -> None:
    """Render events again, and append those that changed as derived revisions.

    `change` is applied to the input of each event first. `before` gives the grades that sources
    had when the documents were rendered.
    """
    for at in range(0, len(ids), PART):
        current = [Event.model_validate_json(d) for _, d in documents(db, ids[at : at + PART])]
        known = grades(db, current) | (before or {})
        put(db, [(e.id, change(given_of(e, known))) for e in current], by, derived=True)


def grades(db: Connection, cited_by: Sequence[Event]) -> Grades:
    """Read the reliability grade of each source that the events cite."""
    cited = sorted({r.source for e in cited_by for r in e.reports})
    found: Grades = {}
    for at in range(0, len(cited), PART):
        part = cited[at : at + PART]
        named = sources.c.id.in_(part)
        rows = db.execute(
            select(revisions.c.document)
            .join(sources, sources.c.seq == revisions.c.seq)
            .where(named)
        )
        found_sources = [Source.model_validate_json(row.document) for row in rows]
        found |= {source.id: source.reliability for source in found_sources}
    return found


def _ids(db: Connection, *found: Select[tuple[str]]) -> list[str]:
    return sorted(db.scalars(union(*found)))


def showing_actor(db: Connection, code: str) -> list[str]:
    """List the ids of the events that name an actor in any of their parts."""
    p, s, e = participations.c, signals.c, events.c
    return _ids(
        db,
        select(p.event).where(p.actor == code),
        select(s.event).where(s["from"] == code),
        select(s.event).where(s.toward == code),
        select(e.id).where(e.country == code),
    )


def acted_by(db: Connection, code: str) -> list[str]:
    """List the ids of the events in which an actor took part itself, not through another."""
    p = participations.c
    return _ids(db, select(p.event).where(p.actor == code, p.via == ""))


def citing(db: Connection, source: str) -> list[str]:
    """List the ids of the events that cite a source."""
    return _ids(db, select(reports.c.event).where(reports.c.source == source))
