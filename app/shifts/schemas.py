"""Alignment, shifts and likeness as JSON."""

from typing import Literal

from pydantic import BaseModel, Field

from app.http.page import Links, Meta
from app.shifts.filter import Acts
from app.shifts.judge import Method, Verdict

UNIT = "−1 (all against) … +1 (all for)."


class Point(BaseModel):
    """The index at the end of a stretch of days, both inclusive."""

    start: str
    end: str
    index: float | None = Field(description=f"{UNIT} Null before the first event.")
    low: float | None = Field(description="Lower end of the 90 % interval.")
    high: float | None
    n: int = Field(description="Signals on these days.")
    positive: float = Field(description="Mass for, before any bound: |score| / 10 × confidence.")
    negative: float
    effective: float = Field(description="Effective observations that the index rests on.")
    sources: int = Field(description="Publishers that say so, each counted once.")
    covered: bool = Field(description="False: no dataset covers these days, so 0 says nothing.")
    volume: int = Field(
        description="Signals of the datasets on these days, whoever acted: what they saw at all."
    )


class Mover(BaseModel):
    """What one did to another, before and in the window."""

    actor: str
    toward: str
    n: int
    first: float = Field(description="Its own index at the first point.")
    last: float = Field(description="Its own index at the last point.")
    change: float


class Parameters(BaseModel):
    """With what the numbers were made; docs/shifts.md says what they mean."""

    half_life: float
    prior: float
    prior_share: float
    dispersion: float
    saturation: float


class AlignmentMeta(Meta):
    """What the series is of."""

    datasets: list[str]
    actor: str
    toward: list[str]
    against: list[str]
    acts: Acts
    parameters: Parameters


class Alignment(BaseModel):
    """The index over time, with who moved."""

    data: list[Point]
    moved: list[Mover]
    meta: AlignmentMeta
    links: Links


class Stretch(BaseModel):
    """Days, both inclusive."""

    start: str
    end: str


class LevelShown(BaseModel):
    """The index over a whole stretch."""

    index: float = Field(description=UNIT)
    low: float = Field(description="Lower end of the 90 % interval.")
    high: float
    effective: float = Field(description="Effective observations.")
    start: str | None = Field(description="Null for all that is known, where nothing is dated.")
    end: str | None


class Expected(BaseModel):
    """What the formal ties alone would lead to expect, where no baseline is."""

    alpha: float
    beta: float
    why: str
    probability_below: float = Field(description="That the level lies below it.")


class Shift(BaseModel):
    """A change of the index, or why there is none."""

    id: str
    actor: str
    toward: list[str]
    against: list[str]
    acts: Acts
    datasets: list[str]
    onset: str | None = Field(description="A month or a day; null where no date can be given.")
    onset_set: list[Stretch] = Field(description="Where the onset lies with 80 % likelihood.")
    direction: Literal["toward", "away"] | None
    before: LevelShown | None
    after: LevelShown | None
    magnitude: float = Field(description="Points of the index, up to 2.")
    at_least: float = Field(description="Its lower bound, by which shifts are ranked.")
    p: float
    q: float = Field(description="False discovery rate over `family_size` tests.")
    family_size: int
    verdict: Verdict
    label: str = Field(description="The verdict in words.")
    reason: str | None = Field(description="Why there is no shift.")
    expected: Expected | None = Field(None, description="Only where no shift can be dated.")
    robust: bool | None = Field(description="Null where the verdict does not depend on it.")
    provisional: bool = Field(description="Fewer than six months have passed since.")
    method: Method
    version: int


class ShiftMeta(Meta):
    """What the shifts were looked for in."""

    datasets: list[str]
    family_size: int
    stale: int = Field(0, description="Dyads whose newest events are not looked at yet.")


class ShiftPage(BaseModel):
    """Shifts, most important first."""

    data: list[Shift]
    meta: ShiftMeta
    links: Links


class Witness(BaseModel):
    """A source of an event, with its Admiralty grade."""

    source: str
    publisher: str
    published: str | None
    reliability: str | None
    credibility: int | None


class SignalShare(BaseModel):
    """What one signal of an event contributes."""

    actor: str
    toward: str
    score: float
    quad: int
    share: float


class Share(BaseModel):
    """What one event contributes to the change."""

    event: str
    title: str
    date: str
    share: float = Field(description="Points of the index; negative: speaks against an increase.")
    speaks: Literal["for", "against"] = Field(description="For the change, or against it.")
    signals: list[SignalShare]
    flags: list[str]
    sources: list[Witness]


class Subtotal(BaseModel):
    """Shares added up by one property."""

    value: str
    share: float
    n: int = Field(description="Events.")


class Subtotals(BaseModel):
    """Shares added up; an event with several sources is divided among them."""

    partner: list[Subtotal]
    mover: list[Subtotal]
    quad: list[Subtotal]
    source: list[Subtotal]
    month: list[Subtotal]


class Step(BaseModel):
    """A step of the commitment ladder while the change took place."""

    group: str
    actor: str
    step: str
    date: str


class FormalTie(BaseModel):
    """A formal tie between the two on the day of the onset."""

    group: str
    partner: str
    status: str | None
    obligations: list[str]


class Structure(BaseModel):
    """Formal ties, shown beside and never mixed in."""

    on: str
    ties: list[FormalTie]
    steps: list[Step]


class ShiftDetail(Shift):
    """A shift with its evidence: shares and prior add up to the change."""

    change: float = Field(description="after − before, signed.")
    evidence: list[Share]
    prior: float = Field(description="What the prior contributes.")
    subtotals: Subtotals
    flags: list[str]
    structure: Structure


class Likeness(BaseModel):
    """How alike the alliance portfolios of two states were in a year."""

    year: int
    actors: tuple[str, str]
    value: float | None = Field(description="Null where every portfolio of the year is alike.")
    states: int = Field(description="States compared over.")
    tied: list[int] = Field(description="With how many each of the two was bound.")
    covered: bool = Field(description="False: no membership of the year is known.")


class LikenessMeta(Meta):
    """Which measure, and of what ties."""

    measure: Literal["kappa", "pi", "s", "tau_b"]
    datasets: list[str] = Field(description="Loaded alliances that count beside the record's.")


class Similarity(BaseModel):
    """Likeness of portfolios, year by year."""

    data: list[Likeness]
    meta: LikenessMeta
    links: Links


class IdealPoint(BaseModel):
    """Where a state stood in the votes of a session."""

    dataset: str
    actor: str = Field(examples=["ARM"])
    session: int = Field(examples=[78])
    year: int = Field(examples=[2023])
    value: float = Field(description="As the series has it; higher: nearer to the United States.")
    low: float | None = Field(description="Lower end of the 90 % interval, where it has one.")
    high: float | None


class Stance(BaseModel):
    """What one of two did to their distance."""

    actor: str
    first: float = Field(description="Its point in the first session.")
    last: float
    share: float = Field(description="Of the change of distance; negative: it came nearer.")


class Approach(BaseModel):
    """How far two states came apart between the first and the last session of both, and by whom."""

    dataset: str
    actors: tuple[str, str]
    first: int = Field(description="Year of the first session that both voted in.")
    last: int
    before: float = Field(description="Distance in the first of them.")
    after: float
    change: float = Field(description="after − before: what the two shares add up to.")
    moved: list[Stance]


class IdealPointsMeta(Meta):
    """Of which loaded series."""

    datasets: list[str]


class IdealPoints(BaseModel):
    """Points by state and session, with who moved."""

    data: list[IdealPoint]
    moved: list[Approach]
    meta: IdealPointsMeta
    links: Links
