"""Ids of inline sources: equal URLs mean the same source. Pure."""

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from app.sources.record import SourceRecord

DERIVED_ID_PREFIXES = ("url-", "doc-")
"""Prefixes of source ids that are computed from the content of the source."""
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|igshid|ref_src|cmpid|ocid")
_UNUSUAL = re.compile(r"[?#@:\\\s]").search


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


def is_derived_id(ident: str) -> bool:
    """Return whether the id of a source was computed from its content."""
    return ident.startswith(DERIVED_ID_PREFIXES)


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
    fields = source.kind, source.publisher, source.title, source.published or ""
    return f"doc-{_hash_text(chr(31).join(fields))}"


def _hash_text(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
