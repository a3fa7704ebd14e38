"""Documents and rows of inline sources. Pure."""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from app.sources.record import CitedSource, SourceRecord

SOURCE_COLUMNS = ("id", "kind", "title", "publisher", "url", "published", "reliability", "seq")


def cite_source_record(source: SourceRecord) -> CitedSource:
    """Take the fields of a source that reports repeat."""
    return CitedSource(
        source.title, source.publisher, source.url, source.published, source.reliability
    )  # fmt: skip


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
    """A source to be stored: its document, its table row without `seq`, and what reports repeat."""

    document: bytes
    row: tuple[str | None, ...]
    cited: CitedSource


def make_new_source(key: str, s: SourceRecord) -> NewSource:
    """Make what is stored of an inline source; the row is in the order of `SOURCE_COLUMNS`."""
    row = (key, s.kind, s.title, s.publisher, s.url, s.published, s.reliability)
    return NewSource(render_source_record(key, s), row, cite_source_record(s))
