"""The days on which each partner of a question counts, and for which side.

A group counts always, its members on the days of their membership.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

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
    """The days [since, until) of a membership."""

    actor: str
    since: str
    until: str


GroupMembers = Mapping[str, Sequence[MemberPeriod]]
"""The membership periods of each group that has members."""


def read_member_periods(
    db: Connection, codes: Collection[str] | None = None, as_of: int | None = None
) -> GroupMembers:
    """Read the membership periods of those of some actors that are groups; by default, of all."""
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
        for group, actor, since, end in db.execute(
            queries.select_member_periods(groups, as_of)
        ).all():
            until = "~" if end == NO_END_DAY else end
            found.setdefault(group, []).append(MemberPeriod(actor, since, until))
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
