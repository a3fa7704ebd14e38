"""Documents of similarity: alliance portfolios year by year, and ideal points of states."""

from typing import Literal

from pydantic import BaseModel, Field

from app.page_models import Links, Meta


class PortfolioSimilarity(BaseModel):
    """How similar the alliance portfolios of two states were in a year."""

    year: int
    actors: tuple[str, str]
    value: float | None = Field(description="Null where all portfolios of the year are equal.")
    states: int = Field(description="States of the system, over which portfolios are compared.")
    tied: list[int] = Field(description="Number of states with which each of the two had a tie.")
    covered: bool = Field(description="False: no membership of the year is known.")


class PortfolioSimilarityMeta(Meta):
    """The measure, and the loaded alliances that were used."""

    measure: Literal["kappa", "pi", "s", "tau_b"]
    datasets: list[str] = Field(
        description="Loaded alliances that were used; others come from the record."
    )


class PortfolioSimilarities(BaseModel):
    """Similarity of portfolios, year by year."""

    data: list[PortfolioSimilarity]
    meta: PortfolioSimilarityMeta
    links: Links


class IdealPointDocument(BaseModel):
    """The ideal point of a state in a session."""

    dataset: str
    actor: str = Field(examples=["ARM"])
    session: int = Field(examples=[78])
    year: int = Field(examples=[2023])
    value: float = Field(description="As in the series; higher: closer to the United States.")
    low: float | None = Field(
        description="Lower end of the 90 % interval, where the series has one."
    )
    high: float | None


class IdealPointMove(BaseModel):
    """What one of two states contributed to the change of their distance."""

    actor: str
    first: float = Field(description="Its ideal point in the first session.")
    last: float
    share: float = Field(
        description="Its part in the change of distance; negative: it came closer."
    )


class IdealPointApproach(BaseModel):
    """How the distance of two states changed, and how much each contributed.

    The first and the last session in which both voted are compared.
    """

    dataset: str
    actors: tuple[str, str]
    first: int = Field(description="Year of the first session that both voted in.")
    last: int
    before: float = Field(description="Distance in the first of them.")
    after: float
    change: float = Field(description="after − before: the sum of the two shares.")
    moved: list[IdealPointMove]


class IdealPointsMeta(Meta):
    """The loaded series that were used."""

    datasets: list[str]


class IdealPoints(BaseModel):
    """Ideal points by state and session, and which of each two states moved."""

    data: list[IdealPointDocument]
    moved: list[IdealPointApproach]
    meta: IdealPointsMeta
    links: Links
