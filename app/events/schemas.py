"""JSON schemas of events: the input of the load format, and the document that is answered."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.edtf import parse
from app.events.vocabulary import EventType, Reliability, Role, Stance, Status
from app.text import Ident, Number, Text, Whole, Word, safe


def _dated(text: str) -> str:
    parse(text)
    return text


Title = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(safe)]
Date = Annotated[Word, AfterValidator(_dated)]


MOST_TAGS, MOST_REPORTS = 100, 1000
"""The most tags and reports of one event."""


class Location(BaseModel):
    """Where it happened."""

    model_config = ConfigDict(extra="forbid")
    name: Word | None = None
    country: Word | None = None
    admin1: Word | None = None
    admin2: Word | None = None
    lat: Number | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    lon: Number | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    precision: Word | None = None


class GivenParticipant(BaseModel):
    """A participant in an event, by any name or code."""

    model_config = ConfigDict(extra="ignore")
    actor: Word | None = None
    role: Role
    native: Word | None = None
    via: Word | None = None


class GivenSignal(BaseModel):
    """A signal that an analyst states, in place of the derived one."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")
    from_: Word = Field(alias="from")
    toward: Word
    score: Number = Field(ge=-10, le=10, allow_inf_nan=False)
    confidence: Number = Field(1, ge=0, le=1, allow_inf_nan=False)


class GivenReport(BaseModel):
    """A source's account of the event."""

    model_config = ConfigDict(extra="ignore")
    source: Word
    quote: Text | None = None
    locator: Word | None = None
    stance: Stance = "reports"
    claims: dict[str, Any] | None = None
    reliability: Reliability | None = None
    credibility: Whole | None = Field(None, ge=1, le=6)


class GivenEvent(BaseModel):
    """An event in the load format `entente`."""

    model_config = ConfigDict(extra="forbid")
    key: Ident
    title: Title
    summary: Text | None = None
    date: Date
    type: EventType | None = None
    mode: Word | None = None
    cameo: Word | None = Field(None, pattern=r"^[0-9]{2,4}$")
    native: Word | None = None
    intensity: Number | None = Field(None, ge=-10, le=10, allow_inf_nan=False)
    quad: Whole | None = Field(None, ge=1, le=4)
    quad_scheme: Literal["gdelt", "schrodt"] | None = None
    status: Status = "reported"
    participants: list[GivenParticipant] = Field([], max_length=500)
    signals: list[GivenSignal] = Field([], max_length=500)
    location: Location | None = None
    tags: list[Word] = Field([], max_length=MOST_TAGS)
    reports: list[GivenReport] = Field([], max_length=MOST_REPORTS)


class Participant(BaseModel):
    """A participant in an event; `via` names the person or body through which a state took part."""

    actor: str | None
    name: str | None
    role: Role
    via: str | None = None
    native: str | None = None


class Signal(BaseModel):
    """A directed score: the event moves `from` toward (+) or away from (−) `toward`."""

    model_config = ConfigDict(populate_by_name=True)
    from_: str = Field(alias="from")
    toward: str
    score: float = Field(description="−10 … +10.")
    confidence: float = 1
    quad: int = Field(description="Quad class 1–4; 0 where the score is 0.")
    origin: Literal["derived", "stated"]
    rule: str


class Report(BaseModel):
    """A source's report of the event."""

    source: str
    title: str
    publisher: str
    url: str | None
    published: str | None
    quote: str | None
    locator: str | None
    stance: Stance
    claims: dict[str, Any] | None
    reliability: Reliability | None
    credibility: int | None


class Event(BaseModel):
    """Something that happened, as its sources report it."""

    id: str
    dataset: str
    title: str
    summary: str | None
    date: str = Field(description="As stated, in EDTF.")
    start: str
    end: str | None = Field(description="Last day, inclusive; null while it still goes on.")
    precision: str
    type: EventType | None
    mode: str | None
    cameo: str | None
    native: str | None
    intensity: float | None = Field(description="Goldstein scale, −10 … +10.")
    quad: int | None
    quad_scheme: str
    status: Status
    participants: list[Participant]
    signals: list[Signal]
    location: Location | None
    tags: list[str]
    reports: list[Report]
    independent_sources: int = Field(
        description="Publishers whose reports do not dispute the event, each counted once."
    )
    recorded_at: str
    revision: int
