"""Merging actors, memberships and sources: one ends and leads to the other, and what named it
follows."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from sqlalchemy import Connection, or_, select

from app.actors.changes import merge_actor, retract_membership, write_actors, write_memberships
from app.actors.schemas import MOST_ALIASES, MOST_CODES, Actor, Membership
from app.db.journal import Writer, note_merge
from app.db.tables import memberships, revisions
from app.editing.follow import acted_by, citing, rendered_again, showing_actor
from app.editing.kinds import ACTORS, DOCUMENTS, SPELLS, citing_spells
from app.editing.outcome import Outcome, require_match
from app.editing.schemas import MergeBody
from app.editing.sides import sides
from app.editing.standing import Kept, shown, standing, stands
from app.events.schemas import GivenEvent
from app.http.problems import ConflictError
from app.sources.changes import retract_source
from app.sources.schemas import Source


def _sides(
    kept: Kept[Any], db: Connection, request: Request, ident: str, sent: MergeBody
) -> tuple[str, list[str]]:
    """Who goes on, and who ends."""
    survivor, losers = sides(
        kept.shelf.kind, ident, sent, lambda one: standing(kept.shelf, db, one)
    )
    require_match(request, *stands(kept.shelf, db, ident))
    return survivor, losers


def merge_actors(
    db: Connection, request: Request, ident: str, sent: MergeBody, by: Writer
) -> Outcome:
    """One actor goes on with the names, codes, memberships and events of the others."""
    survivor, losers = _sides(ACTORS, db, request, ident, sent)
    for loser in losers:
        kept, gone = (
            Actor.model_validate_json(stands(ACTORS.shelf, db, code)[1])
            for code in (survivor, loser)
        )
        seq = merge_actor(db, gone, survivor, by)
        note_merge(db, "actor", loser, survivor, seq)
        write_actors(db, [_with_names(kept, gone)], by)
        _move_spells(db, loser, survivor, by)
        ids = sorted({*showing_actor(db, loser), *acted_by(db, survivor)})
        rendered_again(db, ids, by, lambda given, a=loser: _renamed(given, a, survivor))  # type: ignore[misc]
    return shown(ACTORS.shelf, db, survivor, 200)


def _with_names(kept: Actor, gone: Actor) -> Actor:
    names = [*kept.aliases, gone.name, *gone.aliases]
    held = {(c.scheme, c.value.lower()) for c in kept.codes}
    codes = [*kept.codes, *(c for c in gone.codes if (c.scheme, c.value.lower()) not in held)]
    aliases = [n for n in dict.fromkeys(names) if n != kept.name]
    if len(aliases) > MOST_ALIASES or len(codes) > MOST_CODES:
        limits = f"{MOST_ALIASES} aliases and {MOST_CODES} codes"
        raise ConflictError(f"Together they have more than {limits}, the most of one actor.")
    return kept.model_copy(update={"aliases": aliases, "codes": codes})


def _move_spells(db: Connection, loser: str, survivor: str, by: Writer) -> None:
    m = memberships.c
    rows = db.execute(
        select(revisions.c.document)
        .join(memberships, m.seq == revisions.c.seq)
        .where(or_(m.actor == loser, m.group == loser))
        .order_by(m.id)
    )
    for spell in [Membership.model_validate_json(row.document) for row in rows.all()]:
        retract_membership(db, spell, by)
        sides = {"actor": spell.actor, "group": spell.group}
        sides = {side: survivor if code == loser else code for side, code in sides.items()}
        moved = spell.model_copy(update=sides)
        if sides["actor"] == sides["group"] or _same_spell(db, moved):
            continue
        write_memberships(db, [_free(db, moved)], by)


def _spells(db: Connection, like: Membership) -> Sequence[Membership]:
    m = memberships.c
    rows = db.execute(
        select(revisions.c.document)
        .join(memberships, m.seq == revisions.c.seq)
        .where(m.actor == like.actor, m.group == like.group, m.role == like.role)
    )
    return [Membership.model_validate_json(row.document) for row in rows]


def _same_spell(db: Connection, like: Membership) -> bool:
    return any(held.steps == like.steps for held in _spells(db, like))


def _free(db: Connection, spell: Membership) -> Membership:
    numbers = [held.spell for held in _spells(db, spell)]
    if spell.spell not in numbers:
        return spell
    return spell.model_copy(update={"spell": max(numbers) + 1})


def _renamed(given: GivenEvent, loser: str, survivor: str) -> GivenEvent:
    """An event in which one actor stands for another; a signal toward itself is none."""

    def code(held: str | None) -> str | None:
        return survivor if held == loser else held

    people = [p.model_copy(update={"actor": code(p.actor)}) for p in given.participants]
    unique = {(p.actor, p.role, p.native if p.actor is None else None): p for p in people}
    stated = [
        s.model_copy(update={"from_": code(s.from_), "toward": code(s.toward)})
        for s in given.signals
    ]
    place = given.location
    if place is not None:
        place = place.model_copy(update={"country": code(place.country)})
    return given.model_copy(
        update={
            "participants": list(unique.values()),
            "signals": [s for s in stated if s.from_ != s.toward],
            "location": place,
        }
    )


def merge_memberships(
    db: Connection, request: Request, ident: str, sent: MergeBody, by: Writer
) -> Outcome:
    """One record of a membership goes on as it stands, and the others lead to it."""
    survivor, losers = _sides(SPELLS, db, request, ident, sent)
    kept, *ended = (
        Membership.model_validate_json(stands(SPELLS.shelf, db, one)[1])
        for one in (survivor, *losers)
    )
    for gone in ended:
        if (gone.actor, gone.group, gone.role) != (kept.actor, kept.group, kept.role):
            raise ConflictError(f"{gone.id} is no record of the membership that {kept.id} is of.")
        seq = retract_membership(db, gone, by, "merge")
        note_merge(db, "membership", gone.id, survivor, seq)
        SPELLS.follow(db, gone, gone, by)
    return shown(SPELLS.shelf, db, survivor, 200)


def merge_sources(
    db: Connection, request: Request, ident: str, sent: MergeBody, by: Writer
) -> Outcome:
    """One source goes on with the reports of the others."""
    survivor, losers = _sides(DOCUMENTS, db, request, ident, sent)
    for loser in losers:
        gone = Source.model_validate_json(stands(DOCUMENTS.shelf, db, loser)[1])
        for spell in citing_spells(db, loser):
            steps = [
                step.model_copy(update={"sources": _instead(step.sources, loser, survivor)})
                for step in spell.steps
            ]
            write_memberships(db, [spell.model_copy(update={"steps": steps})], by)
        ids = citing(db, loser)
        rendered_again(db, ids, by, lambda given, a=loser: _cited(given, a, survivor))  # type: ignore[misc]
        seq = retract_source(db, gone, by, "merge")
        note_merge(db, "source", loser, survivor, seq)
    return shown(DOCUMENTS.shelf, db, survivor, 200)


def _instead(sources: Sequence[str], loser: str, survivor: str) -> list[str]:
    return list(dict.fromkeys(survivor if one == loser else one for one in sources))


def _cited(given: GivenEvent, loser: str, survivor: str) -> GivenEvent:
    reports: dict[tuple[str, str | None], Any] = {}
    for report in given.reports:
        source = survivor if report.source == loser else report.source
        reports.setdefault((source, report.locator), report.model_copy(update={"source": source}))
    return given.model_copy(update={"reports": list(reports.values())})
