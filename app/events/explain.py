"""Explanations of how the type, quad class, signals and status of an event were derived. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from app.events.render import GROUP_KINDS
from app.events.schemas import Event
from app.events.signals import ActorInRole, DerivedSignal, derive_signals


def explain_document(document: str, kinds: Mapping[str, str]) -> str:
    """Add `explain` to a document: the rules behind its signals, and replaced signals.

    `kinds` maps the code of each actor to its kind.
    """
    event = Event.model_validate_json(document)
    rules = sorted({s.rule for s in event.signals})
    explanation: dict[str, Any] = {
        "type": "stated by the dataset" if event.type else "the crosswalk has none",
        "quad": f"scheme {event.quad_scheme}",
        "signals": {rule: sum(s.rule == rule for s in event.signals) for rule in rules},
        "overridden": [
            {"from": d.from_, "toward": d.toward, "rule": d.rule, "score": round(d.score, 4)}
            for d in find_overridden_signals(event, kinds)
        ],
        "status": "stated by the dataset",
        "roll_ups": [p.via for p in event.participants if p.via],
    }
    return json.dumps(json.loads(document) | {"explain": explanation}, ensure_ascii=False)


def find_overridden_signals(event: Event, kinds: Mapping[str, str]) -> list[DerivedSignal]:
    """Find the derived signals that an analyst's stated signals replaced."""
    states = {p.via: p.actor for p in event.participants if p.via}
    acting = [
        ActorInRole(states.get(p.actor) or p.actor, p.role, kinds.get(p.actor) in GROUP_KINDS)
        for p in event.participants
        if p.actor and p.via is None
    ]
    stated = {(s.from_, s.toward) for s in event.signals if s.origin == "stated"}
    return [d for d in derive_signals(acting, event.intensity) if (d.from_, d.toward) in stated]
