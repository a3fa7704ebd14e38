"""JSON schemas of events: the input of the load format, and the document that is answered."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic.config import JsonDict

from app.actors.schemas import ActorCandidate
from app.edtf import parse_edtf
from app.events.event_id import (
    MAX_EVENT_ID_LENGTH,
    require_event_key,
    require_event_reference,
)
from app.events.vocabulary import EventType, Reliability, Role, Stance, Status
from app.page_models import Page
from app.text import JsonInteger, JsonNumber, LongText, ShortText, require_storable


def _check_date(text: str) -> str:
    parse_edtf(text)
    return text


Title = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(require_storable)
]
SignalReason = Annotated[
    str, StringConstraints(min_length=1, max_length=2000), AfterValidator(require_storable)
]
Date = Annotated[ShortText, AfterValidator(_check_date)]
EventKey = Annotated[ShortText, AfterValidator(require_event_key)]
"""A key; addresses contain it percent-encoded."""
EventReference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_EVENT_ID_LENGTH),
    AfterValidator(require_event_reference),
    AfterValidator(require_storable),
]


MOST_TAGS, MOST_REPORTS = 100, 1000
"""The most tags and reports of one event."""
MAX_SIGNAL_WEIGHT = 1000
"""The greatest weight of a signal."""


class Location(BaseModel):
    """Where it happened."""

    model_config = ConfigDict(extra="forbid")
    name: ShortText | None = None
    country: ShortText | None = None
    admin1: ShortText | None = None
    admin2: ShortText | None = None
    lat: JsonNumber | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    lon: JsonNumber | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    precision: ShortText | None = None


class ParticipantInput(BaseModel):
    """A participant in an event, by any name or code."""

    model_config = ConfigDict(extra="ignore")
    actor: ShortText | None = None
    role: Role
    native: ShortText | None = None
    via: ShortText | None = None
    excused: StrictBool = Field(False, description="Absent without choice.")

    @model_validator(mode="after")
    def _check_excused(self) -> "ParticipantInput":
        if self.excused and self.role != "absent":
            raise ValueError("only an absent participant can be excused")
        return self


class SignalInput(BaseModel):
    """A signal that an analyst states, in place of the derived one."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")
    from_: ShortText = Field(alias="from")
    toward: ShortText
    score: JsonNumber = Field(ge=-10, le=10, allow_inf_nan=False)
    confidence: JsonNumber = Field(1, ge=0, le=1, allow_inf_nan=False)
    weight: JsonNumber = Field(
        1,
        ge=0,
        le=MAX_SIGNAL_WEIGHT,
        allow_inf_nan=False,
        description="1; more, less than proportionally, for fighting and coercion that last.",
    )
    reason: SignalReason | None = Field(None, description="Why the analyst states it.")


class ReportInput(BaseModel):
    """A source's account of the event."""

    model_config = ConfigDict(extra="ignore")
    source: ShortText
    quote: LongText | None = None
    locator: ShortText | None = None
    stance: Stance = "reports"
    claims: dict[str, Any] | None = None
    reliability: Reliability | None = None
    credibility: JsonInteger | None = Field(None, ge=1, le=6)


class EventInput(BaseModel):
    """An event in the load format `entente`."""

    model_config = ConfigDict(extra="forbid")
    key: EventKey
    title: Title
    summary: LongText | None = None
    date: Date
    type: EventType | None = None
    mode: ShortText | None = None
    cameo: ShortText | None = Field(None, pattern=r"^[0-9]{2,4}$")
    native: ShortText | None = None
    intensity: JsonNumber | None = Field(None, ge=-10, le=10, allow_inf_nan=False)
    quad: JsonInteger | None = Field(None, ge=1, le=4)
    quad_scheme: Literal["gdelt", "schrodt"] | None = None
    status: Status = "reported"
    part_of: EventReference | None = Field(
        None,
        description="The act that this is a stage of: an event's id, or its key in this dataset.",
    )
    participants: list[ParticipantInput] = Field([], max_length=500)
    signals: list[SignalInput] = Field([], max_length=500)
    location: Location | None = None
    tags: list[ShortText] = Field([], max_length=MOST_TAGS)
    reports: list[ReportInput] = Field([], max_length=MOST_REPORTS)


class Participant(BaseModel):
    """A participant in an event; `via` names the person or body through which a state took part."""

    actor: str | None
    name: str | None
    role: Role
    via: str | None = None
    native: str | None = None
    excused: bool = Field(False, description="Whether it was absent without choice.")


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
    weight: float = Field(
        1, description="1; more, less than proportionally, for fighting and coercion that last."
    )
    reason: str | None = Field(None, description="Why the analyst states it; null if derived.")


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
    part_of: str | None = Field(
        None, description="Id of the event that this is a stage of, as one act."
    )
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


NameKind = Literal["actor", "code", "country"]
"""What an unresolved name stands for: a party, by name or by code, or the country of a place."""


class UnresolvedName(BaseModel):
    """A name in loaded events that is not the name of exactly one actor."""

    kind: NameKind = Field(
        description="`actor`: a party by name; `code`: a party by a code such as `cow:300`;"
        " `country`: the country of a place."
    )
    name: str = Field(description="As the file has it: the name to give to an actor.")
    label: str | None = Field(description="What the source calls it besides.")
    count: int = Field(description="How often it occurs.")
    first: str = Field(description="First day of the earliest event that names it.")
    last: str = Field(description="First day of the latest event that names it.")
    nearest: list[ActorCandidate] = Field(
        [],
        description="The actors with the nearest names, or all that have this name; of the most"
        " frequent names only. They are candidates: nothing is resolved to them.",
    )


def _require_id_alone(schema: JsonDict) -> None:
    schema["required"] = ["id"]


class EventFields(Event):
    """Some fields of an event: its id, and those that `fields` names."""

    model_config = ConfigDict(json_schema_extra=_require_id_alone)


class EventFieldsPage(Page[EventFields]):
    """A page of events with the fields that `fields` names."""
