"""JSON schemas of sources and datasets."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.edtf import parse
from app.text import Code, Ident, Text, Word, safe

Reliability = Literal["A", "B", "C", "D", "E", "F"]


def _stated(text: str) -> str:
    if parse(text).end is None:
        raise ValueError("must have an end")
    return text


Stated = Annotated[Word, AfterValidator(_stated)]
Address = Annotated[
    str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s]+$"), AfterValidator(safe)
]


class Source(BaseModel):
    """A document that events cite."""

    model_config = ConfigDict(extra="forbid")
    id: Ident
    kind: Word
    title: Text
    publisher: Word
    url: Address | None = None
    published: Stated | None = Field(None, description="EDTF.")
    accessed: Stated | None = None
    language: Word | None = None
    reliability: Reliability | None = Field(None, description="Admiralty grade; F: not judged.")
    licence: Word | None = None


class Dataset(BaseModel):
    """A dataset that events are loaded from."""

    model_config = ConfigDict(extra="forbid")
    code: Code
    name: Word
    version: Word
    licence: Text
    citation: Text
    terms: Text | None = None
    quad_scheme: Literal["gdelt", "schrodt"] = "gdelt"
    first: Stated | None = Field(None, description="First day that it covers.")
    last: Stated | None = Field(None, description="Last day that it covers.")

    @model_validator(mode="after")
    def _forward(self) -> "Dataset":
        if self.first and self.last and self.first > self.last:
            raise ValueError("last must not be before first")
        return self
