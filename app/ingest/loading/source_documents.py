"""Ids, documents and rows of inline sources; equal URLs mean the same source. Pure."""

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct

from app.ingest.formats.records import SourceRecord
from app.ingest.loading.documents import CitedSource

_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|igshid|ref_src|cmpid|ocid")
_UNUSUAL = re.compile(r"[?#@:\\\s]").search
SOURCE_COLUMNS = ("id", "kind", "title", "publisher", "url", "published", "reliability", "seq")


def normalize_url(url: str) -> str:
    """Normalize a URL for comparison: without scheme, `www.`, tracking parameters and fragment."""
    rest = url.partition("://")[2]
    if _UNUSUAL(rest) is None:
        host, slash, path = rest.partition("/")
        return f"{host.lower().removeprefix('www.')}{slash}{path}".rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").removeprefix("www.")
    if port not in (None, 80, 443):
        host = f"{host}:{port}"
    query = parts.query
    if query:
        kept = [
            pair
            for pair in parse_qsl(query, keep_blank_values=True)
            if not _TRACKING.fullmatch(pair[0])
        ]
        query = urlencode(sorted(kept))
    return f"{host}{parts.path.rstrip('/')}{'?' + query if query else ''}"


def make_web_source_id(where: str) -> str:
    """Make the id of a web source from its normalized URL."""
    return f"url-{_hash_text(where)}"


@lru_cache(8192)
def identify_web_source(url: str) -> tuple[str, str]:
    """Return the normalized URL of a page and the id of its source.

    The result is cached, since files cite a page several times.
    """
    where = normalize_url(url)
    return where, make_web_source_id(where)


def make_offline_source_id(source: SourceRecord) -> str:
    """Make the id of a source that has neither an id nor a URL, from its other fields."""
    told = source.kind, source.publisher, source.title, source.published or ""
    return f"doc-{_hash_text(chr(31).join(told))}"


def _hash_text(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


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


def make_source_row(key: str, s: SourceRecord, seq: int) -> tuple[str | int | None, ...]:
    """Make the table row of a source, in the order of `SOURCE_COLUMNS`."""
    return key, s.kind, s.title, s.publisher, s.url, s.published, s.reliability, seq
