"""How type, quad class, signals and status of an event came about. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from app.events.render import GROUPS
from app.events.schemas import Event
from app.events.signals import Acting, Derived, derive


def explained(document: str, kinds: Mapping[str, str]) -> str:
    """A document with `explain`: the rule behind each signal, and what stated ones replaced."""
    event = Event.model_validate_json(document)
    rules = sorted({s.rule for s in event.signals})
    found: dict[str, Any] = {
        "type": "as given by the dataset" if event.type else "the crosswalk has none",
        "quad": f"scheme {event.quad_scheme}",
        "signals": {rule: sum(s.rule == rule for s in event.signals) for rule in rules},
        "overridden": [
            {"from": d.from_, "toward": d.toward, "rule": d.rule, "score": round(d.score, 4)}
            for d in overridden(event, kinds)
        ],
        "status": "as given by the dataset",
        "roll_ups": [p.via for p in event.participants if p.via],
    }
    return json.dumps(json.loads(document) | {"explain": found}, ensure_ascii=False)


def overridden(event: Event, kinds: Mapping[str, str]) -> list[Derived]:
    """The signals that follow from the roles, where the analyst stated others in their place."""
    states = {p.via: p.actor for p in event.participants if p.via}
    acting = [
        Acting(states.get(p.actor) or p.actor, p.role, kinds.get(p.actor) in GROUPS)
        for p in event.participants
        if p.actor and p.via is None
    ]
    stated = {(s.from_, s.toward) for s in event.signals if s.origin == "stated"}
    return [d for d in derive(acting, event.intensity) if (d.from_, d.toward) in stated]
