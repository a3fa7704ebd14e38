"""JSON schemas of alliances, members and ties."""

from pydantic import BaseModel, Field

from app.actors.schemas import MembershipStep
from app.page_models import Meta, Page


class Member(BaseModel):
    """A member of a group, with its status on a day."""

    actor: str
    name: str
    role: str
    status: str | None = Field(description="The last step of the membership taken by the day.")
    since: str | None
    until: str | None = Field(description="First day on which it was no longer a member.")
    steps: list[MembershipStep]


class MembersMeta(Meta):
    """The version of a list of members, and how far the members of the group are recorded."""

    summary: str | None = Field(
        None,
        description="What the group is. Where not all of its members are recorded, it says which.",
    )


class MemberPage(Page[Member]):
    """The members of a group."""

    meta: MembersMeta


class Tie(BaseModel):
    """A group that an actor was bound to on a day, with the obligations."""

    group: str
    name: str
    role: str
    status: str | None
    since: str | None
    until: str | None
    partners: list[str] = Field(description="The other members on the day.")
    obligations: list[str] = Field(
        description="Obligations of a member; empty for a partner or an observer."
    )
    steps: list[MembershipStep]


class Alliance(BaseModel):
    """An alliance or organization, with its members on a day."""

    code: str
    name: str
    kind: str
    since: str | None
    until: str | None
    obligations: list[str]
    summary: str | None
    members: list[str] = Field(description="Codes of the members on the day.")
