"""What a group obliges its members to on a day. Pure."""

from app.actors.membership_steps import first_possible_day
from app.actors.schemas import Actor, Obligation


def select_obligations(group: Actor, day: str) -> list[Obligation]:
    """Select the obligations of a group that bind on a day, in the order of its document."""
    return [name for name in group.obligations if _is_binding(group, name, day)]


def _is_binding(group: Actor, name: Obligation, day: str) -> bool:
    """Tell whether one obligation binds on a day; one without a dated period always does."""
    periods = [p for p in group.obligation_periods if p.obligation == name]
    return not periods or any(
        (p.since is None or first_possible_day(p.since) <= day)
        and (p.until is None or day < first_possible_day(p.until))
        for p in periods
    )
