"""JSON schemas of alliances, members and ties."""

from pydantic import BaseModel, Field

from app.actors.schemas import MembershipStep, MembersRecorded
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
    members_recorded: MembersRecorded | None = Field(
        None,
        description="Whether `all` members of the group are recorded, of every day, or only"
        " `some`: then one that is not listed may be a member. `none`: it has no states as"
        " members. Null: not known. Other roles, such as observers, may lack some in any case.",
    )
    recorded: int | None = Field(
        None,
        description="Actors that are recorded in the asked roles of the group on any day.",
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
    members_recorded: MembersRecorded | None = Field(
        description="Whether `all` members of the group are recorded, or only `some`."
    )
    obligations: list[str] = Field(
        description="Obligations of a member; empty for a partner or an observer."
    )
    steps: list[MembershipStep]


class TiesMeta(Meta):
    """The version of a list of ties, and which groups it may lack."""

    partly_recorded: list[str] | None = Field(
        [],
        description="Codes of groups of which not all members are recorded: the actor may belong"
        " to one of them that is not listed. Groups that are not in the record are not named.",
    )


class TiePage(Page[Tie]):
    """The groups that an actor was bound to."""

    meta: TiesMeta


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
    members_recorded: MembersRecorded | None = Field(
        description="Whether `all` members are recorded, of every day, or only `some`; `none`: it"
        " has no states as members. Null: not known."
    )
