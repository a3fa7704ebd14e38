"""What a question costs, estimated from kept counts before any event is read for it.

A count that `month_counts` does not have reads each event that may match: at most those of its
actors, datasets and types that began within its months. Words, places, tags and sources have
indexes of their own, which say nothing beforehand: such questions have a limit of time alone.
"""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.question_limit import get_question_limit
from app.db.tables import datasets, memberships, month_counts
from app.errors import TooCostlyError
from app.events.plain_counts import FIRST_MONTH, LAST_MONTH
from app.events.resolved_filter import ResolvedFilter

SOUGHT_FIELDS = ("q", "tag", "source", "publisher", "country", "bbox", "near")
"""Fields whose events are found by an index of their own."""
ACTOR_SIDES = ("actor", "initiator", "target")
"""Fields of which one of the actors has to take part."""
MAX_SUMMED_ACTORS = 100
"""Actors of which the counts are added up; of more, everything in the months may be read."""


def require_affordable(db: Connection, resolved: ResolvedFilter, times: int = 1) -> None:
    """Raise `TooCostlyError` if more events than permitted would be read, so many times each."""
    limit = get_question_limit(db)
    if not limit or not times or any(getattr(resolved, field) for field in SOUGHT_FIELDS):
        return
    if (events := times * estimate_events_read(db, resolved)) > limit:
        raise TooCostlyError(events, limit)


def estimate_events_read(db: Connection, resolved: ResolvedFilter) -> int:
    """Estimate how many events are read to count those that match, without reading any."""
    sides = [getattr(resolved, side) for side in ACTOR_SIDES]
    named = {code for side in (*sides, resolved.between) for code in side}
    if resolved.member_of:
        sides.append(_read_members(db, resolved.member_of))
        named |= set(sides[-1])
    if len(named) > MAX_SUMMED_ACTORS:
        named = set()
    asked = _compile_estimate(
        db.dialect.name, len(named), len(resolved.dataset), len(resolved.type)
    )
    values: dict[str, object] = {
        "first": FIRST_MONTH if resolved.since is None else resolved.since[:7],
        "last": LAST_MONTH if resolved.until is None else resolved.until[:7],
    }
    values |= {f"actor_{n}": code for n, code in enumerate(["", *sorted(named)])}
    values |= {f"dataset_{n}": code for n, code in enumerate(resolved.dataset)}
    values |= {f"type_{n}": name for n, name in enumerate(resolved.type)}
    counts: dict[str, int] = {actor: int(n) for actor, n in asked.fetch_rows(db, values)}
    bounds = [counts.get("", 0)]
    if named:
        bounds += [sum(counts.get(code, 0) for code in set(side)) for side in sides if side]
        bounds += [counts.get(code, 0) for code in resolved.between]
    return min(bounds)


def _read_members(db: Connection, groups: Sequence[str]) -> list[str]:
    """Read the actors that are or were members of some groups."""
    m = memberships.c
    members = select(m.actor).where(m.group.in_(groups), m.role == "member")
    return list(db.scalars(members.distinct()))


@lru_cache(maxsize=256)
def _compile_estimate(
    kind: str, actor_count: int, dataset_count: int, type_count: int
) -> CompiledStatement:
    """Compile (actor, number of its events); the first actor is the empty one, for all events."""
    c = month_counts.c
    names: list[ColumnElement[str]] = [bindparam(f"dataset_{n}") for n in range(dataset_count)]
    wanted = [
        c.actor.in_([bindparam(f"actor_{n}") for n in range(actor_count + 1)]),
        c.dataset.in_(names) if names else c.dataset.in_(select(datasets.c.code)),
        c.month >= bindparam("first"),
        c.month <= bindparam("last"),
    ]
    if type_count:
        wanted.append(c.type.in_([bindparam(f"type_{n}") for n in range(type_count)]))
    return compile_statement(kind, select(c.actor, func.sum(c.n)).where(*wanted).group_by(c.actor))
