"""Writes of actors and memberships."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, insert, or_, update

from app.actors.membership_steps import (
    first_possible_day,
    membership_period,
    write_suspensions,
)
from app.actors.schemas import Actor, Membership
from app.db.dialect import build_upsert
from app.db.journal import NewRevision, Writer, append_revisions
from app.db.tables import actor_names, actors, dyads, memberships
from app.db.types import NO_END_DAY
from app.db.versioning import copy_to_history, move_to_history
from app.text import fold_text


def write_actors(db: Connection, written: Sequence[Actor], by: Writer) -> None:
    """Create or replace actors, with every name and code that finds them."""
    if not written:
        return
    seqs = append_revisions(
        db, "actor", [NewRevision(a.code, a.model_dump_json()) for a in written], by
    )
    codes = [a.code for a in written]
    copy_to_history(db, "actor", actors.c.code, codes)
    move_to_history(db, "actor", actor_names.c.actor, codes)
    rows, names = [], []
    for actor, seq in zip(written, seqs, strict=True):
        rows.append({**_actor_row(actor), "merged_into": None, "seq": seq})
        names += [{**name, "seq": seq} for name in _name_rows(actor)]
    db.execute(build_upsert(db, actors), rows)
    db.execute(insert(actor_names), names)


def retract_actor(db: Connection, actor: Actor, by: Writer) -> int:
    """Retract an actor that no document refers to; returns the `seq` of the revision."""
    [seq] = append_revisions(
        db, "actor", [NewRevision(actor.code, actor.model_dump_json(), "retract")], by
    )
    move_to_history(db, "actor", actor_names.c.actor, [actor.code])
    move_to_history(db, "actor", actors.c.code, [actor.code])
    return seq


def merge_actor(db: Connection, actor: Actor, into: str, by: Writer) -> int:
    """Merge an actor into another, so that its code leads there; returns the `seq`."""
    [seq] = append_revisions(
        db, "actor", [NewRevision(actor.code, actor.model_dump_json(), "merge")], by
    )
    move_to_history(db, "actor", actor_names.c.actor, [actor.code])
    copy_to_history(db, "actor", actors.c.code, [actor.code])
    db.execute(build_upsert(db, actors), {**_actor_row(actor), "merged_into": into, "seq": seq})
    [code] = [name for name in _name_rows(actor) if name["scheme"] == "code"]
    db.execute(insert(actor_names), {**code, "seq": seq})
    return seq


def _actor_row(actor: Actor) -> dict[str, str | None]:
    return actor.model_dump(include={"code", "kind", "name", "since", "until"})


def _name_rows(actor: Actor) -> list[dict[str, str]]:
    life = (actor.since or "", actor.until or NO_END_DAY)
    names = {("code", actor.code.lower(), *life)}
    names |= {("name", fold_text(name), *life) for name in (actor.name, *actor.aliases)}
    names |= {
        (c.scheme, c.lookup_value, c.since or life[0], c.until or life[1]) for c in actor.codes
    }
    columns = ("scheme", "value", "since", "until")
    unique = {row[:3]: row for row in sorted(names)}
    return [{"actor": actor.code, **dict(zip(columns, r, strict=True))} for r in unique.values()]


def write_memberships(db: Connection, written: Sequence[Membership], by: Writer) -> None:
    """Create or replace memberships."""
    if not written:
        return
    seqs = append_revisions(
        db, "membership", [NewRevision(m.id, m.model_dump_json()) for m in written], by
    )
    move_to_history(db, "membership", memberships.c.id, [m.id for m in written])
    rows = [
        build_membership_row(membership) | {"seq": seq}
        for membership, seq in zip(written, seqs, strict=True)
    ]
    db.execute(insert(memberships), rows)
    _mark_group_dyads(db, {membership.group for membership in written})


def build_membership_row(membership: Membership) -> dict[str, str | int | None]:
    """Build the row of a membership, without its revision."""
    since, until = membership_period(membership.steps)
    return {
        "id": membership.id,
        **membership.model_dump(include={"actor", "group", "role"}),
        "since": since,
        "until": until,
        "signed": min(first_possible_day(s.date) for s in membership.steps),
        "suspended": write_suspensions(membership.steps),
    }


def _mark_group_dyads(db: Connection, groups: Collection[str]) -> None:
    """Mark the dyads of some groups as stale: what passes with their members counts for them."""
    of_groups = or_(dyads.c.one.in_(groups), dyads.c.other.in_(groups))
    db.execute(update(dyads).where(of_groups).values(changed=dyads.c.changed + 1))


def retract_membership(
    db: Connection, membership: Membership, by: Writer, action: str = "retract"
) -> int:
    """Retract a membership; returns the `seq` of the revision."""
    [seq] = append_revisions(
        db, "membership", [NewRevision(membership.id, membership.model_dump_json(), action)], by
    )
    move_to_history(db, "membership", memberships.c.id, [membership.id])
    _mark_group_dyads(db, [membership.group])
    return seq
