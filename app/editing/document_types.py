"""Declare what the write API needs to know of actors, memberships, sources and datasets."""

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from app.actors.changes import retract_actor, retract_membership, write_actors, write_memberships
from app.actors.membership_queries import MEMBERSHIP_DOCUMENTS
from app.actors.queries import find_actor_by_code
from app.actors.schemas import Actor, Membership
from app.db.dialect.stored_document import document_of
from app.db.document_table import DocumentTable
from app.db.journal import Writer, find_survivor
from app.db.tables import (
    actors,
    events,
    memberships,
    participations,
    reports,
    revisions,
    signals,
    sources,
)
from app.editing.actor_codes import (
    find_actor_code_conflicts,
    resolve_actor_document,
    resolve_actor_or_fault,
)
from app.editing.documents import DocumentType
from app.editing.propagate import (
    list_events_acted_by,
    list_events_citing_source,
    list_events_naming_actor,
    rerender_dependents,
)
from app.errors import Fault, InvalidBodyError
from app.events.render import ACTING_KINDS
from app.events.word_index import (
    MOST_BY_REQUEST,
    retract_dataset_with_words,
    write_datasets_with_words,
)
from app.sources.changes import retract_source, write_sources
from app.sources.queries import DATASET_DOCUMENTS, SOURCE_DOCUMENTS
from app.sources.schemas import Dataset, Source


def _count_rows(db: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return int(db.scalar(select(func.count()).select_from(table).where(*where)) or 0)


# ── actors ────────────────────────────────────────────────────────────────────────────────────
def _list_actor_uses(db: Connection, actor: Actor) -> Iterator[str]:
    p, m, s = participations.c, memberships.c, signals.c
    if n := _count_rows(db, participations, p.actor == actor.code):
        yield f"{n} participations in events"
    if n := _count_rows(db, signals, or_(s["from"] == actor.code, s.toward == actor.code)):
        yield f"{n} signals"
    if n := _count_rows(db, memberships, or_(m.actor == actor.code, m.group == actor.code)):
        yield f"{n} memberships"
    if n := _count_rows(db, events, events.c.country == actor.code):
        yield f"{n} places of events"
    if n := sum(actor.code in other.successors for other in _find_actors_naming(db, actor.code)):
        yield f"{n} actors as their successor"


def _find_actors_naming(db: Connection, code: str) -> list[Actor]:
    """Find the actors whose documents contain a code."""
    rows = db.execute(
        select(document_of(revisions))
        .join(actors, actors.c.seq == revisions.c.seq)
        .where(revisions.c.plain.contains(f'"{code}"', autoescape=True))
    )
    return [Actor.model_validate_json(row.document) for row in rows]


def _rerender_after_actor(db: Connection, before: Actor | None, now: Actor, by: Writer) -> None:
    if before is not None and (before.name, before.kind) != (now.name, now.kind):
        rerender_dependents(db, list_events_naming_actor(db, now.code), by)


ACTOR_TYPE = DocumentType(
    stored=DocumentTable("actor", actors, "code", "/v1/actors"),
    model=Actor,
    id_of=lambda actor: actor.code,
    write=write_actors,
    retract=retract_actor,
    resolve=resolve_actor_document,
    list_uses=_list_actor_uses,
    rerender=_rerender_after_actor,
    find_batch_conflicts=find_actor_code_conflicts,
    read_only=("memberships", "first_event", "last_event", "events"),
)


# ── memberships ───────────────────────────────────────────────────────────────────────────────
def _resolve_membership(db: Connection, membership: Membership) -> Membership:
    faults: list[Fault] = []
    actor = resolve_actor_or_fault(db, membership.actor, ["actor"], faults)
    group = resolve_actor_or_fault(db, membership.group, ["group"], faults)
    if not faults and actor == group:
        faults.append(Fault(loc=["group"], message="is the actor itself"))
    for n, step in enumerate(membership.steps):
        if step.event is not None and not _event_exists(db, step.event):
            loc: list[str | int] = ["steps", n, "event"]
            faults.append(Fault(loc=loc, message="no event has that id"))
        absent = _find_absent_sources(db, step.sources)
        faults += [
            Fault(loc=["steps", n, "sources", at], message="no source has that id")
            for at, source in enumerate(step.sources)
            if source in absent
        ]
    if faults:
        raise InvalidBodyError(faults)
    return membership.model_copy(update={"actor": actor, "group": group})


def _event_exists(db: Connection, ident: str) -> bool:
    """Return whether an event exists or was merged into one that does."""
    there = _count_rows(db, events, events.c.id == ident)
    return bool(there) or find_survivor(db, "event", ident) is not None


def _find_absent_sources(db: Connection, wanted: Sequence[str]) -> set[str]:
    known = set(db.scalars(select(sources.c.id).where(sources.c.id.in_(wanted))))
    return set(wanted) - known


def _rerender_after_membership(
    db: Connection, _: Membership | None, now: Membership, by: Writer
) -> None:
    row = find_actor_by_code(db, now.actor)
    if row is not None and row.kind in ACTING_KINDS:
        rerender_dependents(db, list_events_acted_by(db, now.actor), by)


def _retract_membership(db: Connection, membership: Membership, by: Writer) -> int:
    seq = retract_membership(db, membership, by)
    _rerender_after_membership(db, membership, membership, by)
    return seq


MEMBERSHIP_TYPE = DocumentType(
    stored=MEMBERSHIP_DOCUMENTS,
    model=Membership,
    id_of=lambda membership: membership.id,
    write=write_memberships,
    retract=_retract_membership,
    resolve=_resolve_membership,
    list_uses=lambda _, __: iter(()),
    rerender=_rerender_after_membership,
)


# ── sources and datasets ──────────────────────────────────────────────────────────────────────
def list_memberships_citing(db: Connection, source: str) -> list[Membership]:
    """List the memberships that cite a source for one of their steps."""
    rows = db.execute(
        select(document_of(revisions))
        .join(memberships, memberships.c.seq == revisions.c.seq)
        .where(revisions.c.plain.contains(source, autoescape=True))
    )
    candidates = [Membership.model_validate_json(row.document) for row in rows]
    return [
        membership
        for membership in candidates
        if any(source in step.sources for step in membership.steps)
    ]


def _list_source_uses(db: Connection, source: Source) -> Iterator[str]:
    if n := _count_rows(db, reports, reports.c.source == source.id):
        yield f"{n} reports of events"
    if n := len(list_memberships_citing(db, source.id)):
        yield f"{n} memberships"


def _rerender_after_source(db: Connection, before: Source | None, now: Source, by: Writer) -> None:
    if before is not None:
        grades = {before.id: before.reliability}
        rerender_dependents(db, list_events_citing_source(db, now.id), by, before=grades)


SOURCE_TYPE = DocumentType(
    stored=SOURCE_DOCUMENTS,
    model=Source,
    id_of=lambda source: source.id,
    write=write_sources,
    retract=retract_source,
    resolve=lambda _, source: source,
    list_uses=_list_source_uses,
    rerender=_rerender_after_source,
)


def _list_dataset_uses(db: Connection, dataset: Dataset) -> Iterator[str]:
    if n := _count_rows(db, events, events.c.dataset == dataset.code):
        yield f"{n} events"


def _skip_rerender(*_: object) -> None:
    """Do nothing: no other document shows fields of a dataset."""


DATASET_TYPE = DocumentType(
    stored=DATASET_DOCUMENTS,
    model=Dataset,
    id_of=lambda dataset: dataset.code,
    write=partial(write_datasets_with_words, most=MOST_BY_REQUEST),
    retract=retract_dataset_with_words,
    resolve=lambda _, dataset: dataset,
    list_uses=_list_dataset_uses,
    rerender=_skip_rerender,
)
