"""Sources and datasets as JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.text import Text, Word

Reliability = Literal["A", "B", "C", "D", "E", "F"]


class Source(BaseModel):
    """A citable document."""

    model_config = ConfigDict(extra="forbid")
    id: Word
    kind: Word
    title: Text
    publisher: Word
    url: Word | None = Field(None, max_length=2000, pattern=r"^https?://")
    published: Word | None = Field(None, description="EDTF.")
    accessed: Word | None = None
    language: Word | None = None
    reliability: Reliability | None = Field(None, description="Admiralty grade; F: not judged.")
    licence: Word | None = None


class Dataset(BaseModel):
    """Where rows come from."""

    model_config = ConfigDict(extra="forbid")
    code: Word
    name: Word
    version: Word
    licence: Text
    citation: Text
    terms: Text | None = None
    quad_scheme: Literal["gdelt", "schrodt"] = "gdelt"
    first: str | None = Field(None, description="First day that it covers.")
    last: str | None = Field(None, description="Last day that it covers.")
