"""The days on which each partner of a question counts, and for which side.

A group counts always, its members on the days of their membership, except while they are suspended
(decision 049).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

from app.actors.membership_steps import read_suspensions
from app.db.dialect.fast_statements import compile_prepared
from app.db.tables import actors
from app.db.types import NO_END_DAY
from app.errors import InvalidParameterError
from app.events.render import GROUP_KINDS
from app.shifts import queries

_IS_GROUP = [actors.c.kind == bindparam(f"kind_{n}") for n in range(len(GROUP_KINDS))]
_GROUPS = select(actors.c.code).where(or_(*_IS_GROUP))
"""Prepared, since every ranking asks for them."""


@dataclass(frozen=True, slots=True)
class SidePeriod:
    """The days [since, until) on which a partner counts for a side.

    The side is 1 for `toward` and −1 for `against`.
    """

    since: str
    until: str
    side: int


ALWAYS = [SidePeriod("", "~", 1)]
"""The periods of a partner that always counts."""


class MemberPeriod(NamedTuple):
    """Days [since, until) on which a member counts for its group."""

    actor: str
    since: str
    until: str


GroupMembers = Mapping[str, Sequence[MemberPeriod]]
"""The periods of the members of each group that has some: one for each stretch that counts."""


class Suspension(NamedTuple):
    """The days [since, until) on which a member of a group was suspended."""

    group: str
    actor: str
    since: str
    until: str


def split_period(since: str, until: str, suspended: str | None) -> Iterator[tuple[str, str]]:
    """Split a period [since, until) into the stretches in which the member was not suspended."""
    for first, last in read_suspensions(suspended):
        if since < min(first, until):
            yield since, min(first, until)
        since = max(since, last)
    if since < until:
        yield since, until


def read_group_suspensions(
    db: Connection, groups: Sequence[str], first: str, last: str, as_of: int | None = None
) -> list[Suspension]:
    """Read which members of some groups were suspended on any of the days `first` to `last`."""
    if not groups:
        return []
    rows = db.execute(queries.select_suspended_members(groups, as_of)).all()
    found = [
        Suspension(group, actor, *period)
        for group, actor, suspended in rows
        for period in read_suspensions(suspended)
    ]
    return sorted(one for one in found if one.since <= last and one.until > first)


def read_member_periods(
    db: Connection, codes: Collection[str] | None = None, as_of: int | None = None
) -> GroupMembers:
    """Read on which days members count for those of some actors that are groups; or for all.

    A group whose members are all suspended is there, without a period.
    """
    if as_of is None:
        values = {f"kind_{n}": kind for n, kind in enumerate(sorted(GROUP_KINDS))}
        run = compile_prepared(db.dialect.name, _GROUPS)
        every = [row[0] for row in run.fetch_rows(db, values)]
    else:
        every = list(db.scalars(queries.select_groups_as_of(sorted(GROUP_KINDS), as_of)))
    groups = every if codes is None else sorted(set(every).intersection(codes))
    found: dict[str, list[MemberPeriod]] = {}
    if groups:
        # A thousand rows, a dozen times in a rebuild: fetched together, and not by name.
        rows = db.execute(queries.select_member_periods(groups, as_of)).all()
        for group, actor, begun, ended, suspended in rows:
            periods = found.setdefault(group, [])
            for since, until in split_period(begun, ended, suspended):
                end = "~" if until == NO_END_DAY else until
                periods.append(MemberPeriod(actor, since, end))
    return found


def expand_sides(
    actor: str, sides: Mapping[str, int], members: GroupMembers
) -> dict[str, list[SidePeriod]]:
    """Find the periods of every partner of an actor, by the sides of those that are named.

    Raises `InvalidParameterError` where a partner is on both sides on one day.
    """
    found = {code: [SidePeriod("", "~", side)] for code, side in sides.items()}
    for group, side in sides.items():
        for member in members.get(group, ()):
            period = SidePeriod(member.since, member.until, side)
            found.setdefault(member.actor, []).append(period)
    found.pop(actor, None)
    for partner, periods in found.items():
        if len(periods) > 1:
            periods.sort(key=lambda s: (s.since, s.until, s.side))
            _require_one_side(partner, periods)
    return found


def _require_one_side(partner: str, periods: Sequence[SidePeriod]) -> None:
    for n, one in enumerate(periods):
        for other in periods[n + 1 :]:
            if one.side != other.side and one.since < other.until and other.since < one.until:
                fault = f"{partner} would be on both sides at once"
                raise InvalidParameterError(
                    "against", fault, "Name the members of one side yourself."
                )
