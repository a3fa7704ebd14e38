"""Declare what the write API needs to know of actors, memberships, sources and datasets."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from app.actors.changes import retract_actor, retract_membership, write_actors, write_memberships
from app.actors.memberships import MEMBERSHIPS
from app.actors.queries import exact
from app.actors.schemas import Actor, Membership
from app.db.journal import Writer, survivor_of
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
from app.editing.follow import acted_by, citing, rendered_again, showing_actor
from app.editing.names import clashes, code_of, settled_actor
from app.editing.standing import Kept
from app.events.render import ACTING
from app.http.problems import Fault, InvalidBodyError
from app.http.record import Shelf
from app.sources.changes import retract_dataset, retract_source, write_datasets, write_sources
from app.sources.router import DATASETS, SOURCES
from app.sources.schemas import Dataset, Source


def _count(db: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return int(db.scalar(select(func.count()).select_from(table).where(*where)) or 0)


# ── actors ────────────────────────────────────────────────────────────────────────────────────
def _uses_of_actor(db: Connection, actor: Actor) -> Iterator[str]:
    p, m, s = participations.c, memberships.c, signals.c
    if n := _count(db, participations, p.actor == actor.code):
        yield f"{n} participations in events"
    if n := _count(db, signals, or_(s["from"] == actor.code, s.toward == actor.code)):
        yield f"{n} signals"
    if n := _count(db, memberships, or_(m.actor == actor.code, m.group == actor.code)):
        yield f"{n} memberships"
    if n := _count(db, events, events.c.country == actor.code):
        yield f"{n} places of events"
    if n := sum(actor.code in other.successors for other in _naming(db, actor.code)):
        yield f"{n} actors as their successor"


def _naming(db: Connection, code: str) -> list[Actor]:
    """Find the actors whose documents contain a code."""
    rows = db.execute(
        select(revisions.c.document)
        .join(actors, actors.c.seq == revisions.c.seq)
        .where(revisions.c.document.contains(f'"{code}"', autoescape=True))
    )
    return [Actor.model_validate_json(row.document) for row in rows]


def _follow_actor(db: Connection, before: Actor | None, now: Actor, by: Writer) -> None:
    if before is not None and (before.name, before.kind) != (now.name, now.kind):
        rendered_again(db, showing_actor(db, now.code), by)


ACTORS = Kept(
    shelf=Shelf("actor", actors, "code", "/v1/actors"),
    model=Actor,
    ident=lambda actor: actor.code,
    write=write_actors,
    retract=retract_actor,
    settle=settled_actor,
    uses=_uses_of_actor,
    follow=_follow_actor,
    clashes=clashes,
    read_only=("memberships", "first_event", "last_event", "events"),
)


# ── memberships ───────────────────────────────────────────────────────────────────────────────
def _settled_membership(db: Connection, membership: Membership) -> Membership:
    faults: list[Fault] = []
    actor = code_of(db, membership.actor, ["actor"], faults)
    group = code_of(db, membership.group, ["group"], faults)
    if not faults and actor == group:
        faults.append(Fault(loc=["group"], message="is the actor itself"))
    for n, step in enumerate(membership.steps):
        if step.event is not None and not _known_event(db, step.event):
            loc: list[str | int] = ["steps", n, "event"]
            faults.append(Fault(loc=loc, message="no event has that id"))
        absent = _absent(db, step.sources)
        faults += [
            Fault(loc=["steps", n, "sources", at], message="no source has that id")
            for at, source in enumerate(step.sources)
            if source in absent
        ]
    if faults:
        raise InvalidBodyError(faults)
    return membership.model_copy(update={"actor": actor, "group": group})


def _known_event(db: Connection, ident: str) -> bool:
    """Return whether an event exists or was merged into one that does."""
    there = _count(db, events, events.c.id == ident)
    return bool(there) or survivor_of(db, "event", ident) is not None


def _absent(db: Connection, wanted: Sequence[str]) -> set[str]:
    known = set(db.scalars(select(sources.c.id).where(sources.c.id.in_(wanted))))
    return set(wanted) - known


def _follow_membership(db: Connection, _: Membership | None, now: Membership, by: Writer) -> None:
    row = exact(db, now.actor)
    if row is not None and row.kind in ACTING:
        rendered_again(db, acted_by(db, now.actor), by)


def _retract_membership(db: Connection, membership: Membership, by: Writer) -> int:
    seq = retract_membership(db, membership, by)
    _follow_membership(db, membership, membership, by)
    return seq


SPELLS = Kept(
    shelf=MEMBERSHIPS,
    model=Membership,
    ident=lambda membership: membership.id,
    write=write_memberships,
    retract=_retract_membership,
    settle=_settled_membership,
    uses=lambda _, __: iter(()),
    follow=_follow_membership,
)


# ── sources and datasets ──────────────────────────────────────────────────────────────────────
def citing_spells(db: Connection, source: str) -> list[Membership]:
    """List the memberships that cite a source for one of their steps."""
    rows = db.execute(
        select(revisions.c.document)
        .join(memberships, memberships.c.seq == revisions.c.seq)
        .where(revisions.c.document.contains(source, autoescape=True))
    )
    candidates = [Membership.model_validate_json(row.document) for row in rows]
    return [
        membership
        for membership in candidates
        if any(source in step.sources for step in membership.steps)
    ]


def _uses_of_source(db: Connection, source: Source) -> Iterator[str]:
    if n := _count(db, reports, reports.c.source == source.id):
        yield f"{n} reports of events"
    if n := len(citing_spells(db, source.id)):
        yield f"{n} memberships"


def _follow_source(db: Connection, before: Source | None, now: Source, by: Writer) -> None:
    if before is not None:
        grades = {before.id: before.reliability}
        rendered_again(db, citing(db, now.id), by, before=grades)


DOCUMENTS = Kept(
    shelf=SOURCES,
    model=Source,
    ident=lambda source: source.id,
    write=write_sources,
    retract=retract_source,
    settle=lambda _, source: source,
    uses=_uses_of_source,
    follow=_follow_source,
)


def _uses_of_dataset(db: Connection, dataset: Dataset) -> Iterator[str]:
    if n := _count(db, events, events.c.dataset == dataset.code):
        yield f"{n} events"


def _nothing(*_: Any) -> None:
    """Do nothing: no other document shows fields of a dataset."""


COLLECTIONS = Kept(
    shelf=DATASETS,
    model=Dataset,
    ident=lambda dataset: dataset.code,
    write=write_datasets,
    retract=retract_dataset,
    settle=lambda _, dataset: dataset,
    uses=_uses_of_dataset,
    follow=_nothing,
)
