"""The days on which each partner of a question counts, and for which side.

A group counts always, its members on the days of their membership.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from app.db.types import NO_END_DAY
from app.errors import InvalidParameterError
from app.events.render import GROUP_KINDS
from app.shifts import queries

MAX_LISTED_CODES = 500
"""Most actors that a statement lists; of more, all groups are read."""


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
    if codes is not None and len(codes) > MAX_LISTED_CODES:
        codes = None
    listed = None if codes is None else sorted(codes)
    kinds = db.execute(queries.select_actors_of_kinds(GROUP_KINDS, listed, as_of))
    groups = [row.code for row in kinds]
    found: dict[str, list[MemberPeriod]] = {}
    if groups:
        for r in db.execute(queries.select_member_periods(groups, as_of)):
            until = "~" if r.until == NO_END_DAY else r.until
            found.setdefault(r.group, []).append(MemberPeriod(r.actor, r.since, until))
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
