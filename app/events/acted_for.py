"""Say for whom persons and bodies act: their acts count for it, and are found under its code."""

from collections.abc import Collection

from sqlalchemy import Connection, Select, select

from app.db.tables import actors, memberships
from app.db.versioning import Columns, select_current_or_as_of
from app.events.render import ACTING_KINDS, GROUP_KINDS
from app.events.resolved_filter import ResolvedFilter
from app.reader_words import name_in_sentence


def describe_acted_for(db: Connection, codes: Collection[str], as_of: int | None) -> list[str]:
    """Describe for which state or group each person or body among some actors acts.

    Empty where there is none among them. Codes of states and groups are upper-case, so that a
    question of these alone costs no statement.
    """
    codes = [code for code in codes if code != code.upper()]
    if not codes:
        return []
    named = {row.code: row for row in db.execute(_select_names(codes, as_of))}
    acting = sorted(code for code, row in named.items() if row.kind in ACTING_KINDS)
    if not acting:
        return []
    pairs = db.execute(_select_offices(acting, as_of)).all()
    named |= {row.code: row for row in db.execute(_select_names({p.group for p in pairs}, as_of))}
    found = []
    for actor, group in sorted({(pair.actor, pair.group) for pair in pairs}):
        name = named[actor].name
        whole = name_in_sentence(named[group].name, is_group=named[group].kind in GROUP_KINDS)
        found.append(f"What {name} did for {whole} counts as an act of {whole}: ask for {group}.")
    return found


def describe_acted_for_in_filter(db: Connection, resolved: ResolvedFilter) -> str | None:
    """Describe it for the actors of a filter that matches no event."""
    named = {*resolved.actor, *resolved.between, *resolved.initiator, *resolved.target}
    return " ".join(describe_acted_for(db, named, resolved.as_of)) or None


def _select_names(codes: Collection[str], as_of: int | None) -> Select[str, str, str]:
    """Select (code, name, kind) of some actors."""
    wanted = sorted(codes)
    return select_current_or_as_of(
        as_of, actors, lambda a: select(a.code, a.name, a.kind).where(a.code.in_(wanted))
    )


def _select_offices(codes: Collection[str], as_of: int | None) -> Select[str, str]:
    """Select (actor, group) of each membership period of some persons and bodies."""

    def build_select(m: Columns) -> Select[str, str]:
        return select(m.actor, m.group).where(m.actor.in_(codes), m.since.is_not(None))

    return select_current_or_as_of(as_of, memberships, build_select)
