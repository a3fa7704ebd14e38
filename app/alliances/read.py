"""Runs the reads of alliances."""

from sqlalchemy import Connection, select

from app.actors.ladder import HOLDING, period, status
from app.actors.queries import spells
from app.actors.schemas import Actor, Membership
from app.alliances.schemas import Alliance, Member, Tie
from app.db.tables import actors, revisions
from app.db.types import NEVER

KINDS = ("alliance", "organization")


def held(db: Connection, *, actor: str | None = None, group: str | None = None) -> list[Membership]:
    """Every spell of an actor, or in a group."""
    rows = db.execute(spells(actor=actor, group=group))
    return [Membership.model_validate_json(row.document) for row in rows]


def names(db: Connection) -> dict[str, str]:
    """The name of every actor."""
    return {r.code: r.name for r in db.execute(select(actors.c.code, actors.c.name))}


def members(
    db: Connection, group: str, day: str | None, roles: list[str], statuses: list[str] | None = None
) -> list[Member]:
    """Members on a day (all spells where no day is given), by role and code."""
    called = names(db)
    found = []
    for spell in held(db, group=group):
        now = status(spell.steps, day or NEVER)
        since, until = period(spell.steps)
        if spell.role not in roles:
            continue
        if day is not None and (now is None or now not in (statuses or HOLDING)):
            continue
        found.append(
            Member(
                actor=spell.actor,
                name=called[spell.actor],
                role=spell.role,
                status=now,
                since=since,
                until=None if until == NEVER else until,
                steps=spell.steps,
            )
        )
    return sorted(found, key=lambda m: (m.role, m.actor, m.since or NEVER))


def ties(db: Connection, actor: str, day: str) -> list[Tie]:
    """What an actor was bound to on a day, signed and ratified commitments included."""
    called, found = names(db), []
    for spell in held(db, actor=actor):
        now = status(spell.steps, day)
        if now in (None, "withdrawn") or spell.actor != actor:
            continue
        since, until = period(spell.steps)
        partners = [m.actor for m in members(db, spell.group, day, ["member"])]
        group = Actor.model_validate_json(_document(db, spell.group))
        found.append(
            Tie(
                group=spell.group,
                name=called[spell.group],
                role=spell.role,
                status=now,
                since=since,
                until=None if until == NEVER else until,
                partners=[code for code in partners if code != actor],
                obligations=list(group.obligations) if spell.role == "member" else [],
                steps=spell.steps,
            )
        )
    return sorted(found, key=lambda t: (t.group, t.role))


def alliances(db: Connection, day: str) -> list[Alliance]:
    """Every group, with its members of a day."""
    rows = db.execute(
        select(revisions.c.document)
        .join(actors, actors.c.seq == revisions.c.seq)
        .where(actors.c.kind.in_(KINDS))
        .order_by(actors.c.code)
    )
    return [described(db, Actor.model_validate_json(row.document), day) for row in rows]


def alliance(db: Connection, code: str, day: str) -> Alliance:
    """One group."""
    return described(db, Actor.model_validate_json(_document(db, code)), day)


def described(db: Connection, group: Actor, day: str) -> Alliance:
    """A group as it is answered."""
    return Alliance(
        members=[m.actor for m in members(db, group.code, day, ["member"])],
        obligations=list(group.obligations),
        **group.model_dump(include={"code", "name", "kind", "since", "until", "summary"}),
    )


def _document(db: Connection, code: str) -> str:
    found = db.scalar(
        select(revisions.c.document)
        .join(actors, actors.c.seq == revisions.c.seq)
        .where(actors.c.code == code)
    )
    assert found is not None, code
    return str(found)
