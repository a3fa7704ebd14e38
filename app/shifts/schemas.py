"""Alignment, shifts and similarity as JSON."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from app.actors.schemas import StepKind
from app.page_models import Links, Meta
from app.shifts.filter import Acts
from app.shifts.statistics.scan_rows import Method
from app.shifts.statistics.verdicts import Check, Verdict

DIGITS = 6
"""Digits of numbers in answers; levels and shares of events keep all, since they add up."""


def round_figure(value: float) -> float:
    """Round a number to the digits after the point that answers have."""
    return round(value, DIGITS)


def round_chance(value: float) -> float:
    """Round a probability to as many significant digits: a small one is not 0."""
    return float(f"{value:.{DIGITS}g}")


# Rows that were stored before a table of quantiles changed differ in the tenth digit from those
# that are computed now, and one question has one number.
Figure = Annotated[float, AfterValidator(round_figure)]
Chance = Annotated[float, AfterValidator(round_chance)]
INDEX_UNIT = "−1 (all against) … +1 (all for)."


class AlignmentPoint(BaseModel):
    """The index at the end of a stretch of days, both inclusive."""

    start: str
    end: str
    index: float | None = Field(description=f"{INDEX_UNIT} Null before the first event.")
    low: float | None = Field(description="Lower end of the 90 % interval.")
    high: float | None
    n: int = Field(description="Signals on these days.")
    positive: float = Field(description="Mass for, before any bound: |score| / 10 × confidence.")
    negative: float
    effective: float = Field(description="Effective observations that the index rests on.")
    sources: int = Field(description="Publishers of the reports, each counted once.")
    covered: bool = Field(
        description="False: no dataset covers these days, so 0 signals mean nothing."
    )
    volume: int = Field(
        description="All signals of the datasets on these days, between any actors."
    )


class DirectedMover(BaseModel):
    """What one side did to another, and how its own index changed in the window."""

    actor: str
    toward: str
    n: int
    first: Figure = Field(description="Its own index at the first point.")
    last: Figure = Field(description="Its own index at the last point.")
    change: Figure


class IndexParameters(BaseModel):
    """The parameters of the index; docs/shifts.md explains them."""

    half_life: float
    prior: float
    prior_share: Figure
    dispersion: Figure
    saturation: float


class AlignmentMeta(Meta):
    """The question that the series answers."""

    datasets: list[str]
    actor: str
    toward: list[str]
    against: list[str]
    acts: Acts
    parameters: IndexParameters


class Alignment(BaseModel):
    """The index over time, and what each side did."""

    data: list[AlignmentPoint]
    moved: list[DirectedMover]
    meta: AlignmentMeta
    links: Links


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


class SizeScore(BaseModel):
    """How often p ≤ 0.05 comes where nothing changed."""

    rate: float = Field(description="Acts a month.")
    months: int
    series: int
    any: float = Field(description="Share of the series with such a finding.")
    test: float = Field(description="Share of all findings.")


class DiscoveryScore(BaseModel):
    """The share of false ones among findings with q ≤ 0.10."""

    density: Literal["sparse", "dense"] = Field(description="Up to 3 acts a month, or 10 and more.")
    changed: float = Field(description="Share of the series that change.")
    false: float


class PowerScore(BaseModel):
    """The share of changes that are found, at 0.1 false changes per dyad-decade."""

    kind: Literal["step", "drift", "ramp", "severity"]
    size: float = Field(description="Share of the acts that change.")
    rate: float
    months: int
    power: float


class OnsetScore(BaseModel):
    """How often the onset set contains the true onset."""

    rate: float
    contains: float
    found: int


class ChangeLevelScore(BaseModel):
    """How often the 90 % intervals beside a found change contain the true level."""

    rate: float
    before: float
    after: float


class SteadyLevelScore(BaseModel):
    """How often the 90 % interval of a level without a date contains the true one."""

    rate: float
    contains: float


class WaveScore(BaseModel):
    """The share of changes found in nets in which a third of an actor's partners move."""

    detector: Literal["without waves", "with waves"]
    moved: int
    still: int
    within_6: float = Field(description="Months; at 0.1 false changes per dyad-decade.")
    within_2: float
    served_within_6: float = Field(description="With q ≤ 0.05 and a change of 0.3 or more.")
    served_within_2: float
    served_false: float = Field(description="False ones of these per dyad-decade.")


class ShiftScores(BaseModel):
    """How good the detection of shifts is, on series whose changes are known."""

    measured: str = Field(description="Day of the measurement.")
    program: str = Field(description="Version of the program.")
    command: str
    draws: int = Field(description="Series of a cell.")
    threshold: float = Field(description="Highest p at which powers are compared.")
    size: list[SizeScore]
    discoveries: list[DiscoveryScore]
    power: list[PowerScore]
    onset_set: list[OnsetScore]
    levels: list[ChangeLevelScore]
    steady_levels: list[SteadyLevelScore]
    waves: list[WaveScore]


class FittedParameters(BaseModel):
    """What `entente shifts calibrate` fitted to the loaded corpus, or the published values."""

    null: dict[str, float] = Field(description="Coefficients of the closed p; docs/shifts.md.")
    prior_share: float


class CalibrationAnswer(BaseModel):
    """How good the detection of shifts is, and the parameters in use."""

    data: ShiftScores
    in_use: FittedParameters
    meta: Meta
    links: Links


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
    curve: CurveEnd | None = Field(description="Null where there is no signal.")
