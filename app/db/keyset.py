"""Keyset pagination: a cursor is the key of the last row, signed and bound to its query."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass


class BadCursorError(ValueError):
    """A cursor that this service did not make, or made for another query."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a page's last row: the sort value, and the id that breaks ties."""

    value: str
    id: str


def pack(key: Key, query: str, secret: bytes) -> str:
    """Return the opaque cursor of a key for one query."""
    body = json.dumps([key.value, key.id], ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(body, query, secret) + body).decode().rstrip("=")


def unpack(cursor: str, query: str, secret: bytes) -> Key:
    """Return the key in a cursor; raises `BadCursorError` where the signature does not match."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as broken:
        raise BadCursorError("is not a cursor of this service") from broken
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != cursor:
        raise BadCursorError(
            "is not a cursor of this service"
        )  # base64 has several spellings of the same bytes; one is accepted
    mac, body = raw[:16], raw[16:]
    if not hmac.compare_digest(mac, _mac(body, query, secret)):
        raise BadCursorError("is not a cursor of this query")
    value, key = json.loads(body)
    return Key(value, key)


def _mac(body: bytes, query: str, secret: bytes) -> bytes:
    return hmac.new(secret, query.encode() + b"\x00" + body, hashlib.sha256).digest()[:16]
