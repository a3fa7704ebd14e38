"""A brief as JSON. Pure."""

from pydantic import BaseModel, Field

from app.actors.schemas import ActorKind
from app.page_models import EmptyReason, Links, Meta
from app.shifts.evidence_schemas import EvidenceSource
from app.shifts.schemas import DayRange, Shift


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


class RecentEvent(BaseModel):
    """An event of the actor within the last years that the record has of it."""

    event: str
    title: str
    date: str
    effect: float | None = Field(
        description="Mean score of what the actor did and what was done to it, −10 to +10; null"
        " where the event has no signal of it."
    )
    sources: list[EvidenceSource] = Field(description="Those that report it, best grade first.")


class BriefMembership(BaseModel):
    """A membership of the actor, or of a member in the actor, in words."""

    actor: str
    group: str
    name: str = Field(description="The name of the group, or of the member.")
    role: str
    status: str | None = Field(description="The last step by that day.")
    since: str | None = Field(description="When it came into force; null: not yet.")
    text: str = Field(description="The same in words, with the note of its last step.")


class ActorBrief(BaseModel):
    """What is known of one actor, for one page; its shifts are those of `/v1/shifts`."""

    actor: str
    kind: ActorKind = Field(description="A state, an alliance, a person …")
    names: str = Field(description="Its name.")
    title: str
    headline: str = Field(description="That of its most certain shift, or that there is none.")
    reason: EmptyReason | None = Field(description="Why nothing is known of the actor, if so.")
    shifts: list[Shift] = Field(
        description="Its most certain shifts, one for each partner, up to six."
    )
    shifts_found: int = Field(description="Partners toward whom a shift is found.")
    apart: int = Field(description="How many of these shifts are apart.")
    closer: int = Field(description="How many of these shifts are closer.")
    tested: int = Field(description="Partners of whom enough is known to look for a shift.")
    events: list[RecentEvent] = Field(
        description="Up to ten with the greatest effect since `events_since`, newest first."
    )
    events_since: str | None = Field(
        description="The first day of the two years before its newest event; null without events."
    )
    events_counted: int = Field(description="Events since `events_since`, a thousand at most.")
    events_elsewhere: int = Field(
        description="Events of it in other datasets than those that the brief rests on."
    )
    memberships_on: str = Field(description="The day of the memberships.")
    memberships: list[BriefMembership]
    left: int = Field(description="Memberships that had ended by that day.")
    caveats: list[BriefCaveat]
    covered: list[DayRange] = Field(description="The days that each dataset covers for the actor.")
    datasets: list[DatasetCredit]


class ActorBriefLinks(Links):
    """Links to the same answer elsewhere; all but `self` are of this version."""

    page: str = Field(description="The brief as a page to print.")
    pdf: str
    explorer: str
    shifts: str = Field(description="All shifts of the actor.")
    events: str = Field(description="All events of the actor.")
    curve: str = Field(description="The picture of the levels before and after each shift.")


class ActorBriefAnswer(BaseModel):
    """A brief of an actor, the version it is of, and where to go from it."""

    data: ActorBrief
    meta: Meta
    links: ActorBriefLinks
