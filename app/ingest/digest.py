"""Numbers that stand for bytes. Pure."""

import struct
from hashlib import blake2b

_number = struct.Struct(">q").unpack


def digest(body: bytes) -> int:
    """A signed number of 64 bits."""
    found: int = _number(blake2b(body, digest_size=8).digest())[0]
    return found
