"""Shifts as JSON."""

from typing import Literal

from pydantic import BaseModel, Field

from app.actors.schemas import StepKind
from app.page_models import Links, Meta
from app.shifts.figures import INDEX_UNIT, Chance, Figure
from app.shifts.filter import Acts
from app.shifts.statistics.scan_rows import Method
from app.shifts.statistics.verdicts import Check, Verdict


class DayRange(BaseModel):
    """A stretch of days, both ends inclusive."""

    start: str
    end: str


class LevelDocument(BaseModel):
    """The index over a whole stretch of days."""

    # All digits: the shares of events add up to the difference of two levels.
    index: float = Field(description=INDEX_UNIT)
    low: Figure = Field(description="Lower end of the 90 % interval.")
    high: Figure
    effective: Figure = Field(description="Effective observations.")
    start: str | None = Field(description="Null where the level is undated: it is of all days.")
    end: str | None


class ExpectedLevel(BaseModel):
    """What the formal ties alone lead to expect, where there is no baseline."""

    alpha: float
    beta: float
    why: str
    probability_below: Figure = Field(
        description="Probability that the level lies below what is expected."
    )


class CarrierDocument(BaseModel):
    """How much of a change is what passed with one partner."""

    actor: str
    name: str
    share: Figure = Field(description="Of what all events contribute to the change.")


class WaveDocument(BaseModel):
    """Partners of one side that seem to have changed in the same direction within two months."""

    actor: str
    partners: list[str] = Field(description="Those that moved too; the other side is not counted.")
    of: int = Field(description="Partners of the actor with enough data in that month.")
    weight: Figure = Field(description="p is divided by it where q is computed; 1: no wave.")


class FormalStepDocument(BaseModel):
    """A step of a membership between the sides."""

    actor: str
    group: str
    role: str
    step: StepKind
    date: str = Field(description="EDTF: a day, a month or a year.")
    event: str | None
    sentence: str


class SuspensionDocument(BaseModel):
    """The days on which a member of a group was suspended, and did not count for it."""

    group: str
    actor: str
    since: str = Field(
        description="First day of the suspension; of a month or a year the first that it can mean."
    )
    until: str | None = Field(description="First day on which it was no longer suspended.")


class Shift(BaseModel):
    """A change of the index, or why there is none."""

    id: str
    actor: str
    toward: list[str]
    against: list[str]
    acts: Acts
    datasets: list[str]
    onset: str | None = Field(description="A month or a day; null where no date can be claimed.")
    onset_set: list[DayRange] = Field(description="Where the onset lies with 80 % likelihood.")
    direction: Literal["toward", "away"] | None
    before: LevelDocument | None
    after: LevelDocument | None
    magnitude: Figure = Field(description="Points of the index, up to 2.")
    at_least: Figure = Field(description="Its lower bound, by which shifts are ranked.")
    p: Chance
    q: Chance = Field(description="False discovery rate over `family_size` tests.")
    family_size: int
    verdict: Verdict
    label: str = Field(description="The verdict in a few words.")
    title: str = Field(description="A title: names, and when or what, without numbers.")
    headline: str = Field(description="The first part of `sentence`, without remarks.")
    sentence: str = Field(
        description="The verdict as a sentence: names, the range of the onset, and the reasons."
    )
    reason: str | None = Field(description="Why there is no shift.")
    expected: ExpectedLevel | None = Field(None, description="Only where no shift can be dated.")
    robust: bool | None = Field(description="Null where p > 0.05: no verdict depends on it.")
    failed: list[Check] = Field(description="The checks of robustness that failed.")
    single_source: str | None = Field(description="The publisher on which all rests, if it is one.")
    within_publishers: Figure | None = Field(
        description="Share of the change that holds within the publishers present on both sides of"
        " its date; null where they are unknown or p > 0.05."
    )
    stated_share: Figure | None = Field(
        description="Share of the supporting evidence whose scores an analyst stated; null where"
        " p > 0.05."
    )
    without_stated: Verdict | None = Field(
        description="The verdict without stated signals, as a question of its own; null where there"
        " are none."
    )
    left_without_stated: Figure | None = Field(
        description="The change of the index that is left without stated signals."
    )
    carried_by: list[CarrierDocument] = Field(
        description="Who carries the change, where members of a group count: the groups themselves"
        " and the members with the largest shares."
    )
    without_carrier: Verdict | None = Field(
        description="What is left where one member carries half of the change or more: the weaker"
        " of the verdicts without that member and with the groups' own bodies alone. The verdict"
        " is no stronger than this."
    )
    provisional: bool = Field(description="Fewer than six months of data lie after the onset.")
    wave: WaveDocument | None = Field(
        description="What else moved then; it helps to date the change and is no part of p."
    )
    wave_reason: str | None = Field(description="Why nothing is known of a wave.")
    memberships: list[FormalStepDocument] = Field(
        description="Formal steps between the actor and the groups named, in the time of the"
        " change, or else in what the datasets cover. They add nothing to the index; the events"
        " that made them do where they have signals."
    )
    method: Method
    version: int


class ShiftMeta(Meta):
    """The datasets and the number of tests."""

    datasets: list[str]
    family_size: int
    stale: int = Field(0, description="Dyads whose newest events are not included yet.")


class ShiftPage(BaseModel):
    """A page of shifts, most certain first unless another order is asked for."""

    data: list[Shift]
    meta: ShiftMeta
    links: Links
