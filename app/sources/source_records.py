"""Documents and rows of inline sources. Pure."""

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from app.sources.record import CitedSource, SourceRecord

SOURCE_COLUMNS = ("id", "kind", "title", "publisher", "url", "published", "reliability", "seq")


class _SourceDocument(Struct, gc=False):
    id: str
    kind: str
    title: str
    publisher: str
    url: str | None
    published: str | None
    accessed: str | None
    language: str | None
    reliability: str | None
    licence: str | None


_encode = msgspec.json.Encoder().encode


def render_source_record(key: str, s: SourceRecord) -> bytes:
    """Render the document of a source, with the same bytes as its pydantic model."""
    made = _SourceDocument(
        key, s.kind, s.title, s.publisher, s.url, s.published, s.accessed, s.language,
        s.reliability, s.licence,
    )  # fmt: skip
    return _encode(made)


class NewSource(NamedTuple):
    """A source to be stored: its document, and its table row without `seq`."""

    document: bytes
    row: tuple[Any, ...]

    @property
    def cited(self) -> CitedSource:
        """What reports repeat of it."""
        return CitedSource(*self.row[2:])


def make_new_source(key: str, s: SourceRecord) -> NewSource:
    """Make what is stored of an inline source; the row is in the order of `SOURCE_COLUMNS`."""
    row = (key, s.kind, s.title, s.publisher, s.url, s.published, s.reliability)
    return NewSource(render_source_record(key, s), row)
