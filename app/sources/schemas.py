"""JSON schemas of sources and datasets."""

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.dataset_access import DatasetAccess
from app.edtf import parse_edtf
from app.text import Code, Ident, LongText, ShortText, require_storable

Reliability = Literal["A", "B", "C", "D", "E", "F"]


def _require_end(text: str) -> str:
    if parse_edtf(text).end is None:
        raise ValueError("must have an end")
    return text


EndedDate = Annotated[ShortText, AfterValidator(_require_end)]
WebAddress = Annotated[
    str,
    StringConstraints(max_length=2000, pattern=r"^https?://[^\s]+$"),
    AfterValidator(require_storable),
]


class Source(BaseModel):
    """A document that events cite."""

    model_config = ConfigDict(extra="forbid")
    id: Ident
    kind: ShortText
    title: LongText
    publisher: ShortText
    url: WebAddress | None = None
    published: EndedDate | None = Field(None, description="EDTF.")
    accessed: EndedDate | None = None
    language: ShortText | None = None
    reliability: Reliability | None = Field(None, description="Admiralty grade; F: not judged.")
    licence: ShortText | None = None


class InlineSource(BaseModel):
    """A source that is described in the report that cites it; only its publisher is required.

    Without an id it has the one that follows from its URL, or else from its other fields.
    """

    model_config = ConfigDict(extra="forbid")
    publisher: ShortText
    title: LongText = ""
    url: WebAddress | None = None
    published: EndedDate | None = Field(None, description="EDTF.")
    kind: ShortText = "news"
    id: Ident | None = None
    accessed: EndedDate | None = None
    language: ShortText | None = None
    reliability: Reliability | None = Field(None, description="Admiralty grade; F: not judged.")
    licence: ShortText | None = None


IsoDay = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$"), AfterValidator(_require_end)
]


class CoveredDays(BaseModel):
    """Days from the first to the last one, both included."""

    model_config = ConfigDict(extra="forbid")
    first: IsoDay = Field(description="First day.")
    last: IsoDay = Field(description="Last day.")


class Dataset(BaseModel):
    """A dataset that events are loaded from."""

    model_config = ConfigDict(extra="forbid")
    code: Code
    name: ShortText
    version: ShortText
    licence: LongText
    citation: LongText
    terms: LongText | None = None
    scope: LongText | None = Field(None, description="What it is about, and what it leaves out.")
    follows: list[ShortText] | None = Field(
        None,
        max_length=1000,
        description="Codes of the actors whose acts it follows throughout; an empty list: of none,"
        " it has particular acts only; null: of all that its sources name.",
    )
    access: DatasetAccess = Field(
        "open",
        description="What readers get of it without a key that may read it. `open`: all; `sums`:"
        " counts, alignment and shifts, but no rows; `closed`: neither. Only keys with the scope"
        " `admin` change it; left out, it stays as it is.",
    )
    searched: bool = Field(
        True,
        description="Whether `q` searches its events. False where a program has made their titles"
        " from the other fields: then their words are not indexed, and a search leaves them out and"
        " says so. Left out, it stays as it is.",
    )
    quad_scheme: Literal["gdelt", "schrodt"] = "gdelt"
    signals: Literal["entente", "goldstein"] = Field(
        "entente",
        description="How signals are derived: by the rules, or with the source's plain scores.",
    )
    mirrored_visits: bool = Field(
        False,
        description="Whether its source records each visit twice: as a visit (CAMEO 042) and as a"
        " hosting (043).",
    )
    first: EndedDate | None = Field(None, description="First day that it covers.")
    last: EndedDate | None = Field(None, description="Last day that it covers.")
    intervals: list[CoveredDays] | None = Field(
        None,
        max_length=10_000,
        description="The days that it covers, in order, where there are gaps between `first` and"
        " `last`; null: all of them.",
    )

    @model_validator(mode="after")
    def _check_day_order(self) -> "Dataset":
        if self.first and self.last and self.first > self.last:
            raise ValueError("last must not be before first")
        ends = [end for one in self.intervals or () for end in (one.first, one.last)]
        apart = all(a < b for a, b in zip(ends[1::2], ends[2::2], strict=False))
        if not apart or any(one.first > one.last for one in self.intervals or ()):
            raise ValueError("intervals must be in order, each after the one before")
        if ends and (
            not self.first
            or not self.last
            or (parse_edtf(self.first).start, parse_edtf(self.last).end)
            != (date.fromisoformat(ends[0]), date.fromisoformat(ends[-1]))
        ):
            raise ValueError("intervals must begin on first and end on last")
        return self
