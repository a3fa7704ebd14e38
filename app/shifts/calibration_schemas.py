"""How good the detection of shifts is, as JSON."""

from typing import Literal

from pydantic import BaseModel, Field

from app.page_models import Links, Meta


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
