"""Which source an inline one is: sources on the web are the same where their address is. Pure."""

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct

from app.ingest.finish import Cited
from app.ingest.given import GivenSource

_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|igshid|ref_src|cmpid|ocid")
_UNUSUAL = re.compile(r"[?#@:\\\s]").search
COLUMNS = ("id", "kind", "title", "publisher", "url", "published", "reliability", "seq")


def address(url: str) -> str:
    """An address without what does not say which page it is: scheme, www, tracking, fragment."""
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


def of_address(where: str) -> str:
    """The id of a source on the web that has none of its own, from its `address`."""
    return f"url-{_digest(where)}"


@lru_cache(8192)
def on_the_web(url: str) -> tuple[str, str]:
    """The address of a page, and the id of its source; files cite a page several times over."""
    where = address(url)
    return where, of_address(where)


def of_particulars(source: GivenSource) -> str:
    """The id of a source that has neither one of its own nor an address."""
    told = source.kind, source.publisher, source.title, source.published or ""
    return f"doc-{_digest(chr(31).join(told))}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def cited(source: GivenSource) -> Cited:
    """A source as its reports show it."""
    return Cited(
        source.title, source.publisher, source.url, source.published, source.reliability
    )  # fmt: skip


class _Document(Struct, gc=False):
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


def document(key: str, s: GivenSource) -> bytes:
    """The document of a source, as its model renders it."""
    made = _Document(
        key, s.kind, s.title, s.publisher, s.url, s.published, s.accessed, s.language,
        s.reliability, s.licence,
    )  # fmt: skip
    return _encode(made)


def row(key: str, s: GivenSource, seq: int) -> tuple[str | int | None, ...]:
    """The row of a source, in the order of `COLUMNS`."""
    return key, s.kind, s.title, s.publisher, s.url, s.published, s.reliability, seq
