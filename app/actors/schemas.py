"""JSON schemas of actors and memberships."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.edtf import parse_edtf
from app.text import Code as OwnCode
from app.text import JsonInteger, LongText, ShortText, fold_text

ActorKind = Literal[
    "state", "territory", "alliance", "organization", "armed_group", "body", "person"
]
StepKind = Literal["signed", "ratified", "in-force", "suspended", "withdrawing", "withdrawn"]
MembersRecorded = Literal["all", "some", "none"]
Obligation = Literal["defense", "offense", "neutrality", "nonaggression", "consultation"]


def _check_day(text: str) -> str:
    if parse_edtf(text).precision != "day":
        raise ValueError("must be one day, such as 1991-09-21")
    return text


def _check_step_date(text: str) -> str:
    if parse_edtf(text).precision == "interval":
        raise ValueError("must be a day, a month or a year, not an interval")
    return text


Day = Annotated[ShortText, AfterValidator(_check_day)]
StepDate = Annotated[ShortText, AfterValidator(_check_step_date)]


class SchemeCode(BaseModel):
    """A code of an actor in a scheme such as COW, with the period in which it was valid."""

    model_config = ConfigDict(extra="forbid")
    scheme: ShortText
    value: ShortText
    since: Day | None = None
    until: Day | None = Field(None, description="First day on which it was no longer valid.")

    @property
    def lookup_value(self) -> str:
        """The value under which it is found: in lower case, and a name as names are compared."""
        return fold_text(self.value) if self.scheme == "name" else self.value.lower()


class ObligationPeriod(BaseModel):
    """The period in which a group obliges its members to something."""

    model_config = ConfigDict(extra="forbid")
    obligation: Obligation
    since: StepDate | None = Field(None, description="EDTF; null: from the beginning.")
    until: StepDate | None = Field(None, description="First day on which it no longer bound.")
    note: LongText | None = None
    sources: list[ShortText] = Field([], max_length=100)


MOST_ALIASES, MOST_CODES = 200, 500
"""The most aliases and codes of one actor."""


class Actor(BaseModel):
    """A state, territory, alliance, organization, armed group, government body or person."""

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
                    "obligation_periods": [],
                    "members_recorded": None,
                    "summary": None,
                }
            ]
        },
    )
    code: OwnCode
    kind: ActorKind
    name: ShortText
    aliases: list[ShortText] = Field([], max_length=MOST_ALIASES)
    codes: list[SchemeCode] = Field([], max_length=MOST_CODES)
    since: Day | None = None
    until: Day | None = Field(None, description="First day on which it no longer existed.")
    successors: list[ShortText] = Field(
        [], max_length=50, description="Codes of the actors that succeeded it."
    )
    obligations: list[Obligation] = Field(
        [],
        description="All that a group ever obliges its members to; ties say what binds on a day.",
    )
    obligation_periods: list[ObligationPeriod] = Field(
        [],
        max_length=100,
        description="When each obligation binds; one without a period always binds.",
    )
    members_recorded: MembersRecorded | None = Field(
        None,
        description="Of a group: whether `all` of its members are recorded, of every day, or only"
        " `some`; `none`: it has no states as members, as a research institute. Null: not known.",
    )
    summary: LongText | None = None

    @model_validator(mode="after")
    def _check_actor_life(self) -> "Actor":
        if self.since and self.until and self.since >= self.until:
            raise ValueError("until must lie after since")
        missing = {p.obligation for p in self.obligation_periods} - set(self.obligations)
        if missing:
            raise ValueError(f"obligations must list {', '.join(sorted(missing))} too")
        return self


class MembershipStep(BaseModel):
    """A dated step of a membership, with its evidence."""

    model_config = ConfigDict(extra="forbid")
    step: StepKind
    date: StepDate = Field(description="EDTF: a day, a month or a year.")
    event: ShortText | None = None
    sources: list[ShortText] = Field([], max_length=100)
    note: LongText | None = None


class Membership(BaseModel):
    """One unbroken membership period of an actor in a group."""

    model_config = ConfigDict(extra="forbid")
    actor: ShortText
    group: ShortText
    role: OwnCode = "member"
    spell: JsonInteger = Field(
        1,
        ge=1,
        le=999,
        description="Number of the membership period: 2 or more where an actor left and came back.",
    )
    steps: list[MembershipStep] = Field(min_length=1, max_length=100)

    @property
    def id(self) -> str:
        """The id, such as `ARM:CSTO:member:1`."""
        return f"{self.actor}:{self.group}:{self.role}:{self.spell}"


class ActorCandidate(BaseModel):
    """An actor that a name may mean, with a score and what matched."""

    code: str
    name: str
    kind: str
    score: float = Field(description="0 to 100; 100 is the name itself.")
    match: str = Field(description="The scheme and value that matched.")
