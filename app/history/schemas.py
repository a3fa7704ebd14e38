"""JSON schemas of revisions, changes and differences."""

from typing import Literal

from pydantic import BaseModel, Field

DocumentKind = Literal["event", "actor", "source", "membership", "dataset", "calibration"]
ChangeAction = Literal["create", "update", "merge", "retract"]
MatchChange = Literal["added", "changed", "retracted", "entered", "left"]
"""What a change of an event is to a filter."""


class Change(BaseModel):
    """A change: one revision of a document, in the order of writing."""

    seq: int = Field(description="Number of the change; also the version of the database after it.")
    at: str
    action: ChangeAction
    kind: DocumentKind
    id: str
    revision: int = Field(description="Number of the revision of this document: 1, 2 …")
    by: str = Field(description="Name on the key, or the program, that wrote it.")
    reason: str | None
    derived: bool = Field(
        description="True where it follows from another change, such as the new name of an actor."
    )
    into: str | None = Field(
        None, description="With `merge`: the id of the document that it was merged into."
    )
    change: MatchChange | None = Field(
        None,
        description="With a filter on events: what it is to the filter. `entered` and `left`: the"
        " event was there before and is afterwards, and matches only once.",
    )
    document: dict[str, object] | None = Field(
        None, description="The document of this revision, if requested."
    )


class FieldChange(BaseModel):
    """A field that differs, with its values before and after."""

    field: str
    before: object
    after: object


class Revision(Change):
    """A revision of one document, with the fields that it changed."""

    changed: list[FieldChange] = Field(description="Fields that differ from the previous revision.")


class Difference(BaseModel):
    """An event that differs between two versions."""

    id: str
    change: MatchChange = Field(
        description="`entered` and `left`: it exists in both versions, and matches in one only."
    )
    title: str
    fields: list[FieldChange] = Field(
        description="The fields that differ; empty for an added event."
    )
    seq: int = Field(description="Number of its last revision up to `to`.")
    at: str
    by: str
    reason: str | None
