"""A shift with its evidence as JSON."""

from typing import Literal

from pydantic import BaseModel, Field

from app.shifts.figures import Figure
from app.shifts.schemas import Shift, SuspensionDocument


class EvidenceSource(BaseModel):
    """A source of an event, with its Admiralty grade."""

    source: str
    title: str
    publisher: str
    url: str | None
    published: str | None
    reliability: str | None
    credibility: int | None


class SignalShare(BaseModel):
    """The contribution of one signal of an event."""

    actor: str
    toward: str
    score: float
    quad: int
    share: float


class EventShare(BaseModel):
    """The contribution of one event to the change."""

    event: str
    title: str
    date: str
    share: float = Field(description="Points of the index; negative: contradicts an increase.")
    speaks: Literal["for", "against"] = Field(description="For the change, or against it.")
    signals: list[SignalShare]
    flags: list[str]
    sources: list[EvidenceSource]


class ShareSubtotal(BaseModel):
    """Shares added up by one value of a property."""

    value: str
    share: float
    n: int = Field(description="Events.")


class ShareSubtotals(BaseModel):
    """Shares added up; an event with several sources is divided among them."""

    partner: list[ShareSubtotal]
    mover: list[ShareSubtotal]
    quad: list[ShareSubtotal]
    source: list[ShareSubtotal]
    month: list[ShareSubtotal]


class StructureStep(BaseModel):
    """A membership step that was taken while the change took place."""

    group: str
    actor: str
    step: str
    date: str


class StructureTie(BaseModel):
    """A formal tie between the two sides on the day of the onset."""

    group: str
    partner: str
    status: str | None
    obligations: list[str]


class FormalStructure(BaseModel):
    """Formal ties and membership steps: context that changes no number."""

    on: str
    ties: list[StructureTie]
    steps: list[StructureStep]


class CurveEnd(BaseModel):
    """The smoothed index at its end, where it may differ from the level."""

    day: str
    index: Figure
    low: Figure
    high: Figure
    effective: Figure
    last_act: str = Field(description="The last day on which something passed between the sides.")
    differs_because: str | None = Field(
        description="Why the curve ends elsewhere than the level; null where they agree."
    )


class ShiftDetail(Shift):
    """A shift with its evidence: the shares, the prior and what is closed add up to the change."""

    change: float = Field(description="after − before, signed.")
    evidence: list[EventShare]
    evidence_absent_because: str | None = Field(
        description="Why acts of the shift have no events in the evidence; null where all have."
    )
    prior: float = Field(description="Contribution of the prior.")
    closed: float = Field(
        0.0, description="Contribution of events that are closed to this reader, added up."
    )
    subtotals: ShareSubtotals
    flags: list[str]
    structure: FormalStructure
    partly_recorded: list[str] | None = Field(
        description="Codes of the groups of the question of which not all members are recorded:"
        " what the others did is not in the answer. Null where there is none."
    )
    suspended: list[SuspensionDocument] | None = Field(
        description="Members of the groups of the question that were suspended on some of the"
        " days: what passed with them then does not count. Null where there is none."
    )
    curve: CurveEnd | None = Field(description="Null where there is no signal.")
