"""Hashes of bytes as integers that both databases can store. Pure."""

import struct
from hashlib import blake2b

_unpack_int64 = struct.Struct(">q").unpack


def hash_to_int64(body: bytes) -> int:
    """Hash bytes to a signed integer of 64 bits, with BLAKE2b."""
    # Signed, since a column of type BIGINT is.
    found: int = _unpack_int64(blake2b(body, digest_size=8).digest())[0]
    return found
