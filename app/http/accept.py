"""Content negotiation: choose a format by the `Accept` header (RFC 9110, section 12.5.1)."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from app.http.problems import (
    PROBLEM_RESPONSE,
    PROBLEM_TITLES,
    NotAcceptableError,
    OpenApiPart,
    Responses,
)

Name = TypeVar("Name", bound=str)
CSL_JSON = "application/vnd.citationstyles.csl+json"
"""Of the JSON formats the one that is a list."""


def negotiate_format(header: str | None, offered: Mapping[Name, Sequence[str]]) -> Name:
    """Return the format with the highest weight; among equals, the one offered first.

    Raises `NotAcceptableError` where the header accepts none of them.
    """
    if not header or header == "*/*":
        return next(iter(offered))
    ranges = [_parse_media_range(part) for part in header.split(",") if part.strip()]
    best: tuple[float, Name] | None = None
    for name, kinds in offered.items():
        liking = max(_weigh_media_type(kind, ranges) for kind in kinds)
        if liking > 0 and (best is None or liking > best[0]):
            best = (liking, name)
    if best is None:
        known = ", ".join(f"{kinds[0]} (format={name})" for name, kinds in offered.items())
        raise NotAcceptableError(f"Available formats: {known}.")
    return best[1]


def _parse_media_range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
            return kind, weight if 0 <= weight <= 1 else 0.0
    return kind, 1.0


def _weigh_media_type(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that contains a media type, or 0."""
    family = kind.partition("/")[0] + "/*"
    for media_range in (kind, family, "*/*"):
        weights = [weight for name, weight in ranges if name == media_range]
        if weights:
            return max(weights)
    return 0.0


def document_media_types(responses: Responses, offered: Mapping[Name, Sequence[str]]) -> Responses:
    """Document other formats than JSON in the OpenAPI `responses` of a route."""
    others = {
        kinds[0].partition(";")[0]: {"schema": _describe_body(name, kinds[0])}
        for name, kinds in offered.items()
        if name != "json"
    }
    return responses | {200: {"content": responses[200]["content"] | others}}


def _describe_body(name: str, kind: str) -> OpenApiPart:
    """Return the schema of a format: JSON has its own of other programs, all else is bytes."""
    if kind == CSL_JSON:
        return {"type": "array", "items": {"type": "object"}, "title": name}
    if kind.endswith("+json"):
        return {"type": "object", "title": name}
    return {"type": "string", "format": "binary", "title": name}


def document_formats(responses: Responses, offered: Mapping[Name, Sequence[str]]) -> Responses:
    """Document the formats that `Accept` may ask for, and the refusal of others."""
    refused = {**PROBLEM_RESPONSE, "description": PROBLEM_TITLES[406]}
    return document_media_types(responses, offered) | {406: refused}
