"""Runs the reads of alliances: a few statements an answer, however many groups it is about."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from app.actors.ladder import HOLDING, period, status
from app.actors.queries import spells
from app.actors.schemas import Actor, Membership
from app.alliances.schemas import Alliance, Member, Tie
from app.db.tables import actors, revisions
from app.db.types import NEVER
from app.db.worlds import across

KINDS = ("alliance", "organization")


def held(
    db: Connection,
    as_of: int | None,
    *,
    of: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> list[Membership]:
    """Every spell of some actors, or in some groups."""
    rows = db.execute(spells(actors=of, groups=groups, as_of=as_of))
    return [Membership.model_validate_json(row.document) for row in rows]


def names(db: Connection, as_of: int | None = None) -> dict[str, str]:
    """The name of every actor."""
    rows = db.execute(across(as_of, actors, lambda a: select(a.code, a.name)))
    return {r.code: r.name for r in rows}


def members(
    db: Connection,
    group: str,
    day: str | None,
    roles: Sequence[str],
    as_of: int | None = None,
) -> list[Member]:
    """Members on a day (all spells where no day is given), by role and code."""
    called = names(db, as_of)
    found = []
    for spell in held(db, as_of, groups=[group]):
        now = status(spell.steps, day or NEVER)
        if spell.role not in roles or (day is not None and now not in HOLDING):
            continue
        since, until = period(spell.steps)
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


def members_of(
    db: Connection, groups: Sequence[str], day: str, as_of: int | None = None
) -> dict[str, list[str]]:
    """The codes of each group's members on a day."""
    found = defaultdict(list)
    for spell in held(db, as_of, groups=groups):
        if spell.role == "member" and status(spell.steps, day) in HOLDING:
            found[spell.group].append(spell.actor)
    return {group: sorted(codes) for group, codes in found.items()}


def ties(db: Connection, actor: str, day: str, as_of: int | None = None) -> list[Tie]:
    """What an actor was bound to on a day, signed and ratified commitments included."""
    bound = [(s, status(s.steps, day)) for s in held(db, as_of, of=[actor])]
    bound = [(spell, now) for spell, now in bound if now not in (None, "withdrawn")]
    codes = sorted({spell.group for spell, _ in bound})
    groups = {g.code: g for g in described(db, codes, as_of)}
    partners = members_of(db, codes, day, as_of) if codes else {}
    found = []
    for spell, now in bound:
        since, until = period(spell.steps)
        group = groups[spell.group]
        found.append(
            Tie(
                group=group.code,
                name=group.name,
                role=spell.role,
                status=now,
                since=since,
                until=None if until == NEVER else until,
                partners=[code for code in partners.get(group.code, []) if code != actor],
                obligations=list(group.obligations) if spell.role == "member" else [],
                steps=spell.steps,
            )
        )
    return sorted(found, key=lambda t: (t.group, t.role))


def alliances(
    db: Connection, day: str, codes: Sequence[str] | None = None, as_of: int | None = None
) -> list[Alliance]:
    """Every group, or some, with their members of a day."""
    groups = described(db, codes, as_of)
    belong = members_of(db, [g.code for g in groups], day, as_of)
    return [
        Alliance(
            members=belong.get(group.code, []),
            obligations=list(group.obligations),
            **group.model_dump(include={"code", "name", "kind", "since", "until", "summary"}),
        )
        for group in groups
    ]


def described(db: Connection, codes: Sequence[str] | None, as_of: int | None = None) -> list[Actor]:
    """Groups as actors, by code; all alliances and organizations where no codes are given."""

    def build(a: Any) -> Select[Any]:
        wanted = a.kind.in_(KINDS) if codes is None else a.code.in_(codes)
        return select(a.code, a.seq).where(wanted, a.merged_into.is_(None))

    held = across(as_of, actors, build).subquery().c
    found = select(revisions.c.document).join(held.seq.table, held.seq == revisions.c.seq)
    rows = db.execute(found.order_by(held.code))
    return [Actor.model_validate_json(row.document) for row in rows]
