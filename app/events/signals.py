"""Signals are derived from the roles of an event's participants, by one table of rules. Pure.

| rule | where | signals | score |
|---|---|---|---|
| `initiator-target` | initiators and targets | each initiator → each target | intensity / targets |
| `host` | others take part, and a host | each → host, and → an initiating group | intensity |
| `group` | no host, a group initiates | each participant → the group | intensity |
| `pairwise` | neither; 2 to 8 take part | each → each other | intensity / (n − 1) |
| `absent` | an actor stayed away | absent → host, and → an initiating group | −abs(intensity) |
| `stated` | the analyst says so | as stated, in place of the derived one of that pair | as stated |

Persons and bodies count for their state. No actor signals toward itself. Affected actors and
mediators give no signal. Where several rules apply to a pair, the first in this table counts.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

PAIRWISE_LIMIT = 8


class ActorInRole(NamedTuple):
    """An actor in a role; a person or body is replaced by its state."""

    actor: str
    role: str
    is_group: bool


class DerivedSignal(NamedTuple):
    """A signal derived from the roles of the participants."""

    from_: str
    toward: str
    score: float
    rule: str


def derive_signals(acting: Sequence[ActorInRole], intensity: float | None) -> list[DerivedSignal]:
    """Derive signals from roles and intensity (−10 … +10); none where it is 0 or None."""
    if not intensity:
        return []
    found: dict[tuple[str, str], DerivedSignal] = {}
    for signal in _apply_rules(acting, intensity):
        if signal.from_ != signal.toward:
            found.setdefault((signal.from_, signal.toward), signal)
    return list(found.values())


def _apply_rules(acting: Sequence[ActorInRole], intensity: float) -> Iterator[DerivedSignal]:
    def actors_in(*roles: str) -> list[str]:
        return list(dict.fromkeys(a.actor for a in acting if a.role in roles))

    initiators, targets, hosts = actors_in("initiator"), actors_in("target"), actors_in("host")
    groups = list(dict.fromkeys(a.actor for a in acting if a.is_group and a.role == "initiator"))
    taking_part = [a for a in actors_in("participant") if a not in groups]
    for one in initiators:
        for other in targets:
            yield DerivedSignal(one, other, intensity / len(targets), "initiator-target")
    joint = taking_part + [a for a in initiators if a not in groups and not targets]
    if hosts:
        for one in joint:
            for other in (*hosts, *groups):
                yield DerivedSignal(one, other, intensity, "host")
    elif groups:
        for one in joint:
            for other in groups:
                yield DerivedSignal(one, other, intensity, "group")
    elif 2 <= len(joint) <= PAIRWISE_LIMIT:
        for one in joint:
            for other in joint:
                yield DerivedSignal(one, other, intensity / (len(joint) - 1), "pairwise")
    for one in actors_in("absent"):
        for other in (*hosts, *groups):
            yield DerivedSignal(one, other, -abs(intensity), "absent")


def signal_weight(score: float, confidence: float) -> int:
    """The weight of a signal in thousandths, 0 … 1000: |score| / 10 × confidence."""
    return round(abs(score) * 100 * confidence)


def signal_quad(score: float, event_quad: int | None, stated: bool) -> int:
    """The quad class of a signal: 1–4, or 0 where its score is 0.

    It is the event's own class where that class has the sign of a derived signal. Else the sign
    comes from the score, and verbal or material from the event; verbal where it has no class.
    """
    if score == 0:
        return 0
    cooperative = score > 0
    if event_quad is not None and not stated and (event_quad <= 2) == cooperative:
        return event_quad
    material = event_quad in (2, 4)
    return (2 if material else 1) if cooperative else (4 if material else 3)
