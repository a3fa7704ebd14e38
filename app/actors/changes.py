"""Writes of actors and memberships."""

from sqlalchemy import Connection, delete, insert

from app.actors.ladder import first_day, period
from app.actors.schemas import Actor, Membership
from app.db.dialect import upsert
from app.db.journal import Writer, append
from app.db.tables import actor_names, actors, memberships
from app.db.types import NEVER
from app.text import fold


def write_actors(db: Connection, given: list[Actor], by: Writer) -> None:
    """Create or replace actors, with every name they can be found by."""
    rows = [(a.code, a.model_dump_json()) for a in given]
    for actor, seq in zip(given, append(db, "actor", rows, by), strict=True):
        row = actor.model_dump(include={"code", "kind", "name", "since", "until"})
        db.execute(upsert(db, actors), {**row, "merged_into": None, "seq": seq})
        db.execute(delete(actor_names).where(actor_names.c.actor == actor.code))
        db.execute(insert(actor_names), _names(actor))


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


def write_memberships(db: Connection, given: list[Membership], by: Writer) -> None:
    """Create or replace memberships."""
    rows = [(m.id, m.model_dump_json()) for m in given]
    for spell, seq in zip(given, append(db, "membership", rows, by), strict=True):
        since, until = period(spell.steps)
        row: dict[str, str | None] = {
            "actor": spell.actor,
            "group": spell.group,
            "role": spell.role,
        }
        signed = min(first_day(s.date) for s in spell.steps)
        row |= {"id": spell.id, "since": since, "until": until, "signed": signed}
        db.execute(upsert(db, memberships), {**row, "seq": seq})
