"""Signals are derived from an act and the roles of those in it, by one table of rules. Pure.

`RULES` is that table; docs/scoring.md is made from it. Persons and bodies count for their state.
No actor signals toward itself. Where several rules give a pair a signal, the first counts.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from app.events.durations import SignalSpan
from app.events.vocabulary import load_cameo_codes

SignalScale = Literal["entente", "goldstein"]
"""How the signals of a dataset are derived: by `RULES`, or by plain Goldstein scores."""
DerivationMode = Literal["entente", "goldstein", "mirrored"]
"""`mirrored`: by `RULES`, where the source records each visit twice, from either side."""
DEFAULT_SCALE: SignalScale = "entente"

PAIRWISE_LIMIT = 8
"""Most participants whose signals are derived pair by pair."""
VISITOR_SCORE, HOST_SCORE, MEETING_SCORE, ABSENT_SCORE = 1.9, 2.8, 1.0, -4.0
"""The Goldstein scores of CAMEO 042, 043, 040 and 120."""

ActKind = Literal["plain", "end_of_fighting", "fighting", "visit", "hosting", "meeting"]

FIGHTING_MODES = frozenset({"firearms", "explosives", "aerial", "drone", "heavy-weapons"})
FIGHTING_MODES |= {"unconventional", "suicide-attack"}
END_OF_FIGHTING_MODES = frozenset({"ceasefire", "withdraw", "disarm", "release"})
MATERIAL_CONFLICT = 4


def choose_derivation_mode(scale: str, mirrored_visits: bool) -> DerivationMode:
    """Choose how the signals of a dataset are derived."""
    if scale == "goldstein":
        return "goldstein"
    return "mirrored" if mirrored_visits else "entente"


class SignalRule(NamedTuple):
    """A row of the table of rules."""

    name: str
    where: str
    signals: str
    score: str
    reason: str


RULES: tuple[SignalRule, ...] = (
    SignalRule(
        "stated",
        "an analyst states it, with a reason",
        "as stated, in place of the derived one of that pair",
        "as stated",
        "An act can mean something else to a relation than its code says.",
    ),
    SignalRule(
        "part-of",
        "`part_of` names the act that this is a stage of",
        "none",
        "none",
        "One act gives one signal: the stage that binds politically carries it.",
    ),
    SignalRule(
        "end-of-fighting",
        "CAMEO 087x and 0841; RETREAT with mode ceasefire, withdraw, disarm or release",
        "none, for hosts and mediators too",
        "none",
        "That fighting ends, or that prisoners go home, shows no affection.",
    ),
    SignalRule(
        "fighting",
        "CAMEO 19x and 20x, and ASSAULT with weapons; other acts of quad 4 that last more than a"
        " day",
        "each initiator ↔ each target; without targets, each that takes part → each other, where"
        " 2 to 8 do",
        "intensity / number of opponents",
        "Fighting and coercion that goes on are mutual, no matter who began.",
    ),
    SignalRule(
        "visit",
        "CAMEO 042 and 043, or CONSULT with mode visit; only 042 where the source records visits"
        " twice",
        "each visitor → each host",
        "1.9 / hosts",
        "All visitors count alike: the score of CAMEO 042.",
    ),
    SignalRule(
        "hosting",
        "CAMEO 042 and 043, or CONSULT with mode visit; only 043 where the source records visits"
        " twice",
        "each host → each visitor",
        "2.8 / visitors",
        "All hosts count alike: the score of CAMEO 043.",
    ),
    SignalRule(
        "meeting",
        "CAMEO 040, or CONSULT without a code, with a host or a convening group",
        "each that attends → the host, and → the convening group",
        "1.0",
        "To attend is to consult: the score of CAMEO 040, whatever the event's intensity.",
    ),
    SignalRule(
        "initiator-target",
        "initiators and targets",
        "each initiator → each target",
        "intensity / targets",
        "One side acts on another.",
    ),
    SignalRule(
        "host",
        "others take part, and a host",
        "each → host, and → an initiating group",
        "intensity",
        "Those who come move toward the place and the group.",
    ),
    SignalRule(
        "group",
        "no host, a group initiates",
        "each participant → the group",
        "intensity",
        "Those who take part in what a group does move toward the group.",
    ),
    SignalRule(
        "pairwise",
        "neither; 2 to 8 take part",
        "each → each other",
        "intensity / (n − 1)",
        "No one leads: the mass of the act is divided among the pairs.",
    ),
    SignalRule(
        "absent",
        "an actor stayed away by choice",
        "absent → host, and → an initiating group",
        "−4.0",
        "To stay away is to reject: the score of CAMEO 120, whatever was missed.",
    ),
    SignalRule(
        "excused",
        "an actor was absent without a choice: illness, disaster",
        "none",
        "none",
        "The sick break with no one.",
    ),
)
"""The rules, the first that applies to a pair first."""

RULES_VERSION = 3
"""Raised where a rule or the weight of what lasts changes; an upgrade then derives signals again.

Version 1 knew only the roles and the intensity; by version 2 every act weighed by its days, so that
one exercise outweighed years of treaties and visits (decision 054).
"""
RULES_BY_NAME = {rule.name: rule for rule in RULES}


class ActorInRole(NamedTuple):
    """An actor in a role; a person or body is replaced by its state."""

    actor: str
    role: str
    is_group: bool
    excused: bool = False


class Act(NamedTuple):
    """What signals are derived from, besides the roles of those in it."""

    intensity: float | None
    type: str | None = None
    mode: str | None = None
    cameo: str | None = None
    quad: int | None = None
    lasts: bool = False
    """Whether it went on for more than a day, as far as is known."""
    is_stage: bool = False
    """Whether it is a stage of another act."""


class DerivedSignal(NamedTuple):
    """A signal derived from the roles of the participants."""

    from_: str
    toward: str
    score: float
    rule: str


def derive_signals(
    acting: Sequence[ActorInRole], act: Act, mode: DerivationMode = "entente"
) -> list[DerivedSignal]:
    """Derive the signals of an act, scores from −10 to +10, in the way of its dataset."""
    found: dict[tuple[str, str], DerivedSignal] = {}
    roles = _Roles(acting)
    if mode == "goldstein":
        derived = _apply_goldstein_rules(roles, act)
    else:
        derived = _apply_rules(roles, act, mirrored=mode == "mirrored")
    for signal in derived:
        if signal.from_ != signal.toward and signal.score:
            found.setdefault((signal.from_, signal.toward), signal)
    return list(found.values())


@lru_cache(8192)
def is_plain_act(
    type_: str | None,
    mode: str | None,
    cameo: str | None,
    quad: int | None,
    lasts: bool,
    is_stage: bool,
    derivation: DerivationMode,
) -> bool:
    """Whether an initiator and a target alone give one signal, with the intensity as its score."""
    return derivation == "goldstein" or (
        classify_act(cameo, type_, mode) == "plain"
        and not is_stage
        and not (lasts and quad == MATERIAL_CONFLICT)
        and not (cameo is not None and cameo.startswith("04"))
    )


def find_silent_rule(act: Act) -> str | None:
    """Find the rule by which an act gives no derived signal at all; None where it may give some."""
    if act.is_stage:
        return "part-of"
    kind = classify_act(act.cameo, act.type, act.mode)
    return "end-of-fighting" if kind == "end_of_fighting" else None


@lru_cache(4096)
def classify_act(cameo: str | None, type_: str | None, mode: str | None) -> ActKind:
    """Classify an act by its CAMEO code, or without one by its PLOVER type and mode."""
    if cameo is not None:
        return _classify_code(cameo, type_, mode)
    if type_ == "RETREAT" and mode in END_OF_FIGHTING_MODES:
        return "end_of_fighting"
    if type_ == "ASSAULT" and (mode is None or mode in FIGHTING_MODES):
        return "fighting"
    if type_ == "CONSULT":
        return "visit" if mode == "visit" else "meeting"
    return "plain"


def _classify_code(cameo: str, type_: str | None, mode: str | None) -> ActKind:
    if cameo.startswith(("087", "0841")):
        return "end_of_fighting"
    if cameo in ("08", "080", "084") and type_ == "RETREAT" and mode in END_OF_FIGHTING_MODES:
        return "end_of_fighting"
    if cameo.startswith(("19", "20")):
        return "fighting"
    if cameo.startswith(("042", "043")):
        return "visit" if cameo[2] == "2" else "hosting"
    if cameo in ("04", "040"):
        return "visit" if mode == "visit" else "meeting"
    return "plain"


class _Roles:
    """The actors of an act by role, each once, in order."""

    def __init__(self, acting: Sequence[ActorInRole]) -> None:
        self.acting = acting
        self.initiators, self.targets = self.find_actors("initiator"), self.find_actors("target")
        self.hosts = self.find_actors("host")
        self.groups = list(
            dict.fromkeys(a.actor for a in acting if a.is_group and a.role == "initiator")
        )
        taking_part = [a for a in self.find_actors("participant") if a not in self.groups]
        alone = [a for a in self.initiators if a not in self.groups and not self.targets]
        self.joint = list(dict.fromkeys([*taking_part, *alone]))

    def find_actors(self, *roles: str) -> list[str]:
        """Find the actors that have one of some roles."""
        return list(dict.fromkeys(a.actor for a in self.acting if a.role in roles))

    def find_absent(self) -> list[str]:
        """Find the actors that stayed away by choice."""
        return list(
            dict.fromkeys(a.actor for a in self.acting if a.role == "absent" and not a.excused)
        )


def _apply_rules(roles: _Roles, act: Act, *, mirrored: bool) -> Iterator[DerivedSignal]:
    kind = classify_act(act.cameo, act.type, act.mode)
    if act.is_stage or kind == "end_of_fighting":
        return
    intensity = _consultation_score(act.cameo) or act.intensity or 0.0
    if intensity < 0 and (kind == "fighting" or (act.lasts and act.quad == MATERIAL_CONFLICT)):
        yield from _pair_opponents(roles, intensity)
        if kind == "fighting":
            return
    if kind in ("visit", "hosting"):
        own = ("visit" if kind == "visit" else "hosting") if mirrored else None
        yield from (s for s in _pair_visitors(roles, kind) if own is None or s.rule == own)
    elif kind == "meeting" and (roles.hosts or roles.groups):
        for one in roles.joint:
            for other in (*roles.hosts, *roles.groups):
                yield DerivedSignal(one, other, MEETING_SCORE, "meeting")
    yield from _apply_role_rules(roles, intensity)
    for one in roles.find_absent():
        for other in (*roles.hosts, *roles.groups):
            yield DerivedSignal(one, other, ABSENT_SCORE, "absent")


def _apply_goldstein_rules(roles: _Roles, act: Act) -> Iterator[DerivedSignal]:
    """Apply the rules of roles alone, with the intensity that the source gives."""
    if not act.intensity:
        return
    yield from _apply_role_rules(roles, act.intensity)
    for one in roles.find_absent():
        for other in (*roles.hosts, *roles.groups):
            yield DerivedSignal(one, other, -abs(act.intensity), "absent")


def _apply_role_rules(roles: _Roles, intensity: float) -> Iterator[DerivedSignal]:
    for one in roles.initiators:
        for other in roles.targets:
            yield DerivedSignal(one, other, intensity / len(roles.targets), "initiator-target")
    if roles.hosts:
        for one in roles.joint:
            for other in (*roles.hosts, *roles.groups):
                yield DerivedSignal(one, other, intensity, "host")
    elif roles.groups:
        for one in roles.joint:
            for other in roles.groups:
                yield DerivedSignal(one, other, intensity, "group")
    elif 2 <= len(roles.joint) <= PAIRWISE_LIMIT:
        yield from _pair_participants(roles.joint, intensity, "pairwise")


def _pair_opponents(roles: _Roles, intensity: float) -> Iterator[DerivedSignal]:
    """Pair the sides of a fight, both ways; those who only host or mediate are no side."""
    for ones, others in ((roles.initiators, roles.targets), (roles.targets, roles.initiators)):
        for one in ones:
            for other in others:
                yield DerivedSignal(one, other, intensity / len(others), "fighting")
    if not roles.targets and 2 <= len(roles.joint) <= PAIRWISE_LIMIT:
        yield from _pair_participants(roles.joint, intensity, "fighting")


def _pair_participants(
    joint: Sequence[str], intensity: float, rule: str
) -> Iterator[DerivedSignal]:
    for one in joint:
        for other in joint:
            yield DerivedSignal(one, other, intensity / (len(joint) - 1), rule)


def _pair_visitors(roles: _Roles, kind: ActKind) -> Iterator[DerivedSignal]:
    if roles.hosts:
        hosts = roles.hosts
        visitors = [
            a for a in roles.find_actors("initiator", "target", "participant") if a not in hosts
        ]
    elif kind == "hosting":
        visitors, hosts = roles.targets, roles.initiators
    else:
        visitors, hosts = roles.initiators, roles.targets
    for visitor in visitors:
        for host in hosts:
            yield DerivedSignal(visitor, host, VISITOR_SCORE / len(hosts), "visit")
            yield DerivedSignal(host, visitor, HOST_SCORE / len(visitors), "hosting")


@lru_cache(64)
def _consultation_score(cameo: str | None) -> float | None:
    """Return the codebook's score of a consultation, CAMEO 04x; None for other codes."""
    if cameo is None or not cameo.startswith("04"):
        return None
    known = load_cameo_codes().get(cameo)
    return None if known is None else known.goldstein


def weigh_act(quad: int | None, span: SignalSpan) -> float:
    """Weigh an act by its days: fighting and coercion that go on weigh more, all else does not."""
    return span.weight if quad == MATERIAL_CONFLICT else 1.0


def signal_weight(score: float, confidence: float, weight: float = 1.0) -> int:
    """The mass of a signal in thousandths: |score| / 10 × confidence × weight."""
    return round(abs(score) * 100 * confidence * weight)


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
