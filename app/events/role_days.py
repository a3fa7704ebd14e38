"""The days on which an actor has events as initiator and as target, by month (decision 056).

A page of an actor's events of one of these roles finds by them the days that have any, however
rare they are among all of its events. A month is a number with a bit for each of its days. What is
retracted or replaced leaves its bits: a day too many is looked at for nothing, and none is missed.
"""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    cast,
    distinct,
    func,
    insert,
    literal_column,
    or_,
    select,
)

from app.db.dialect.bulk_copy import bulk_add_sums
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.tables import participations, role_days
from app.events.index_rows import EventRows

COMMON_ROLES = ("initiator", "target")
"""The roles of which days are kept, each in a column of its name."""
MOST_MONTHS = 256
"""Months whose days are read: a few blocks."""
_JOINED = {role: f'old."{role}" | new."{role}"' for role in COMMON_ROLES}
_HAS_MORE = " OR ".join(f'({rule}) <> old."{role}"' for role, rule in _JOINED.items())
RoleDaysRow = tuple[str, str, int, int]
"""A row of `role_days`: an actor, a month, and its days as initiator and as target."""


def collect_role_days(rows: EventRows) -> list[RoleDaysRow]:
    """Collect the rows of `role_days` that events need, in key order. Pure."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in rows.participations:
        role = row[3]
        if role in COMMON_ROLES and row[10] != "retracted":
            start = row[1]
            days = found.setdefault((row[0], start[:7]), [0, 0])
            days[role == "target"] |= 1 << int(start[8:]) - 1
    return [(*key, days[0], days[1]) for key, days in sorted(found.items())]


def add_role_days(db: Connection, rows: Sequence[RoleDaysRow]) -> None:
    """Add days to those that are kept; a row that has them all is not written."""
    bulk_add_sums(db, role_days, rows, _JOINED, only_where=_HAS_MORE)


def fill_role_days(db: Connection) -> None:
    """Write the days of all participations into the table, which is empty."""
    names = [column.name for column in role_days.columns]
    db.execute(insert(role_days).from_select(names, _select_needed_days()))


def select_missing_role_days() -> Select[str, str]:
    """Select (actor, month) of which a day that participations need is not kept."""
    needed, kept = _select_needed_days().subquery().c, role_days.c
    same = and_(kept.actor == needed.actor, kept.month == needed.month)
    lacks = (
        func.coalesce(kept[role], 0).bitwise_and(needed[role]) != needed[role]
        for role in COMMON_ROLES
    )
    both = needed.actor.table.outerjoin(role_days, same)
    return select(needed.actor, needed.month).select_from(both).where(or_(*lacks))


def _select_needed_days() -> Select[str, str, int, int]:
    """Select the rows that all participations need."""
    p = participations.c
    one: ColumnElement[int] = literal_column("1", Integer)
    bit = one.bitwise_lshift(cast(func.substr(p.start, 9, 2), Integer) - one)
    # Each bit once: their sum is what joining them by OR would give, which SQLite has no sum for.
    joined = (
        cast(func.sum(distinct(case((p.role == role, bit), else_=0))), Integer).label(role)
        for role in COMMON_ROLES
    )
    month = func.substr(p.start, 1, 7).label("month")
    found = select(p.actor, month, *joined).where(p.role.in_(COMMON_ROLES))
    return found.where(p.status != "retracted").group_by(p.actor, month)


def read_role_days(
    db: Connection, actor: str, roles: Sequence[str], since: str, last_day: str
) -> tuple[list[str], str]:
    """Read the days of a window on which an actor has any of some `COMMON_ROLES`, newest first.

    Also returns the day from which on these are all.
    """
    asked = _compile_role_days(db.dialect.name, tuple(sorted(set(roles))))
    values = {"actor": actor, "first": since[:7], "last": last_day[:7], "most": MOST_MONTHS}
    rows = asked.fetch_rows(db, values)
    found = [
        day
        for month, days in rows
        for number in range(31, 0, -1)
        if days >> number - 1 & 1 and since <= (day := f"{month}-{number:02}") <= last_day
    ]
    return found, (f"{rows[-1][0]}-01" if len(rows) == MOST_MONTHS else since)


@lru_cache(maxsize=8)
def _compile_role_days(kind: str, roles: tuple[str, ...]) -> CompiledStatement:
    c = role_days.c
    days = c[roles[0]] if len(roles) == 1 else c[roles[0]].bitwise_or(c[roles[1]])
    found = select(c.month, days).where(c.actor == bindparam("actor"), days != 0)
    found = found.where(c.month >= bindparam("first"), c.month <= bindparam("last"))
    most = bindparam("most", type_=Integer)
    return compile_statement(kind, found.order_by(c.month.desc()).limit(most))
