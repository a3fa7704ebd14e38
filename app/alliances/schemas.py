"""Members and ties as JSON."""

from pydantic import BaseModel, Field

from app.actors.schemas import LadderStep


class Member(BaseModel):
    """An actor in a group on a day."""

    actor: str
    name: str
    role: str
    status: str | None = Field(description="The step of the ladder in effect on the day.")
    since: str | None
    until: str | None = Field(description="First day on which it no longer held.")
    steps: list[LadderStep]


class Tie(BaseModel):
    """A group that an actor was bound to on a day, and to what it obliges."""

    group: str
    name: str
    role: str
    status: str | None
    since: str | None
    until: str | None
    partners: list[str] = Field(description="The other members of the day.")
    obligations: list[str] = Field(description="Of members; a partner or observer owes none.")
    steps: list[LadderStep]


class Alliance(BaseModel):
    """A group that actors belong to."""

    code: str
    name: str
    kind: str
    since: str | None
    until: str | None
    obligations: list[str]
    summary: str | None
    members: list[str] = Field(description="Members today.")
