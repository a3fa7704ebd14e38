"""The steps of a membership, such as signed or in force, give its status on a day. Pure."""

from app.actors.schemas import LadderStep
from app.db.types import NEVER
from app.edtf import parse

HOLDING = ("in-force", "suspended", "withdrawing")
"""The statuses in which an actor counts as a member."""


def first_day(date: str) -> str:
    """The first day that an imprecise date can mean."""
    return parse(date).start.isoformat()


def period(steps: list[LadderStep]) -> tuple[str | None, str]:
    """The period [since, until) of a membership; since is None if it never came into force."""
    since = min((first_day(s.date) for s in steps if s.step == "in-force"), default=None)
    until = min((first_day(s.date) for s in steps if s.step == "withdrawn"), default=NEVER)
    return since, until


def status(steps: list[LadderStep], day: str) -> str | None:
    """The status on a day: the last step taken by then; None before the first."""
    reached = [s for s in steps if first_day(s.date) <= day]
    return (
        max(enumerate(reached), key=lambda n: (first_day(n[1].date), n[0]))[1].step
        if (reached)
        else None
    )
