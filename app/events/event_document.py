"""The types of a stored event that is decoded from JSON, but not validated again.

They name the fields that such readers use; a test checks that the schema has each of them.
"""

from typing import Literal, TypedDict

from pydantic import JsonValue

from app.events.vocabulary import EventType, Reliability, Role, Stance, Status


class ParticipantDocument(TypedDict):
    """A participant of an event."""

    actor: str | None
    name: str | None
    role: Role
    via: str | None
    native: str | None


class LocationDocument(TypedDict):
    """The place of an event."""

    name: str | None
    country: str | None
    admin1: str | None
    admin2: str | None
    lat: float | None
    lon: float | None
    precision: str | None


class ReportDocument(TypedDict):
    """A report of an event by one source."""

    source: str
    title: str
    publisher: str
    url: str | None
    published: str | None
    quote: str | None
    locator: str | None
    stance: Stance
    claims: dict[str, JsonValue] | None
    reliability: Reliability | None
    credibility: int | None


SignalDocument = TypedDict(
    "SignalDocument",
    {
        "from": str,
        "toward": str,
        "score": float,
        "confidence": float,
        "quad": int,
        "origin": Literal["derived", "stated"],
        "rule": str,
    },
)
"""A signal of an event; `from` is a keyword, which a class cannot have as a field."""


class EventDocument(TypedDict):
    """An event."""

    id: str
    dataset: str
    title: str
    summary: str | None
    date: str
    start: str
    end: str | None
    precision: str
    type: EventType | None
    mode: str | None
    cameo: str | None
    native: str | None
    intensity: float | None
    quad: int | None
    quad_scheme: str
    status: Status
    participants: list[ParticipantDocument]
    signals: list[SignalDocument]
    location: LocationDocument | None
    tags: list[str]
    reports: list[ReportDocument]
    independent_sources: int
    recorded_at: str
    revision: int
