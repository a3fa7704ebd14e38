"""Counts by client that all processes of a service share: a table in a file that each maps.

A table has a fixed size. Each client has one of the eight places that its hash leads to; a new one
takes the place of the oldest there, so that many clients at once are forgotten early, not refused.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROCESS_FOLDER = "ENTENTE_PROCESS_FOLDER"
"""The environment variable with the folder that the processes of one service share."""
BUCKETS, PLACES = 4096, 8
"""Buckets of a table, and clients in each: 32,768 clients at once, in 0.8 MB."""
_KEY_BYTES = 16
_PLACE = struct.Struct("=QdQ")
"""Hash of the client, the instant of its first count (by the machine's steady clock), and count."""
_BUCKET_BYTES = PLACES * _PLACE.size


@dataclass(frozen=True, slots=True)
class ClientCount:
    """How often a client was counted, and since when."""

    begun: float
    count: int


class SharedCounts:
    """A table of counts; of this process alone where processes share no folder.

    A count begins again `seconds` after its first. The lock is kept for a few microseconds, and
    the system takes it back from a process that dies.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._seconds = seconds
        size = _KEY_BYTES + BUCKETS * _BUCKET_BYTES
        folder = os.environ.get(PROCESS_FOLDER)
        self._file = -1
        if folder:
            path = Path(folder) / f"{name}.counts"
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with self._lock():
            if folder and os.fstat(self._file).st_size < size:
                os.ftruncate(self._file, size)
            self._table = mmap.mmap(self._file, size)
            if not any(self._table[:_KEY_BYTES]):  # so that no client can aim at a bucket
                self._table[:_KEY_BYTES] = os.urandom(_KEY_BYTES)
            self._key = self._table[:_KEY_BYTES]

    def count_client(self, client: str) -> ClientCount:
        """Count a client once more, and return its count."""
        with self._lock():
            place, found = self._find_place(client)
            made = ClientCount(found.begun, found.count + 1)
            _PLACE.pack_into(self._table, place, self._hash_client(client), made.begun, made.count)
            return made

    def read_count(self, client: str) -> ClientCount:
        """Return the count of a client, 0 where it was not counted of late."""
        with self._lock():
            return self._find_place(client)[1]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if self._file < 0:
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _hash_client(self, client: str) -> int:
        digest = hashlib.blake2b(client.encode(), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "little") or 1  # 0 is an empty place

    def _find_place(self, client: str) -> tuple[int, ClientCount]:
        """Return the place of a client, or the one that it may take, and its count."""
        now, wanted = time.monotonic(), self._hash_client(client)
        begin = _KEY_BYTES + wanted % BUCKETS * _BUCKET_BYTES
        oldest, free = now, begin
        for place in range(begin, begin + _BUCKET_BYTES, _PLACE.size):
            known, begun, count = _PLACE.unpack_from(self._table, place)
            if known == wanted:
                current = now - begun < self._seconds
                return place, ClientCount(begun, count) if current else ClientCount(now, 0)
            if begun < oldest:
                oldest, free = begun, place
        return free, ClientCount(now, 0)
