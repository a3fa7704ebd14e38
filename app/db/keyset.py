"""Keyset pagination: a cursor is the key of the last row, signed and bound to its query."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from app.db.request_versions import refuse_while_behind
from app.errors import InvalidParameterError
from app.lineages import Version

_BLOCK = 64
"""Bytes of a block of SHA-256."""
NEVER_SHARED = 2**63
"""A version that no lineage shares with another."""


class BadCursorError(ValueError):
    """A cursor that this service did not make, or made for another query."""


@dataclass(frozen=True, slots=True)
class PageKey:
    """The key of a page's last row: the sort value, and the id that breaks ties."""

    value: str
    id: str


def encode_cursor(key: PageKey, query: str, secret: bytes, version: Version) -> str:
    """Return the opaque cursor of a key for one query, given out at a version."""
    parts = [key.value, key.id, int(version), version.lineage]
    body = msgspec.json.encode(parts)
    return base64.urlsafe_b64encode(_sign_cursor(body, query, secret) + body).decode().rstrip("=")


def decode_cursor(cursor: str, query: str, secret: bytes, version: Version) -> PageKey:
    """Return the key in a cursor; `version` is the one that is asked.

    Raises `BadCursorError` where the signature does not match, and `StateGoneError` where the
    cursor was given out in a history that the database has left.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as broken:
        raise BadCursorError("is not a cursor of this service") from broken
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != cursor:
        raise BadCursorError(
            "is not a cursor of this service"
        )  # base64 has several spellings of the same bytes; one is accepted
    mac, body = raw[:16], raw[16:]
    if not hmac.compare_digest(mac, _sign_cursor(body, query, secret)):
        raise BadCursorError("is not a cursor of this query")
    value, key, *issued = json.loads(body)
    # Before there were lineages, cursors did not say when they were given out.
    number, lineage = issued or (NEVER_SHARED, None)
    if issued:
        refuse_while_behind(number, version)
    version.ancestry.require_version(lineage, number)
    return PageKey(value, key)


def _sign_cursor(body: bytes, query: str, secret: bytes) -> bytes:
    """Sign by HMAC-SHA256 (RFC 2104), of which the part that is the same for all is kept.

    `hmac.digest` begins from nothing each time, which takes four times as long.
    """
    inner, outer = (begun.copy() for begun in _begin_signatures(secret))
    inner.update(query.encode() + b"\x00" + body)
    outer.update(inner.digest())
    return outer.digest()[:16]


@lru_cache(maxsize=8)
def _begin_signatures(secret: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    block = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(
        _BLOCK, b"\0"
    )
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    return hashlib.sha256(inner), hashlib.sha256(outer)


def decode_page_cursor(
    cursor: str | None, query: str, secret: bytes, version: Version
) -> PageKey | None:
    """Return the key after which a page begins; None for the first page.

    Raises `InvalidParameterError` for a cursor of another query, else as `decode_cursor`.
    """
    if cursor is None:
        return None
    try:
        return decode_cursor(cursor, query, secret, version)
    except BadCursorError as bad:
        hint = "Follow links.next, or omit the cursor to start from the first page."
        raise InvalidParameterError("cursor", str(bad), hint) from bad
