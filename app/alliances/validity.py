"""Finds stored facts that cannot all be true: acts before birth, ladders that end too low.

Sources contradict one another, so these are remarks for an editor and no faults of storage.
"""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection, and_, or_, select

from app.actors.membership_steps import first_possible_day
from app.alliances.read import read_group_memberships
from app.db.tables import actors, events, participations
from app.edtf import parse_last_day

PART = 500
"""Most remarks of one kind."""


def find_doubtful_facts(db: Connection) -> Iterator[str]:
    """Yield a remark in words for each stored fact that contradicts another."""
    yield from _find_events_outside_lives(db)
    yield from _find_memberships_outside_lives(db)
    yield from _find_low_ladders(db)


def _find_events_outside_lives(db: Connection) -> Iterator[str]:
    """Find participants that did not yet, or no longer, exist on the event's last or first day.

    Those only affected may come later: a treaty is signed before its organization exists.
    """
    p, a, e = participations.c, actors.c, events.c
    outside = or_(p.end < a.since, p.start > a.until)
    rows = (
        select(p.event, p.actor, p.start, a.since, a.until)
        .join(actors, a.code == p.actor)
        .join(events, and_(e.id == p.event, e.seq == p.seq))
        .where(outside, p.status != "retracted", p.role != "affected")
        .order_by(p.event, p.actor)
        .limit(PART)
    )
    for event, actor, start, since, until in db.execute(rows):
        yield f"{event}: {actor} takes part on {start}, but existed {_describe_life(since, until)}"


def _find_memberships_outside_lives(db: Connection) -> Iterator[str]:
    """Find memberships in force before the actor or the group existed, or after it ended.

    A vague date, such as a year, is taken by its last day.
    """
    lives = {
        code: (since, until)
        for code, since, until in db.execute(select(actors.c.code, actors.c.since, actors.c.until))
    }
    for membership in read_group_memberships(db, None):
        begun = [step.date for step in membership.steps if step.step == "in-force"]
        for date in begun[:1]:
            for code in (membership.actor, membership.group):
                since, until = lives[code]
                first, last = first_possible_day(date), parse_last_day(date) or date
                if (since and last < since) or (until and first >= until):
                    life = _describe_life(since, until)
                    yield f"{membership.id}: in force on {date}, but {code} existed {life}"


def _find_low_ladders(db: Connection) -> Iterator[str]:
    """Find members whose last step is a ratification from before the treaty was in force for all
    others."""
    of_group = defaultdict(list)
    for membership in read_group_memberships(db, None):
        if membership.role == "member":
            of_group[membership.group].append(membership)
    for group in sorted(of_group):
        ladders = of_group[group]
        begun = [
            first_possible_day(step.date)
            for ladder in ladders
            for step in ladder.steps
            if step.step == "in-force"
        ]
        low = [ladder for ladder in ladders if ladder.steps[-1].step == "ratified"]
        for ladder in low:
            day = first_possible_day(ladder.steps[-1].date)
            if len(begun) * 2 > len(ladders) and day < min(begun):
                yield f"{ladder.id}: ends with ratified on {day}, but {group} is in force"
            elif not begun and len(low) == len(ladders) == 2:
                yield f"{ladder.id}: every party ratified {group}, and it is nowhere in force"


def _describe_life(since: str | None, until: str | None) -> str:
    if since is None:
        return f"until {until}"
    return f"from {since}" if until is None else f"from {since} until {until}"
