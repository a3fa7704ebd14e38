"""Numbers that stand for bytes. Pure."""

import hashlib


def digest(body: bytes) -> int:
    """A signed number of 64 bits."""
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big", signed=True)
