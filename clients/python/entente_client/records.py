"""Types of what the service answers; the data dictionary of the service says what fields mean."""

from typing import Any, Literal, TypedDict


class Participant(TypedDict):
    """A participant of an event."""

    actor: str | None
    name: str | None
    role: str
    via: str | None
    native: str | None
    excused: bool


Signal = TypedDict(
    "Signal",
    {
        "from": str,
        "toward": str,
        "score": float,
        "confidence": float,
        "quad": int,
        "origin": Literal["derived", "stated"],
        "rule": str,
        "weight": float,
        "reason": str | None,
    },
)


class Report(TypedDict):
    """A report of an event by one source."""

    source: str
    title: str
    publisher: str
    url: str | None
    published: str | None
    quote: str | None
    locator: str | None
    stance: str
    claims: dict[str, Any] | None
    reliability: str | None
    credibility: int | None


class Location(TypedDict):
    """Where an event happened."""

    name: str | None
    country: str | None
    admin1: str | None
    admin2: str | None
    lat: float | None
    lon: float | None
    precision: str | None


class Event(TypedDict):
    """An event with its participants, signals and reports."""

    id: str
    dataset: str
    title: str
    summary: str | None
    date: str
    start: str
    end: str | None
    precision: str
    type: str | None
    mode: str | None
    cameo: str | None
    native: str | None
    intensity: float | None
    quad: int | None
    quad_scheme: str
    status: str
    part_of: str | None
    participants: list[Participant]
    signals: list[Signal]
    location: Location | None
    tags: list[str]
    reports: list[Report]
    independent_sources: int
    recorded_at: str
    revision: int


class Actor(TypedDict):
    """A state, alliance, body or person."""

    code: str
    kind: str
    name: str


class Change(TypedDict, total=False):
    """A revision of a document."""

    seq: int
    kind: str
    id: str
    revision: int
    action: str
    at: str
    by: str
    reason: str | None
    into: str | None
    change: str | None
    document: dict[str, Any]


class Dump(TypedDict):
    """A file with every event of a dataset as of one version."""

    filename: str
    href: str
    dataset: str
    format: Literal["parquet", "ndjson"]
    media_type: str
    bytes: int
    sha256: str
    events: int
    version: int
    lineage: str
    in_history: bool
    licence: str
    citation: str
    created_at: str
