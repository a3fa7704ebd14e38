"""Reads of alliances, members and ties, with a fixed number of statements per answer."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Select, and_, select

from app.actors.membership_steps import MEMBER_STATUSES, membership_period, membership_status
from app.actors.obligations import select_obligations
from app.actors.queries import select_memberships
from app.actors.schemas import Actor, Membership
from app.alliances.schemas import Alliance, Member, Tie
from app.db.dialect.stored_document import document_of
from app.db.tables import actors, revisions
from app.db.types import NO_END_DAY
from app.db.versioning import Columns, select_current_or_as_of
from app.page_models import EmptyReason

ALLIANCE_KINDS = ("alliance", "organization")
GROUP_FIELDS = {"code", "name", "kind", "since", "until", "summary", "members_recorded"}
"""What an alliance has of its document as an actor."""


class GroupMembers(NamedTuple):
    """Members of a group, the group, and how many actors are recorded in it on any day."""

    rows: list[Member]
    group: Actor
    recorded: int


def read_group_memberships(
    db: Connection,
    as_of: int | None,
    *,
    of: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> list[Membership]:
    """Read every membership period of some actors, or in some groups."""
    rows = db.execute(select_memberships(actors=of, groups=groups, as_of=as_of))
    return [Membership.model_validate_json(row.document) for row in rows]


def read_names_and_group(
    db: Connection, group: str, as_of: int | None = None
) -> tuple[dict[str, str], Actor]:
    """Read the name of every actor by code, and the document of a group, in one statement."""
    current = select_current_or_as_of(
        as_of, actors, lambda a: select(a.code, a.name, a.seq)
    ).subquery()
    of_group = and_(revisions.c.seq == current.c.seq, current.c.code == group)
    found = select(current.c.code, current.c.name, document_of(revisions)).select_from(
        current.outerjoin(revisions, of_group)
    )
    rows = db.execute(found).all()
    [document] = (row.document for row in rows if row.code == group)
    names = {row.code: row.name for row in rows}
    return names, Actor.model_validate_json(document)


def read_group_members(
    db: Connection,
    group: str,
    day: str | None,
    roles: Sequence[str],
    as_of: int | None = None,
) -> GroupMembers:
    """Read the members of a group on a day, by role and code, and the group.

    Without a day, every period.
    """
    names_by_code, document = read_names_and_group(db, group, as_of)
    found = []
    periods = read_group_memberships(db, as_of, groups=[group])
    periods = [membership for membership in periods if membership.role in roles]
    for membership in periods:
        now = membership_status(membership.steps, day or NO_END_DAY)
        if day is not None and now not in MEMBER_STATUSES:
            continue
        since, until = membership_period(membership.steps)
        found.append(
            Member(
                actor=membership.actor,
                name=names_by_code[membership.actor],
                role=membership.role,
                status=now,
                since=since,
                until=None if until == NO_END_DAY else until,
                steps=membership.steps,
            )
        )
    found.sort(key=lambda m: (m.role, m.actor, m.since or NO_END_DAY))
    return GroupMembers(found, document, len({membership.actor for membership in periods}))


def explain_no_members(group: Actor, day: str | None, roles: Sequence[str]) -> EmptyReason:
    """Say why a group has no members in some roles on a day: none are, or none is recorded."""
    if group.members_recorded == "none":
        return "out_of_scope"
    if not is_alive_on(group, day):
        return "no_match"
    complete = group.members_recorded == "all" and set(roles) <= {"member"}
    return "no_match" if complete else "not_recorded"


def is_alive_on(actor: Actor, day: str | None) -> bool:
    """Return whether an actor existed on a day, or ever."""
    if day is None:
        return True
    return (actor.since or "") <= day < (actor.until or NO_END_DAY)


def read_partly_recorded(db: Connection, as_of: int | None = None) -> list[str]:
    """Read the codes of the groups of which only some members are recorded."""
    return [
        group.code for group in read_groups(db, None, as_of) if group.members_recorded == "some"
    ]


def read_member_codes(
    db: Connection,
    groups: Sequence[str],
    day: str,
    as_of: int | None = None,
    among: Sequence[str] | None = None,
) -> dict[str, list[str]]:
    """Read the codes of the members of each group on a day, of all or of those `among` some."""
    found = defaultdict(list)
    for membership in read_group_memberships(db, as_of, of=among, groups=groups):
        if (
            membership.role == "member"
            and membership_status(membership.steps, day) in MEMBER_STATUSES
        ):
            found[membership.group].append(membership.actor)
    return {group: sorted(codes) for group, codes in found.items()}


def read_ties(
    db: Connection,
    actor: str,
    day: str,
    as_of: int | None = None,
    among: Sequence[str] | None = None,
) -> list[Tie]:
    """Read the ties of an actor on a day, signed and ratified ones not yet in force included.

    Their partners are all, or those `among` some actors.
    """
    bound = [
        (s, membership_status(s.steps, day)) for s in read_group_memberships(db, as_of, of=[actor])
    ]
    bound = [(membership, now) for membership, now in bound if now not in (None, "withdrawn")]
    codes = sorted({membership.group for membership, _ in bound})
    groups = {g.code: g for g in read_groups(db, codes, as_of)}
    partners = read_member_codes(db, codes, day, as_of, among) if codes else {}
    found = []
    for membership, now in bound:
        since, until = membership_period(membership.steps)
        group = groups[membership.group]
        found.append(
            Tie(
                group=group.code,
                name=group.name,
                role=membership.role,
                status=now,
                since=since,
                until=None if until == NO_END_DAY else until,
                partners=[code for code in partners.get(group.code, []) if code != actor],
                members_recorded=group.members_recorded,
                obligations=select_obligations(group, day) if membership.role == "member" else [],
                steps=membership.steps,
            )
        )
    return sorted(found, key=lambda t: (t.group, t.role))


def read_alliances(
    db: Connection, day: str, codes: Sequence[str] | None = None, as_of: int | None = None
) -> list[Alliance]:
    """Read every group, or some, with its members on a day."""
    groups = read_groups(db, codes, as_of)
    belong = read_member_codes(db, [g.code for g in groups], day, as_of)
    return [
        Alliance(
            members=belong.get(group.code, []),
            obligations=select_obligations(group, day),
            **group.model_dump(include=GROUP_FIELDS),
        )
        for group in groups
    ]


def read_groups(
    db: Connection, codes: Sequence[str] | None, as_of: int | None = None
) -> list[Actor]:
    """Read groups as actors, by code; without codes, all alliances and organizations.

    An organization that has no members, such as a research institute, is none of all.
    """

    def select_rows(a: Columns) -> Select[str, int]:
        wanted = a.kind.in_(ALLIANCE_KINDS) if codes is None else a.code.in_(codes)
        return select(a.code, a.seq).where(wanted, a.merged_into.is_(None))

    current = select_current_or_as_of(as_of, actors, select_rows).subquery().c
    found = select(document_of(revisions)).join(current.seq.table, current.seq == revisions.c.seq)
    rows = db.execute(found.order_by(current.code))
    groups = [Actor.model_validate_json(row.document) for row in rows]
    return [g for g in groups if codes is not None or g.members_recorded != "none"]
