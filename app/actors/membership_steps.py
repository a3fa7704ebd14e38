"""The steps of a membership, such as signed or in force, give its status on a day. Pure."""

from app.actors.schemas import MembershipStep
from app.db.types import NO_END_DAY
from app.edtf import parse_edtf

MEMBER_STATUSES = ("in-force", "suspended", "withdrawing")
"""The statuses in which an actor counts as a member."""


def first_possible_day(date: str) -> str:
    """The first day that an imprecise date can mean."""
    return parse_edtf(date).start.isoformat()


def membership_period(steps: list[MembershipStep]) -> tuple[str | None, str]:
    """The period [since, until) of a membership; since is None if it never came into force."""
    since = min((first_possible_day(s.date) for s in steps if s.step == "in-force"), default=None)
    until = min(
        (first_possible_day(s.date) for s in steps if s.step == "withdrawn"), default=NO_END_DAY
    )
    return since, until


def list_suspensions(steps: list[MembershipStep]) -> list[tuple[str, str]]:
    """List the periods [since, until) in which a membership was suspended, in order.

    A suspension ends when the membership is in force again or has ended; notice of withdrawal does
    not end it.
    """
    dated = sorted(((first_possible_day(s.date), n, s.step) for n, s in enumerate(steps)))
    found: list[tuple[str, str]] = []
    since = None
    for day, _, step in dated:
        if step == "suspended" and since is None:
            since = day
        elif step in ("in-force", "withdrawn") and since is not None:
            found.append((since, day))
            since = None
    if since is not None:
        found.append((since, NO_END_DAY))
    return [(first, last) for first, last in found if first < last]


def write_suspensions(steps: list[MembershipStep]) -> str | None:
    """Write the suspended periods of a membership as its row has them; None without any."""
    return " ".join("/".join(period) for period in list_suspensions(steps)) or None


def read_suspensions(written: str | None) -> list[tuple[str, str]]:
    """Read the suspended periods of a membership from its row."""
    pairs = (period.split("/") for period in (written or "").split())
    return [(since, until) for since, until in pairs]


def membership_status(steps: list[MembershipStep], day: str) -> str | None:
    """The status on a day: the last step taken by then; None before the first."""
    reached = [s for s in steps if first_possible_day(s.date) <= day]
    return (
        max(enumerate(reached), key=lambda n: (first_possible_day(n[1].date), n[0]))[1].step
        if (reached)
        else None
    )
