"""From who did what to whom, to who moved toward whom: one table of rules. Pure.

| rule | where | signals | score |
|---|---|---|---|
| `initiator-target` | initiators and targets | each initiator → each target | intensity / targets |
| `host` | others take part, and a host | each → host, and → an initiating group | intensity |
| `group` | no host, a group initiates | each participant → the group | intensity |
| `pairwise` | neither; 2 to 8 take part | each → each other | intensity / (n − 1) |
| `absent` | somebody stayed away | absent → host, and → an initiating group | −abs(intensity) |
| `stated` | the analyst says so | as stated, in place of the derived one of that pair | as stated |

Persons and bodies count for their state. No actor signals toward itself. Affected ones and
mediators give no signal. Of several rules for one pair the first in this table holds.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

PAIRWISE_LIMIT = 8


class Acting(NamedTuple):
    """An actor in a role; already the state where a person or body acted for one."""

    actor: str
    role: str
    is_group: bool


class Derived(NamedTuple):
    """A signal that follows from the roles."""

    from_: str
    toward: str
    score: float
    rule: str


def derive(acting: Sequence[Acting], intensity: float | None) -> list[Derived]:
    """The signals that roles and intensity (−10 … +10) imply; none without an intensity."""
    if not intensity:
        return []
    found: dict[tuple[str, str], Derived] = {}
    for signal in _all(acting, intensity):
        if signal.from_ != signal.toward:
            found.setdefault((signal.from_, signal.toward), signal)
    return list(found.values())


def _all(acting: Sequence[Acting], intensity: float) -> Iterator[Derived]:
    def among(*roles: str) -> list[str]:
        return list(dict.fromkeys(a.actor for a in acting if a.role in roles))

    initiators, targets, hosts = among("initiator"), among("target"), among("host")
    groups = list(dict.fromkeys(a.actor for a in acting if a.is_group and a.role == "initiator"))
    taking_part = [a for a in among("participant") if a not in groups]
    for one in initiators:
        for other in targets:
            yield Derived(one, other, intensity / len(targets), "initiator-target")
    joint = taking_part + [a for a in initiators if a not in groups and not targets]
    if hosts:
        for one in joint:
            for other in (*hosts, *groups):
                yield Derived(one, other, intensity, "host")
    elif groups:
        for one in joint:
            for other in groups:
                yield Derived(one, other, intensity, "group")
    elif 2 <= len(joint) <= PAIRWISE_LIMIT:
        for one in joint:
            for other in joint:
                yield Derived(one, other, intensity / (len(joint) - 1), "pairwise")
    for one in among("absent"):
        for other in (*hosts, *groups):
            yield Derived(one, other, -abs(intensity), "absent")


def mass(score: float, confidence: float) -> int:
    """Weight of a signal in thousandths, 0 … 1000: |score| / 10 × confidence."""
    return round(abs(score) * 100 * confidence)


def quad_of(score: float, event_quad: int | None, stated: bool) -> int:
    """The event's quad class where the signal has its sign, else verbal of the signal's sign."""
    if score == 0:
        return 0
    cooperative = score > 0
    if event_quad is not None and not stated and (event_quad <= 2) == cooperative:
        return event_quad
    material = event_quad in (2, 4)
    return (2 if material else 1) if cooperative else (4 if material else 3)
