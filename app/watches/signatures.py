"""Secrets of webhooks and the signatures made with them, as Standard Webhooks describes them.

The signature is HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`. While a secret is
being replaced there are two signatures, one for each. Pure.

Where the service has a key for it (`ENTENTE_WATCH_KEY`), the database has no secrets, but what they
are derived from with that key.
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
DERIVED = "derived_"
"""Beginning of what is stored in place of a secret that is derived."""
CHECK_DIGITS = 8
"""Hexadecimal digits that tell another key apart, and nothing of the secret."""


class WrongWatchKeyError(Exception):
    """A secret was derived with another key than the service has now."""

    def __init__(self) -> None:
        super().__init__(
            "ENTENTE_WATCH_KEY is not the key that the secret was made with: set that key, or"
            " replace the secret"
        )


class WatchSecret(NamedTuple):
    """A secret of a webhook as it is stored, and the instant after which it is no longer used."""

    secret: str
    until: str | None = None


def make_secret(watch_key: str = "") -> str:
    """Make a new secret as it is stored: derived from the key of the service, if there is one."""
    if not watch_key:
        return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    nonce = secrets.token_hex(SECRET_BYTES)
    return f"{DERIVED}{nonce}.{_derive_bytes(watch_key, 'check', nonce).hex()[:CHECK_DIGITS]}"


def reveal_secret(stored: str, watch_key: str) -> str:
    """Return the secret that signs; raises `WrongWatchKeyError` where it is not known."""
    if not stored.startswith(DERIVED):
        return stored
    nonce, _, check = stored.removeprefix(DERIVED).partition(".")
    expected = _derive_bytes(watch_key, "check", nonce).hex()[:CHECK_DIGITS]
    if not hmac.compare_digest(check, expected):
        raise WrongWatchKeyError
    return PREFIX + base64.b64encode(_derive_bytes(watch_key, "secret", nonce)).decode()


def _derive_bytes(watch_key: str, purpose: str, nonce: str) -> bytes:
    return hmac.new(watch_key.encode(), f"{purpose} {nonce}".encode(), hashlib.sha256).digest()


def encode_secrets(kept: Sequence[WatchSecret]) -> str:
    """Encode secrets for storage, the newest first."""
    return json.dumps([one._asdict() for one in kept])


def decode_secrets(stored: str) -> list[WatchSecret]:
    """Decode stored secrets."""
    return [WatchSecret(**one) for one in json.loads(stored)]


def sign_message(
    kept: Sequence[WatchSecret], ident: str, timestamp: int, body: bytes, watch_key: str = ""
) -> str:
    """Return the header `webhook-signature`, with a signature for each secret.

    Raises `WrongWatchKeyError`.
    """
    signed = f"{ident}.{timestamp}.".encode() + body
    made = []
    for one in kept:
        key = base64.b64decode(reveal_secret(one.secret, watch_key).removeprefix(PREFIX))
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        made.append(f"v1,{base64.b64encode(digest).decode()}")
    return " ".join(made)
