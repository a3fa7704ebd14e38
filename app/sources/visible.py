"""Which documents of the record a reader may see, where datasets are closed: decision 023."""

from sqlalchemy import ColumnElement, Connection, and_, exists, literal, not_, or_, select

from app.db.reader import get_hidden, is_event_of, list_open_events, require_open_event
from app.db.tables import HISTORY_TABLES, reports, revisions
from app.errors import NotFoundError


def list_open_sources(db: Connection, source: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Build the conditions on the id of a source that the reader may see.

    Those are hidden that closed datasets alone cite, now or in former revisions of their events.
    """
    hidden = get_hidden(db).rows
    if not hidden:
        return []
    cited_by_closed = []
    for table in (reports, HISTORY_TABLES[reports]):
        r = table.alias().c
        cited_by_closed.append(
            exists().where(r.source == source, or_(*is_event_of(r.event, hidden)))
        )
    r = reports.alias().c
    cited_openly = exists().where(r.source == source, *list_open_events(db, r.event))
    return [or_(not_(or_(*cited_by_closed)), cited_openly)]


def list_open_revisions(db: Connection) -> list[ColumnElement[bool]]:
    """Build the conditions on a revision of a document that the reader may see."""
    hidden, r = get_hidden(db).rows, revisions.c
    if not hidden:
        return []
    closed_event = and_(r.kind == "event", or_(*is_event_of(r.id, hidden)))
    return [not_(closed_event), or_(r.kind != "source", *list_open_sources(db, r.id))]


def require_open_document(db: Connection, kind: str, ident: str) -> None:
    """Raise an error where the reader may not see a document: `ClosedDatasetError` for an event.

    A source that only closed datasets cite does not exist for the reader: `NotFoundError`.
    """
    if not get_hidden(db).rows:
        return
    if kind == "event":
        require_open_event(db, ident)
    if kind == "source" and not _is_open_source(db, ident):
        raise NotFoundError("No source has that id; /v1/sources lists them.")


def _is_open_source(db: Connection, ident: str) -> bool:
    return bool(db.scalar(select(literal(1)).where(*list_open_sources(db, literal(ident)))))
