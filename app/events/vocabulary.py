"""The vocabulary of the record, and crosswalks from other vocabularies. Codes are text. Pure."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

EventType = Literal[
    "AGREE", "CONSULT", "SUPPORT", "CONCEDE", "COOPERATE", "AID", "RETREAT", "REQUEST",
    "ACCUSE", "REJECT", "THREATEN", "PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT",
]  # fmt: skip
Role = Literal["initiator", "target", "participant", "host", "affected", "mediator", "absent"]
Status = Literal["reported", "confirmed", "disputed", "retracted"]
Effect = Literal["together", "apart", "neither"]
EFFECT_HINT = "Name two states or alliances: between=ARM,RUS."
"""The way out where an effect is asked for without a pair."""
Stance = Literal["reports", "confirms", "disputes"]
Reliability = Literal["A", "B", "C", "D", "E", "F"]
Credibility = Literal[1, 2, 3, 4, 5, 6]
Quad = Literal[1, 2, 3, 4]
QuadScheme = Literal["gdelt", "schrodt"]

EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
ROLES: tuple[Role, ...] = get_args(Role)
STATUSES: tuple[Status, ...] = get_args(Status)
STANCES: tuple[Stance, ...] = get_args(Stance)

RELIABILITY: Mapping[Reliability, str] = {
    "A": "completely reliable",
    "B": "usually reliable",
    "C": "fairly reliable",
    "D": "not usually reliable",
    "E": "unreliable",
    "F": "cannot be judged",
}
"""Grades of the reliability of a source, in the Admiralty system."""

CREDIBILITY: Mapping[Credibility, str] = {
    1: "confirmed by other sources",
    2: "probably true",
    3: "possibly true",
    4: "doubtful",
    5: "improbable",
    6: "cannot be judged",
}
"""Grades of the credibility of a piece of information, in the Admiralty system."""

QUADS: Mapping[Quad, str] = {
    1: "verbal cooperation",
    2: "material cooperation",
    3: "verbal conflict",
    4: "material conflict",
}

_TYPES_OF_QUAD: Mapping[Quad, tuple[EventType, ...]] = {
    1: ("AGREE", "CONSULT", "SUPPORT", "CONCEDE"),
    2: ("COOPERATE", "AID", "RETREAT"),
    3: ("REQUEST", "ACCUSE", "REJECT", "THREATEN"),
    4: ("PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT"),
}
QUAD_OF_TYPE: Mapping[EventType, Quad] = {
    type_: quad for quad, types in _TYPES_OF_QUAD.items() for type_ in types
}

_ANSWERS = ("assist", "change", "yield", "meet")
MODES: Mapping[EventType, tuple[str, ...]] = {
    "AGREE": (),
    "CONSULT": ("visit", "third-party", "multilateral", "phone"),
    "SUPPORT": (),
    "CONCEDE": (),
    "COOPERATE": (),
    "AID": (),
    "RETREAT": ("withdraw", "release", "disarm", "ceasefire", "access", "resign"),
    "REQUEST": _ANSWERS,
    "ACCUSE": ("disapprove", "investigate", "allege"),
    "REJECT": _ANSWERS,
    "THREATEN": ("restrict", "arrest", "relations", "expel", "territory", "violence"),
    "PROTEST": ("demo", "riot", "strike", "hunger", "boycott", "obstruct", "vandalize"),
    "SANCTION": ("convict", "expel", "withdraw", "discontinue"),
    "MOBILIZE": ("troops", "weapons", "police", "militia"),
    "COERCE": (
        "seize", "restrict", "censor", "curfew", "martial-law", "arrest", "deport", "withhold",
        "misinformation", "cyber",
    ),
    "ASSAULT": (
        "abduct", "beat", "torture", "sexual", "targeted", "destroy", "primitive", "firearms",
        "explosives", "suicide-attack", "aerial", "drone", "heavy-weapons", "crowd-control",
        "unconventional",
    ),
}  # fmt: skip
"""The modes of each type in PLOVER 0.8; some types have none."""

_LAST_ROOTS: Mapping[QuadScheme, tuple[int, int, int, int]] = {
    "gdelt": (5, 9, 14, 20),
    "schrodt": (5, 8, 13, 20),
}


class CrosswalkEntry(NamedTuple):
    """The PLOVER type and mode of a code of another vocabulary."""

    type: EventType
    mode: str | None = None


ACLED_CROSSWALK: Mapping[str, CrosswalkEntry | None] = {
    "Battles": CrosswalkEntry("ASSAULT"),
    "Explosions/Remote violence": CrosswalkEntry("ASSAULT"),
    "Violence against civilians": CrosswalkEntry("ASSAULT"),
    "Protests": CrosswalkEntry("PROTEST", "demo"),
    "Riots": CrosswalkEntry("PROTEST", "riot"),
    "Strategic developments": None,
}
"""PLOVER types by ACLED's `event_type`; strategic developments range from treaties to looting."""

UCDP_CROSSWALK: Mapping[str, CrosswalkEntry] = {
    "1": CrosswalkEntry("ASSAULT"),
    "2": CrosswalkEntry("ASSAULT"),
    "3": CrosswalkEntry("ASSAULT"),
}
"""PLOVER types by UCDP's `type_of_violence`: state-based, non-state, one-sided."""


@dataclass(frozen=True, slots=True)
class CameoCode:
    """A CAMEO code with its Goldstein score (-10 to +10) and its PLOVER type and mode."""

    code: str
    name: str
    goldstein: float | None
    plover_type: EventType | None
    plover_mode: str | None


@cache
def load_cameo_codes() -> Mapping[str, CameoCode]:
    """Load every CAMEO code, roots included, by code.

    PLOVER has no type for the roots 01 and 02. A mode that PLOVER 0.8 renamed has its new name, a
    mode that it dropped is left out.
    """
    text = files("app.events").joinpath("cameo.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType({row["code"]: _parse_cameo_row(row) for row in rows})


def _parse_cameo_row(row: Mapping[str, str]) -> CameoCode:
    type_ = row["plover_type"] or None
    if type_ is not None and type_ not in EVENT_TYPES:
        raise ValueError(f"cameo.csv: {row['code']} has an unknown PLOVER type {type_!r}")
    return CameoCode(
        code=row["code"],
        name=row["name"],
        goldstein=float(row["goldstein"]) if row["goldstein"] else None,
        plover_type=type_,
        plover_mode=row["plover_mode"] or None,
    )


def quad_of_type(type_: EventType) -> Quad:
    """The quad class of a PLOVER type."""
    return QUAD_OF_TYPE[type_]


def quad_of_cameo(code: str, scheme: QuadScheme) -> Quad | None:
    """The quad class of a CAMEO code by its root; None where the root is not in 01 to 20."""
    root = code[:2]
    if len(root) < 2 or not (root.isascii() and root.isdigit()) or not 1 <= int(root) <= 20:
        return None
    return next(
        quad for quad, last in zip(QUADS, _LAST_ROOTS[scheme], strict=True) if int(root) <= last
    )
