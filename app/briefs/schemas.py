"""A brief as JSON. Pure."""

from pydantic import BaseModel, Field

from app.page_models import EmptyReason, Links, Meta
from app.shifts.schemas import DayRange, EvidenceSource, Shift


class BriefEvent(BaseModel):
    """An event of the evidence, with its share as in `/v1/shifts/{id}`."""

    event: str
    title: str
    date: str
    share: float = Field(description="Points of the index; negative: contradicts an increase.")
    speaks: str = Field(description="`for` the change or `against` it.")
    sources: list[EvidenceSource]


class BriefTally(BaseModel):
    """How many events speak for the change or against it, and their shares together."""

    n: int
    share: float


class BriefStep(BaseModel):
    """A membership step of the actor after the onset."""

    group: str
    name: str
    step: str
    date: str


class BriefTie(BaseModel):
    """A formal tie of the two sides on the day of the onset."""

    group: str
    name: str
    partners: list[str] = Field(description="Codes of those of the other sides that it binds.")
    status: str | None
    obligations: list[str]
    later: list[BriefStep] = Field(description="What the actor did about it afterwards.")


class BriefCaveat(BaseModel):
    """What limits the answer."""

    code: str
    text: str


class DatasetCredit(BaseModel):
    """A dataset that the brief rests on."""

    code: str
    name: str
    version: str
    licence: str
    citation: str


class Brief(BaseModel):
    """What is known of one pair, for one page; its numbers are those of the shift."""

    names: str = Field(description="The two sides by name.")
    title: str
    headline: str
    sentence: str
    reason: EmptyReason | None = Field(description="Why nothing is known of the pair, if so.")
    shift: Shift = Field(description="The most certain shift of the pair, as in `/v1/shifts`.")
    others: list[str] = Field(description="Sentences of its other shifts.")
    change: float = Field(description="after − before, signed.")
    events: list[BriefEvent] = Field(description="Up to ten, largest share first.")
    publishers: int = Field(description="Publishers of all events of the evidence.")
    speaks_for: BriefTally
    against: BriefTally
    ties_on: str
    ties: list[BriefTie]
    steps: list[BriefStep] = Field(description="Steps elsewhere than in these ties.")
    caveats: list[BriefCaveat]
    covered: list[DayRange] = Field(description="The days that each dataset covers for the pair.")
    datasets: list[DatasetCredit]


class BriefLinks(Links):
    """Links to the same answer elsewhere; all but `self` are of this version."""

    page: str = Field(description="The brief as a page to print.")
    pdf: str
    explorer: str
    shift: str = Field(description="The shift with all of its evidence.")
    curve: str = Field(description="The picture of the index over time.")


class BriefAnswer(BaseModel):
    """A brief, the version it is of, and where to go from it."""

    data: Brief
    meta: Meta
    links: BriefLinks
