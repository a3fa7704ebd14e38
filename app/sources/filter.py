"""What may be asked of the lists of sources and datasets. Pure."""

from pydantic import Field

from app.query_models import AsOfPagingQuery, BoundedDate
from app.sources.bibliography import BibliographyFormat
from app.text import ShortText


class ReferenceQuery(AsOfPagingQuery):
    """Parameters of a list that is also a bibliography."""

    format: BibliographyFormat = Field(
        "json", description="JSON, or references as BibTeX, RIS, CSL-JSON or rows of CSV."
    )


class SourceQuery(ReferenceQuery):
    """A filter on sources: fields are combined with AND, repeated values with OR."""

    q: ShortText | None = Field(None, description="All of these words are in title or publisher.")
    publisher: tuple[ShortText, ...] = Field(
        (), max_length=100, description="Any of these publishers."
    )
    kind: tuple[ShortText, ...] = Field((), max_length=100, description="Any of these kinds.")
    event: ShortText | None = Field(None, description="Cited by the reports of this event.")
    since: BoundedDate | None = Field(None, description="Published on this day or later; EDTF.")
    until: BoundedDate | None = Field(None, description="Published by this day; EDTF.")
