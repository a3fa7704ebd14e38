"""Statements that read sources, datasets and coverage; they are built here, not run."""

from sqlalchemy import ColumnElement, Select, func, literal, or_, select

from app.db.dialect.stored_document import document_of
from app.db.document_table import DocumentTable
from app.db.tables import datasets, events, reports, revisions, sources
from app.db.versioning import Columns, select_current_or_as_of
from app.sources.filter import SourceQuery

SOURCE_DOCUMENTS = DocumentTable("source", sources, "id", "/v1/sources")
DATASET_DOCUMENTS = DocumentTable("dataset", datasets, "code", "/v1/datasets")


def match_sources(asked: SourceQuery, t: Columns, as_of: int | None) -> list[ColumnElement[bool]]:
    """Build the conditions of a filter on sources; a vague date matches where it can be meant."""
    found: list[ColumnElement[bool]] = [
        or_(t.title.icontains(word, autoescape=True), t.publisher.icontains(word, autoescape=True))
        for word in (asked.q or "").split()
    ]
    found += [
        t[name].in_(wanted)
        for name, wanted in (("publisher", asked.publisher), ("kind", asked.kind))
        if wanted
    ]
    if asked.event is not None:
        event = asked.event
        cited = select_current_or_as_of(
            as_of, reports, lambda r: select(r.source).where(r.event == event)
        )
        found.append(t.id.in_(cited))
    published = func.rtrim(t.published, "~?%")
    if asked.since is not None:
        first = asked.since.first
        found.append(or_(published >= first, literal(first).startswith(published)))
    if asked.until is not None:
        found.append(published <= asked.until.last)
    return found


def select_dataset_coverage(as_of: int | None) -> Select[tuple[object, ...]]:
    """Select each dataset with the days it covers, and the number and days of its events."""
    known = select_current_or_as_of(
        as_of, datasets, lambda d: select(d.code, d.name, d.signals, d.first, d.last, d.seq)
    ).subquery()
    loaded = select_current_or_as_of(as_of, events, lambda e: select(e.dataset, e.start)).subquery()
    d, e = known.c, loaded.c
    return (
        select(
            d.code.label("dataset"),
            d.name,
            d.signals,
            func.coalesce(datasets.c.access, "open").label("access"),
            d.first,
            d.last,
            func.count(e.start).label("events"),
            func.min(e.start).label("first_event"),
            func.max(e.start).label("last_event"),
            document_of(revisions),
        )
        .join(revisions, revisions.c.seq == d.seq)
        .outerjoin(loaded, e.dataset == d.code)
        .outerjoin(datasets, datasets.c.code == d.code)  # closed now, whatever it was then
        .group_by(
            d.code,
            d.name,
            d.signals,
            datasets.c.access,
            d.first,
            d.last,
            revisions.c.plain,
            revisions.c.packed,
        )
        .order_by(d.code)
    )
