"""Writes of actors and memberships."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from app.actors.ladder import first_day, period
from app.actors.schemas import Actor, Membership
from app.db.dialect import upsert
from app.db.journal import Entry, Writer, append
from app.db.tables import actor_names, actors, memberships
from app.db.types import NEVER
from app.db.worlds import bury, remember
from app.text import fold


def write_actors(db: Connection, given: Sequence[Actor], by: Writer) -> None:
    """Create or replace actors, with every name they can be found by."""
    if not given:
        return
    seqs = append(db, "actor", [Entry(a.code, a.model_dump_json()) for a in given], by)
    codes = [a.code for a in given]
    remember(db, "actor", actors.c.code, codes)
    bury(db, "actor", actor_names.c.actor, codes)
    rows, names = [], []
    for actor, seq in zip(given, seqs, strict=True):
        rows.append({**_row(actor), "merged_into": None, "seq": seq})
        names += [{**name, "seq": seq} for name in _names(actor)]
    db.execute(upsert(db, actors), rows)
    db.execute(insert(actor_names), names)


def retract_actor(db: Connection, actor: Actor, by: Writer) -> int:
    """Take an actor that nothing names out of what stands; returns the `seq` of that."""
    [seq] = append(db, "actor", [Entry(actor.code, actor.model_dump_json(), "retract")], by)
    bury(db, "actor", actor_names.c.actor, [actor.code])
    bury(db, "actor", actors.c.code, [actor.code])
    return seq


def merge_actor(db: Connection, actor: Actor, into: str, by: Writer) -> int:
    """Let an actor lead to another by its code; returns the `seq` of that."""
    [seq] = append(db, "actor", [Entry(actor.code, actor.model_dump_json(), "merge")], by)
    bury(db, "actor", actor_names.c.actor, [actor.code])
    remember(db, "actor", actors.c.code, [actor.code])
    db.execute(upsert(db, actors), {**_row(actor), "merged_into": into, "seq": seq})
    [code] = [name for name in _names(actor) if name["scheme"] == "code"]
    db.execute(insert(actor_names), {**code, "seq": seq})
    return seq


def _row(actor: Actor) -> dict[str, str | None]:
    return actor.model_dump(include={"code", "kind", "name", "since", "until"})


def _names(actor: Actor) -> list[dict[str, str]]:
    life = (actor.since or "", actor.until or NEVER)
    named = {("code", actor.code.lower(), *life)}
    named |= {("name", fold(name), *life) for name in (actor.name, *actor.aliases)}
    named |= {
        (c.scheme, c.value.lower(), c.since or life[0], c.until or life[1]) for c in actor.codes
    }
    columns = ("scheme", "value", "since", "until")
    unique = {row[:3]: row for row in sorted(named)}
    return [{"actor": actor.code, **dict(zip(columns, r, strict=True))} for r in unique.values()]


def write_memberships(db: Connection, given: Sequence[Membership], by: Writer) -> None:
    """Create or replace memberships."""
    if not given:
        return
    seqs = append(db, "membership", [Entry(m.id, m.model_dump_json()) for m in given], by)
    bury(db, "membership", memberships.c.id, [m.id for m in given])
    rows = []
    for spell, seq in zip(given, seqs, strict=True):
        since, until = period(spell.steps)
        row = spell.model_dump(include={"actor", "group", "role"})
        row |= {"id": spell.id, "since": since, "until": until, "seq": seq}
        rows.append({**row, "signed": min(first_day(s.date) for s in spell.steps)})
    db.execute(insert(memberships), rows)


def retract_membership(
    db: Connection, spell: Membership, by: Writer, action: str = "retract"
) -> int:
    """Take a membership out of what stands; returns the `seq` of that."""
    [seq] = append(db, "membership", [Entry(spell.id, spell.model_dump_json(), action)], by)
    bury(db, "membership", memberships.c.id, [spell.id])
    return seq
