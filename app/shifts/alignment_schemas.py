"""The index over time as JSON."""

from pydantic import BaseModel, Field

from app.page_models import Links, Meta
from app.shifts.figures import INDEX_UNIT, Figure
from app.shifts.filter import Acts
from app.shifts.schemas import FormalStepDocument, SuspensionDocument


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
    suspended: list[SuspensionDocument] | None = Field(
        None,
        description="Members of the groups of the question that were suspended on some of the"
        " days: what passed with them then does not count toward the group.",
    )
    remark: str | None = Field(
        None,
        description="What has to be said beside the index: that its record is thin, one-sided or"
        " of days that no dataset covers; that members of a group carry it, or are not all"
        " recorded; that it counts acts alone, and so no suspension that is in force. It is"
        " `remarks`, joined.",
    )
    remarks: list[str] | None = Field(
        None, description="The remark in parts, each about one thing, the weightiest first."
    )


class Alignment(BaseModel):
    """The index over time, and what each side did."""

    data: list[AlignmentPoint]
    moved: list[DirectedMover]
    memberships: list[FormalStepDocument] = Field(
        description="Steps of memberships between the sides, up to `until` and after the last act"
        " too, with the last one before the first day; the index does not count them."
    )
    meta: AlignmentMeta
    links: Links
