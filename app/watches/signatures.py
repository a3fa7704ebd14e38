"""Secrets of webhooks and the signatures made with them, as Standard Webhooks describes them.

The signature is HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`. While a secret is
being replaced there are two signatures, one for each. Pure.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import NamedTuple

PREFIX = "whsec_"
SECRET_BYTES = 32
"""Random bytes of a secret; the standard asks for 24 to 64."""


class WatchSecret(NamedTuple):
    """A secret of a webhook, and the instant after which it is no longer used."""

    secret: str
    until: str | None = None


def make_secret() -> str:
    """Make a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encode_secrets(kept: Sequence[WatchSecret]) -> str:
    """Encode secrets for storage, the newest first."""
    return json.dumps([one._asdict() for one in kept])


def decode_secrets(stored: str) -> list[WatchSecret]:
    """Decode stored secrets."""
    return [WatchSecret(**one) for one in json.loads(stored)]


def sign_message(kept: Sequence[WatchSecret], ident: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`, with a signature for each secret."""
    signed = f"{ident}.{timestamp}.".encode() + body
    made = []
    for one in kept:
        key = base64.b64decode(one.secret.removeprefix(PREFIX))
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        made.append(f"v1,{base64.b64encode(digest).decode()}")
    return " ".join(made)
