"""Actors and memberships as JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.text import Text, Word

Kind = Literal["state", "alliance", "organization", "armed_group", "body", "person"]
Step = Literal["signed", "ratified", "in-force", "suspended", "withdrawing", "withdrawn"]
Obligation = Literal["defense", "offense", "neutrality", "nonaggression", "consultation"]


class Code(BaseModel):
    """A code of an actor in somebody's scheme, over the period in which it was valid."""

    model_config = ConfigDict(extra="forbid")
    scheme: Word
    value: Word
    since: str | None = None
    until: str | None = Field(None, description="First day on which it no longer held.")


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
                    "obligations": [],
                    "summary": None,
                }
            ]
        },
    )
    code: Word
    kind: Kind
    name: Word
    aliases: list[Word] = []
    codes: list[Code] = []
    since: str | None = None
    until: str | None = None
    obligations: list[Obligation] = []
    summary: Text | None = None


class LadderStep(BaseModel):
    """A dated step on the commitment ladder, with what proves it."""

    model_config = ConfigDict(extra="forbid")
    step: Step
    date: str = Field(description="EDTF: a day, a month or a year.")
    event: str | None = None
    sources: list[str] = []
    note: str | None = None


class Membership(BaseModel):
    """An actor in a group over one unbroken spell."""

    model_config = ConfigDict(extra="forbid")
    actor: Word
    group: Word
    role: Word = "member"
    spell: int = Field(1, ge=1, description="1, 2 … where an actor came back.")
    steps: list[LadderStep] = Field(min_length=1)

    @property
    def id(self) -> str:
        """`ARM:CSTO:member:1`."""
        return f"{self.actor}:{self.group}:{self.role}:{self.spell}"


class Candidate(BaseModel):
    """An actor that a name may mean, and why."""

    code: str
    name: str
    kind: str
    score: float = Field(description="0 to 100; 100 is the name itself.")
    match: str = Field(description="The scheme and value that matched.")
