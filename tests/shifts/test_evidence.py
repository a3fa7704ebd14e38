"""Flags on evidence: what looks like one thing and may be another."""

from typing import Any

import pytest

from app.shifts.evidence import MEDIATION, SINGLE, THEATRE, flag_evidence, flag_signal
from app.shifts.evidence_schemas import EventShare, EvidenceSource
from app.shifts.question import CountedSignal


def make_signal(from_: str, toward: str, score: float, quad: int) -> CountedSignal:
    return CountedSignal(from_, toward, "2020-01-01", score, 1, quad, "made:e", 1, 1, 0, 0)


def make_event(*people: tuple[str, str], **more: Any) -> dict[str, Any]:
    fields = {"mode": None, "type": None, "cameo": None, "location": None}
    return {"participants": [{"actor": a, "role": r} for a, r in people]} | fields | more


FORCE = (("USA", "initiator"), ("SYR", "target"), ("isis", "target"))


def test_force_in_a_country_against_another_actor() -> None:
    there = make_event(*FORCE, location={"country": "SYR"})
    assert flag_signal(make_signal("USA", "SYR", -9, 4), there) == [THEATRE]
    elsewhere = make_event(*FORCE, location={"country": "IRQ"})
    assert flag_signal(make_signal("USA", "SYR", -9, 4), elsewhere) == []
    alone = make_event(*FORCE[:2], location={"country": "SYR"})
    assert flag_signal(make_signal("USA", "SYR", -9, 4), alone) == []


@pytest.mark.parametrize(
    "made",
    [
        make_event(("ARM", "participant"), ("AZE", "participant"), ("RUS", "mediator")),
        make_event(("ARM", "participant"), ("RUS", "participant"), mode="third-party"),
        make_event(("ARM", "participant"), ("AZE", "participant"), ("RUS", "host"), cameo="046"),
    ],
)
def test_the_act_of_a_go_between(made: dict[str, Any]) -> None:
    assert flag_signal(make_signal("ARM", "RUS", 4, 1), made) == [MEDIATION]


def test_visit_is_not_flagged_as_mediation() -> None:
    visit = make_event(("ARM", "participant"), ("RUS", "host"), type="CONSULT")
    assert flag_signal(make_signal("ARM", "RUS", 4, 1), visit) == []


def make_share(value: float, *publishers: str) -> EventShare:
    moves = [
        EvidenceSource(
            source=p,
            title=p,
            publisher=p,
            url=None,
            published=None,
            reliability=None,
            credibility=None,
        )
        for p in publishers
    ]
    return EventShare(
        event="made:e", title="e", date="2020", share=value, signals=[],
        speaks="for" if value < 0 else "against", flags=[], sources=moves,
    )  # fmt: skip


def test_one_publisher_alone() -> None:
    alone = [make_share(-0.5, "Post"), make_share(-0.1, "Post", "Times"), make_share(0.3, "Times")]
    assert flag_evidence(alone) == [SINGLE]
    assert flag_evidence([*alone, make_share(-0.4, "Times")]) == []
    assert flag_evidence([]) == []
