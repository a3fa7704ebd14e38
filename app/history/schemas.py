"""Revisions, changes and differences as JSON."""

from typing import Any, Literal

from pydantic import BaseModel, Field

Kind = Literal["event", "actor", "source", "membership", "dataset", "calibration"]
Action = Literal["create", "update", "merge", "retract"]


class Change(BaseModel):
    """A revision in the order in which they were written."""

    seq: int = Field(description="Its number; the version of the database after it.")
    at: str
    action: Action
    kind: Kind
    id: str
    revision: int = Field(description="1, 2 … of this document.")
    by: str = Field(description="The holder of the key, or the program that wrote it.")
    reason: str | None
    derived: bool = Field(
        description="Nobody wrote it: it shows something else that was changed, such as a name."
    )
    document: dict[str, Any] | None = Field(None, description="As it stood then, where asked for.")


class FieldChange(BaseModel):
    """A field that differs."""

    field: str
    before: Any
    after: Any


class Revision(Change):
    """A revision of one document, with what it changed."""

    changed: list[FieldChange] = Field(description="Against the revision before it.")


class Difference(BaseModel):
    """An event that differs between two versions."""

    id: str
    change: Literal["added", "changed", "retracted", "entered", "left"] = Field(
        description="`entered` and `left`: it was there on both sides, and matches on one only."
    )
    title: str
    fields: list[FieldChange] = Field(description="The fields that differ, if it was there before.")
    seq: int = Field(description="Of the last revision of it up to `to`.")
    at: str
    by: str
    reason: str | None
