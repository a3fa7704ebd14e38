"""Made-up requests to a running service, and what is wrong with its answers to them.

Schemathesis makes them from the OpenAPI document that the service itself serves: valid ones,
invalid ones, every bound of each parameter, and sequences that follow the links of the document.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2
from schemathesis import Config, openapi
from schemathesis.engine import Status, events, from_schema

REFUSALS = ("400", "401", "403", "404", "405", "406", "409", "410", "412", "413", "414",
                    "415", "416", "421", "422", "428", "429", "431")  # fmt: skip
"""Statuses of a refusal: 410 where a history, and 412 where a revision is another, come first."""
STEPS = 6
"""Requests of a sequence; longer ones repeat what they did."""
CURSOR = "$response.body#/links/next#regex:[?&]cursor=([^&]+)"
"""An expression of Schemathesis, which finds the cursor in the address of the next page."""


@dataclass(slots=True)
class Findings:
    """How many cases were sent, by phase, and what was wrong with the answers."""

    cases: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """By operation, check and message the first request and answer."""


def send_made_up_cases(
    address: str,
    key: str,
    *,
    seed: int,
    size: int,
    phases: tuple[str, ...],
) -> Findings:
    """Send cases to every operation of a service."""
    document = httpx2.get(f"{address}/openapi.json").json()
    link_pages(document)
    schema = openapi.from_dict(document, config=make_config(address, key, seed, size, phases))
    found = Findings()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note_scenario(found, event)
        elif isinstance(event, events.NonFatalError):
            found.failures[event.label, "error", str(event.value)] = ""
        elif isinstance(event, events.FatalError):
            raise event.exception
    return found


def make_config(address: str, key: str, seed: int, size: int, phases: tuple[str, ...]) -> Config:
    """Make the configuration: which phases run, and which answers are right."""
    named = ("examples", "coverage", "fuzzing", "stateful")
    settings: dict[str, Any] = {name: {"enabled": name in phases} for name in named}
    settings["stateful"] |= {"max-steps": STEPS}
    return Config.from_dict({
        "seed": seed,
        "base-url": address,
        "headers": {"Authorization": f"Bearer {key}"},
        "request-timeout": 30,
        "continue-on-failure": True,
        "max-stream-events": 2,
        "generation": {"max-examples": size, "no-shrink": True, "with-security-parameters": False},
        "checks": {
            # A request may be of the right form and still name what does not exist.
            "positive_data_acceptance": {"enabled": False},
            "negative_data_rejection": {"expected-statuses": [*REFUSALS]},
            # What was retracted stays readable, and says so.
            "use_after_free": {"enabled": False},
        },
        "phases": settings,
        "operations": [
            # As oEmbed says of a format that is not offered.
            {"include-operation-id": "getOEmbed", "checks": {
                "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "501"]}}},
        ],
    })  # fmt: skip


def link_pages(document: dict[str, Any]) -> None:
    """Link each list to its next page, which OpenAPI has no expression for."""
    for operations in document["paths"].values():
        for operation in operations.values():
            names = {_resolve(document, one)["name"] for one in operation.get("parameters", ())}
            if "cursor" in names:
                target = {"operationId": operation["operationId"], "parameters": {"cursor": CURSOR}}
                operation["responses"]["200"].setdefault("links", {})["nextPage"] = target


def _resolve(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = part
    if "$ref" in part:
        found = document["components"]["parameters"][part["$ref"].rpartition("/")[2]]
    return found


def _note_scenario(found: Findings, event: events.ScenarioFinished) -> None:
    recorder = event.recorder
    found.cases[event.phase.value] += len(recorder.cases)
    for node in recorder.cases.values():
        found.operations.add(str(node.value.operation.label))
    for sent in recorder.interactions.values():
        found.statuses[sent.response.status_code if sent.response else 0] += 1
    for ident, checks in recorder.checks.items():
        for check in checks:
            if check.status == Status.FAILURE and check.failure_info is not None:
                label = str(recorder.cases[ident].value.operation.label)
                message = check.failure_info.failure.message
                where = label, check.name, message[:300]
                found.failures.setdefault(where, describe_exchange(recorder.interactions, ident))


def describe_exchange(interactions: dict[str, Any], ident: str) -> str:
    """Describe the request and the answer of a case in a few lines."""
    sent = interactions.get(ident)
    if sent is None:
        return "nothing was sent"
    answer = (
        "no answer"
        if sent.response is None
        else (f"{sent.response.status_code} {sent.response.content[:400]!r}")
    )
    body = repr(sent.request.body or "")[:400]
    return f"{sent.request.method} {sent.request.uri[:400]}\n  {body}\n  {answer}"
