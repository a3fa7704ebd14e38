"""The days on which there are events of what a page is narrowed to, where these are few.

Indexes say on which days events of a type, dataset, CAMEO code, quad class or country began, of any
actors. On which days an actor has some role is known of itself: of the rarer roles by an index, of
the others by `role_days`. A page of an actor then seeks these days alone.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, func, select

from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.tables import IS_RARE_ROLE, RARE_ROLES, events, participations
from app.db.types import NO_END_DAY
from app.events.resolved_filter import ResolvedFilter
from app.events.role_days import COMMON_ROLES, read_role_days

MOST_DAYS = 256
"""Events of a value whose days are read: two blocks of an index or so."""
MOST_VALUES = 4
"""Days are not looked for where a page may have any of more values than these."""
MOST_CODES = 32
"""Nor where it may have any of more CAMEO codes than these, which begin with what is asked for."""

RareBy = Literal["role", "cameo", "country", "type", "dataset", "quad"]


class DaysFound(NamedTuple):
    """Days of events of some values, the newest first, and from which day on that is all."""

    days: deque[str]
    complete_from: str
    by: RareBy | None = None
    """What the events were found by."""


NO_DAYS_KNOWN = DaysFound(deque(), NO_END_DAY)


class WalkedActor(NamedTuple):
    """The one actor whose events a page walks, and the roles of which it must have one."""

    code: str
    roles: Sequence[str] = ()


def find_walked_actor(resolved: ResolvedFilter) -> WalkedActor | None:
    """Find the one actor that a page demands; None where it demands several, any of some, or none.

    A question on an initiator alone walks as one on an actor in that role does.
    """
    if resolved.between or resolved.member_of:
        return None
    sides: tuple[tuple[Sequence[str], Sequence[str]], ...] = (
        (resolved.actor, resolved.role),
        (resolved.initiator, ("initiator",)),
        (resolved.target, ("target",)),
    )
    demanded = [(codes, roles) for codes, roles in sides if codes]
    if len(demanded) != 1 or len(demanded[0][0]) != 1:
        return None
    [([code], roles)] = demanded
    return WalkedActor(code, roles)


def find_event_days(
    db: Connection, resolved: ResolvedFilter, since: str, last_day: str
) -> DaysFound:
    """Find the days up to a day on which events of the walked actor began that may match.

    By what is known furthest back, of all that the page is narrowed to; where it is narrowed to
    roles, days on which the actor has none of these are left out.
    """
    actor = find_walked_actor(resolved)
    assert actor is not None
    window, best = (since, last_day), NO_DAYS_KNOWN
    for by, wanted in _iterate_narrowings(db, resolved):
        found = _find_days_by(db, by, wanted, window)
        if found.complete_from < best.complete_from:
            best = found
        if best.complete_from <= since:
            break
    return _keep_days_of_roles(db, best, actor, window) if actor.roles else best


def _keep_days_of_roles(
    db: Connection, found: DaysFound, actor: WalkedActor, window: tuple[str, str]
) -> DaysFound:
    """Keep of some days those on which an actor has a role; before these, all of such days."""
    mine = _find_days_of_roles(db, actor, window)
    known, (_, complete_from, by) = set(mine.days), found
    days = [day for day in found.days if day in known or day < mine.complete_from]
    days += [day for day in mine.days if day < complete_from]
    if mine.complete_from < complete_from:
        return DaysFound(deque(days), mine.complete_from, "role")
    return DaysFound(deque(days), complete_from, by)


def _find_days_of_roles(db: Connection, actor: WalkedActor, window: tuple[str, str]) -> DaysFound:
    """Find the days on which an actor has one of its roles."""
    days, complete_from = set[str](), window[0]
    if common := [role for role in actor.roles if role in COMMON_ROLES]:
        some, complete_from = read_role_days(db, actor.code, common, *window)
        days.update(some)
    rare = [role for role in actor.roles if role in RARE_ROLES]
    found = _find_days_by(db, "role", rare, window, actor.code)
    days.update(found.days)
    complete_from = max(complete_from, found.complete_from)
    return DaysFound(_sort_days(days, complete_from), complete_from, "role")


def _sort_days(days: Iterable[str], complete_from: str) -> deque[str]:
    return deque(sorted((day for day in days if day >= complete_from), reverse=True))


def _iterate_narrowings(
    db: Connection, resolved: ResolvedFilter
) -> Iterator[tuple[RareBy, Sequence[str | int]]]:
    """Yield what a page is narrowed to that an index of `events` has, and the values wanted."""
    if 0 < len(resolved.cameo) <= MOST_VALUES:
        codes = {code for prefix in resolved.cameo for code in list_codes(db, prefix)}
        if len(codes) <= MOST_CODES:
            yield "cameo", sorted(codes)
    wanted: dict[RareBy, Sequence[str | int]] = {
        "country": resolved.country,
        "type": resolved.type,
        "dataset": resolved.dataset,
        "quad": resolved.quad,
    }
    for by, values in wanted.items():
        if 0 < len(values) <= MOST_VALUES:
            yield by, values


def list_codes(db: Connection, prefix: str) -> list[str]:
    """List the CAMEO codes of events that begin with a prefix, one more than are looked for."""
    values = {"prefix": prefix, "end": prefix + ":"}  # ':' sorts right after '9'
    return [code for (code,) in _compile_codes(db.dialect.name).fetch_rows(db, values)]


@lru_cache(maxsize=2)
def _compile_codes(kind: str) -> CompiledStatement:
    """Compile a walk through an index from each code to the next."""
    cameo = events.c.cameo
    end: ColumnElement[str] = bindparam("end")
    first = select(func.min(cameo).label("code")).where(cameo >= bindparam("prefix"), cameo < end)
    codes = first.cte("codes", recursive=True)
    following = select(func.min(cameo)).where(cameo > codes.c.code, cameo < end).scalar_subquery()
    codes = codes.union_all(select(following).where(codes.c.code.is_not(None)))
    found = select(codes.c.code).where(codes.c.code.is_not(None))
    return compile_statement(kind, found.limit(MOST_CODES + 1))


def _find_days_by(
    db: Connection,
    by: RareBy,
    wanted: Sequence[str | int],
    window: tuple[str, str],
    actor: str | None = None,
) -> DaysFound:
    since, last_day = window
    asked, days, complete_from = _compile_event_days(db.dialect.name, by), set[str](), since
    values: dict[str, object] = {"first": since, "last": last_day, "most": MOST_DAYS}
    values |= {} if actor is None else {"actor": actor}
    for value in wanted:
        rows = asked.fetch_rows(db, values | {"value": value})
        days.update(day for (day,) in rows)
        if len(rows) == MOST_DAYS:
            complete_from = max(complete_from, rows[-1][0])
    found = _sort_days(days, complete_from)
    if by == "country" and complete_from > since and _is_on_most_days(found, complete_from):
        return NO_DAYS_KNOWN
    return DaysFound(found, complete_from, by)


def _is_on_most_days(days: Sequence[str], first: str) -> bool:
    """Whether these are most days from a first one on: then it is quicker to walk through all."""
    return bool(days) and 2 * len(days) > _number_day(days[0]) - _number_day(first)


def _number_day(day: str) -> int:
    """Number a day of any year, as if all months had 31."""
    return (int(day[:4]) * 12 + int(day[5:7])) * 31 + int(day[8:])


@lru_cache(maxsize=12)
def _compile_event_days(kind: str, by: RareBy) -> CompiledStatement:
    p = participations.c
    start: ColumnElement[str] = p.start if by == "role" else events.c.start
    if by == "role":
        mine = (p.actor == bindparam("actor"), p.role == bindparam("value"), IS_RARE_ROLE)
        found = select(start).where(*mine)
    else:
        found = select(start).where(events.c[by] == bindparam("value"))
    found = found.where(start >= bindparam("first"), start <= bindparam("last"))
    most = bindparam("most", type_=Integer)
    return compile_statement(kind, found.order_by(start.desc()).limit(most))
