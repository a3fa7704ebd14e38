"""Merge actors, memberships and sources.

The document that ends redirects to the survivor, and what named it is changed to name the survivor.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, or_, select

from app.actors.changes import merge_actor, retract_membership, write_actors, write_memberships
from app.actors.schemas import MOST_ALIASES, MOST_CODES, Actor, Membership
from app.db.dialect.stored_document import document_of
from app.db.journal import Writer, record_merge
from app.db.tables import memberships, revisions
from app.editing.document_types import (
    ACTOR_TYPE,
    MEMBERSHIP_TYPE,
    SOURCE_TYPE,
    list_memberships_citing,
)
from app.editing.documents import (
    DocumentType,
    build_document_outcome,
    find_current_document,
    require_current_document,
)
from app.editing.merge_targets import find_merge_targets
from app.editing.outcome import Outcome
from app.editing.preconditions import Preconditions
from app.editing.propagate import (
    list_events_acted_by,
    list_events_citing_source,
    list_events_naming_actor,
    rerender_dependents,
)
from app.editing.schemas import MergeBody
from app.errors import ConflictError
from app.events.record import EventRecord, ReportRecord
from app.sources.changes import retract_source
from app.sources.schemas import Source


def _match_merge_targets(
    kept: DocumentType[Any], db: Connection, expected: Preconditions, ident: str, sent: MergeBody
) -> tuple[str, list[str]]:
    """Return (survivor, losers) of a merge after checking `If-Match` on the one in the path."""
    survivor, losers = find_merge_targets(
        kept.stored.kind, ident, sent, lambda one: find_current_document(kept.stored, db, one)
    )
    expected.require_match(*require_current_document(kept.stored, db, ident))
    return survivor, losers


def merge_actor_documents(
    db: Connection, expected: Preconditions, ident: str, sent: MergeBody, by: Writer
) -> Outcome:
    """Merge actors: the survivor gets the names, codes, memberships and events of the others."""
    survivor, losers = _match_merge_targets(ACTOR_TYPE, db, expected, ident, sent)
    for loser in losers:
        kept, gone = (
            Actor.model_validate_json(require_current_document(ACTOR_TYPE.stored, db, code)[1])
            for code in (survivor, loser)
        )
        seq = merge_actor(db, gone, survivor, by)
        record_merge(db, "actor", loser, survivor, seq)
        write_actors(db, [_combine_actor_names(kept, gone)], by)
        _move_memberships(db, loser, survivor, by)
        ids = sorted({*list_events_naming_actor(db, loser), *list_events_acted_by(db, survivor)})
        rerender_dependents(db, ids, by, partial(_replace_actor, loser=loser, survivor=survivor))
    return build_document_outcome(ACTOR_TYPE.stored, db, survivor, 200)


def _combine_actor_names(kept: Actor, gone: Actor) -> Actor:
    names = [*kept.aliases, gone.name, *gone.aliases]
    known = {(c.scheme, c.value.lower()) for c in kept.codes}
    codes = [*kept.codes, *(c for c in gone.codes if (c.scheme, c.value.lower()) not in known)]
    aliases = [n for n in dict.fromkeys(names) if n != kept.name]
    if len(aliases) > MOST_ALIASES or len(codes) > MOST_CODES:
        limits = f"{MOST_ALIASES} aliases and {MOST_CODES} codes"
        raise ConflictError(f"The merged actor would have more than {limits}.")
    return kept.model_copy(update={"aliases": aliases, "codes": codes})


def _move_memberships(db: Connection, loser: str, survivor: str, by: Writer) -> None:
    m = memberships.c
    rows = db.execute(
        select(document_of(revisions))
        .join(memberships, m.seq == revisions.c.seq)
        .where(or_(m.actor == loser, m.group == loser))
        .order_by(m.id)
    )
    for membership in [Membership.model_validate_json(row.document) for row in rows.all()]:
        retract_membership(db, membership, by)
        sides = {"actor": membership.actor, "group": membership.group}
        sides = {side: survivor if code == loser else code for side, code in sides.items()}
        moved = membership.model_copy(update=sides)
        if sides["actor"] == sides["group"] or _membership_exists(db, moved):
            continue
        write_memberships(db, [_assign_free_number(db, moved)], by)


def _find_like_memberships(db: Connection, like: Membership) -> Sequence[Membership]:
    m = memberships.c
    rows = db.execute(
        select(document_of(revisions))
        .join(memberships, m.seq == revisions.c.seq)
        .where(m.actor == like.actor, m.group == like.group, m.role == like.role)
    )
    return [Membership.model_validate_json(row.document) for row in rows]


def _membership_exists(db: Connection, like: Membership) -> bool:
    return any(other.steps == like.steps for other in _find_like_memberships(db, like))


def _assign_free_number(db: Connection, membership: Membership) -> Membership:
    numbers = [other.spell for other in _find_like_memberships(db, membership)]
    if membership.spell not in numbers:
        return membership
    return membership.model_copy(update={"spell": max(numbers) + 1})


def _replace_actor(record: EventRecord, loser: str, survivor: str) -> EventRecord:
    """Replace one actor by another in an event, and drop signals from an actor to itself."""
    for p in record.participants:
        p.actor = survivor if p.actor == loser else p.actor
    unique = {
        (p.actor, p.role, p.native if p.actor is None else None): p for p in record.participants
    }
    for s in record.signals:
        s.from_ = survivor if s.from_ == loser else s.from_
        s.toward = survivor if s.toward == loser else s.toward
    if record.location is not None and record.location.country == loser:
        record.location.country = survivor
    record.participants = list(unique.values())
    record.signals = [s for s in record.signals if s.from_ != s.toward]
    return record


def merge_membership_documents(
    db: Connection, expected: Preconditions, ident: str, sent: MergeBody, by: Writer
) -> Outcome:
    """Merge records of one membership: the survivor stays as it is, the others redirect to it."""
    survivor, losers = _match_merge_targets(MEMBERSHIP_TYPE, db, expected, ident, sent)
    kept, *ended = (
        Membership.model_validate_json(require_current_document(MEMBERSHIP_TYPE.stored, db, one)[1])
        for one in (survivor, *losers)
    )
    for gone in ended:
        if (gone.actor, gone.group, gone.role) != (kept.actor, kept.group, kept.role):
            raise ConflictError(f"{gone.id} and {kept.id} are not records of the same membership.")
        seq = retract_membership(db, gone, by, "merge")
        record_merge(db, "membership", gone.id, survivor, seq)
        MEMBERSHIP_TYPE.rerender(db, gone, gone, by)
    return build_document_outcome(MEMBERSHIP_TYPE.stored, db, survivor, 200)


def merge_source_documents(
    db: Connection, expected: Preconditions, ident: str, sent: MergeBody, by: Writer
) -> Outcome:
    """Merge sources: the survivor gets the reports and membership steps of the others."""
    survivor, losers = _match_merge_targets(SOURCE_TYPE, db, expected, ident, sent)
    for loser in losers:
        gone = Source.model_validate_json(
            require_current_document(SOURCE_TYPE.stored, db, loser)[1]
        )
        move_source_citations(db, loser, survivor, by)
        seq = retract_source(db, gone, by, "merge")
        record_merge(db, "source", loser, survivor, seq)
    return build_document_outcome(SOURCE_TYPE.stored, db, survivor, 200)


def move_source_citations(db: Connection, loser: str, survivor: str, by: Writer) -> None:
    """Let memberships and events cite one source in place of another."""
    for membership in list_memberships_citing(db, loser):
        steps = [
            step.model_copy(update={"sources": _replace_in_list(step.sources, loser, survivor)})
            for step in membership.steps
        ]
        write_memberships(db, [membership.model_copy(update={"steps": steps})], by)
    ids = list_events_citing_source(db, loser)
    rerender_dependents(db, ids, by, partial(_replace_source, loser=loser, survivor=survivor))


def _replace_in_list(sources: Sequence[str], loser: str, survivor: str) -> list[str]:
    return list(dict.fromkeys(survivor if one == loser else one for one in sources))


def _replace_source(record: EventRecord, loser: str, survivor: str) -> EventRecord:
    reports: dict[tuple[str, str | None], ReportRecord] = {}
    for report in record.reports:
        report.source = survivor if report.source == loser else report.source
        reports.setdefault((str(report.source), report.locator), report)
    record.reports = list(reports.values())
    return record
