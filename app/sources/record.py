"""A source as it is described inline, in a report that cites it or in a row that is loaded."""

from typing import Annotated

from msgspec import Meta, Struct

from app.sources.schemas import Reliability

MAX_WORD_LENGTH = 200
Word = Annotated[str, Meta(min_length=1, max_length=MAX_WORD_LENGTH)]
Text = Annotated[str, Meta(max_length=20_000)]


class SourceRecord(Struct, forbid_unknown_fields=True, gc=False):
    """A source that is described inline, in the report that cites it."""

    publisher: Word
    title: Text = ""
    url: Annotated[str, Meta(max_length=2000, pattern=r"^https?://[^\s]+$")] | None = None
    published: Word | None = None
    kind: Word = "news"
    id: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\s/?#%]+$")] | None = None
    accessed: Word | None = None
    language: Word | None = None
    reliability: Reliability | None = None
    licence: Word | None = None


class CitedSource(Struct, gc=False, frozen=True):
    """The fields of a source that reports repeat."""

    title: str
    publisher: str
    url: str | None
    published: str | None
    reliability: Reliability | None
