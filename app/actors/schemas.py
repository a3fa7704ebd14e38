"""JSON schemas of actors and memberships."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.edtf import parse
from app.text import Code as OwnCode
from app.text import Text, Whole, Word

Kind = Literal["state", "alliance", "organization", "armed_group", "body", "person"]
Step = Literal["signed", "ratified", "in-force", "suspended", "withdrawing", "withdrawn"]
Obligation = Literal["defense", "offense", "neutrality", "nonaggression", "consultation"]


def _day(text: str) -> str:
    if parse(text).precision != "day":
        raise ValueError("must be one day, such as 1991-09-21")
    return text


def _dated(text: str) -> str:
    if parse(text).precision == "interval":
        raise ValueError("must be a day, a month or a year, not an interval")
    return text


Day = Annotated[Word, AfterValidator(_day)]
StepDate = Annotated[Word, AfterValidator(_dated)]


class Code(BaseModel):
    """A code of an actor in a scheme such as COW, with the period in which it was valid."""

    model_config = ConfigDict(extra="forbid")
    scheme: Word
    value: Word
    since: Day | None = None
    until: Day | None = Field(None, description="First day on which it was no longer valid.")


MOST_ALIASES, MOST_CODES = 200, 500
"""The most aliases and codes of one actor."""


class Actor(BaseModel):
    """A state, alliance, organization, armed group, government body or person."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "code": "ARM",
                    "kind": "state",
                    "name": "Armenia",
                    "aliases": ["Republic of Armenia"],
                    "codes": [{"scheme": "cow", "value": "371", "since": None, "until": None}],
                    "since": "1991-09-21",
                    "until": None,
                    "successors": [],
                    "obligations": [],
                    "summary": None,
                }
            ]
        },
    )
    code: OwnCode
    kind: Kind
    name: Word
    aliases: list[Word] = Field([], max_length=MOST_ALIASES)
    codes: list[Code] = Field([], max_length=MOST_CODES)
    since: Day | None = None
    until: Day | None = Field(None, description="First day on which it no longer existed.")
    successors: list[Word] = Field(
        [], max_length=50, description="Codes of the actors that succeeded it."
    )
    obligations: list[Obligation] = []
    summary: Text | None = None

    @model_validator(mode="after")
    def _forward(self) -> "Actor":
        if self.since and self.until and self.since >= self.until:
            raise ValueError("until must lie after since")
        return self


class LadderStep(BaseModel):
    """A dated step of a membership, with its evidence."""

    model_config = ConfigDict(extra="forbid")
    step: Step
    date: StepDate = Field(description="EDTF: a day, a month or a year.")
    event: Word | None = None
    sources: list[Word] = Field([], max_length=100)
    note: Text | None = None


class Membership(BaseModel):
    """One unbroken membership period of an actor in a group."""

    model_config = ConfigDict(extra="forbid")
    actor: Word
    group: Word
    role: OwnCode = "member"
    spell: Whole = Field(
        1,
        ge=1,
        le=999,
        description="Number of the membership period: 2 or more where an actor left and came back.",
    )
    steps: list[LadderStep] = Field(min_length=1, max_length=100)

    @property
    def id(self) -> str:
        """The id, such as `ARM:CSTO:member:1`."""
        return f"{self.actor}:{self.group}:{self.role}:{self.spell}"


class Candidate(BaseModel):
    """An actor that a name may mean, with a score and what matched."""

    code: str
    name: str
    kind: str
    score: float = Field(description="0 to 100; 100 is the name itself.")
    match: str = Field(description="The scheme and value that matched.")
