"""Explanations of how the type, quad class, signals and status of an event were derived. Pure."""

import json
from collections.abc import Mapping

from app.events.durations import resolve_signal_span
from app.events.render import GROUP_KINDS
from app.events.schemas import Event
from app.events.signals import (
    RULES,
    Act,
    ActorInRole,
    DerivationMode,
    DerivedSignal,
    derive_signals,
    find_silent_rule,
    weigh_act,
)
from app.rounding import round_number


def explain_document(document: str, kinds: Mapping[str, str], mode: DerivationMode) -> str:
    """Add `explain` to a document: the rules behind its signals, and replaced signals.

    `kinds` maps the code of each actor to its kind; `mode` is that of the dataset.
    """
    event = Event.model_validate_json(document)
    rules = {s.rule for s in event.signals}
    silent = find_silent_rule(_describe_act(event))
    names = rules | ({silent} if silent else set())
    names |= {"excused"} if any(p.excused for p in event.participants) else set()
    span = resolve_signal_span(event.date)
    explanation: dict[str, object] = {
        "type": "stated by the dataset" if event.type else "the crosswalk has none",
        "quad": f"scheme {event.quad_scheme}",
        "signals": {rule: sum(s.rule == rule for s in event.signals) for rule in sorted(rules)},
        "rules": [
            {"rule": rule.name, "score": rule.score, "reason": rule.reason}
            for rule in RULES
            if rule.name in names
        ],
        "weight": {"value": weigh_act(event.quad, span), "start": span.start, "end": span.end},
        "overridden": [
            {"from": d.from_, "toward": d.toward, "rule": d.rule, "score": round_number(d.score, 4)}
            for d in find_overridden_signals(event, kinds, mode)
        ],
        "status": "stated by the dataset",
        "roll_ups": [p.via for p in event.participants if p.via],
    }
    return json.dumps(json.loads(document) | {"explain": explanation}, ensure_ascii=False)


def _describe_act(event: Event) -> Act:
    return Act(
        event.intensity, event.type, event.mode, event.cameo, event.quad,
        resolve_signal_span(event.date).lasts, event.part_of is not None,
    )  # fmt: skip


def find_overridden_signals(
    event: Event, kinds: Mapping[str, str], mode: DerivationMode
) -> list[DerivedSignal]:
    """Find the derived signals that an analyst's stated signals replaced."""
    states = {p.via: p.actor for p in event.participants if p.via}
    acting = [
        ActorInRole(
            states.get(p.actor) or p.actor, p.role, kinds.get(p.actor) in GROUP_KINDS, p.excused
        )
        for p in event.participants
        if p.actor and p.via is None
    ]
    stated = {(s.from_, s.toward) for s in event.signals if s.origin == "stated"}
    derived = derive_signals(acting, _describe_act(event), mode)
    return [d for d in derived if (d.from_, d.toward) in stated]
