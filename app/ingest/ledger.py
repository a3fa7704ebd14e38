"""The keys of a file, by their hashes: which rows a later one replaces, and what is missing.

Hashes lie in a temporary file, eight bytes each, and are looked at a part at a time, so that the
memory taken does not grow with the file. Two keys of a file share a hash of 64 bits once in 10¹³
pairs of ten million.
"""

import tempfile
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

PART = 4_000_000
"""Hashes that are sorted at once."""
CHUNK = 1 << 16


class Ledger:
    """The hashes of the keys of rows, in the order of the rows."""

    def __init__(self) -> None:
        self.length = 0
        self.nameless = 0
        """Rows whose key could not be read."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._waiting = array("q")

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, key: str | None) -> None:
        """Note the next row; one without a key resembles no other."""
        if key is None:
            self.nameless += 1
        self._waiting.append(hash(key if key is not None else ("", self.length)))
        self.length += 1
        if len(self._waiting) >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._file.write(self._waiting.tobytes())
        del self._waiting[:]

    def _parts(self) -> int:
        return max(1, -(-self.length // PART))

    def _part(self, number: int, parts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The hashes of one part and the rows they are of, in the order of the rows."""
        self._flush()
        self._file.seek(0)
        found, rows, at = [], [], 0
        while body := self._file.read(CHUNK * 8):
            hashes = np.frombuffer(body, dtype=np.int64)
            ours = np.flatnonzero(hashes % parts == number) if parts > 1 else np.arange(len(hashes))
            found.append(hashes[ours])
            rows.append(ours + at)
            at += len(hashes)
        self._file.seek(0, 2)
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(found), np.concatenate(rows)

    def replaced(self) -> "Marks":
        """The rows whose key comes again further down."""
        marks = Marks(self.length)
        parts = self._parts()
        for number in range(parts):
            hashes, rows = self._part(number, parts)
            order = np.argsort(hashes, kind="stable")
            again = hashes[order][1:] == hashes[order][:-1]
            marks.set(rows[order][:-1][again])
        return marks

    def missing(self, keys: Sequence[str]) -> Iterator[str]:
        """The keys, of many, that no row has."""
        hashes = np.fromiter((hash(key) for key in keys), np.int64, len(keys))
        parts = self._parts()
        held = np.zeros(len(keys), bool)
        for number in range(parts):
            ours = np.unique(self._part(number, parts)[0])
            if len(ours):
                at = np.minimum(np.searchsorted(ours, hashes), len(ours) - 1)
                held |= ours[at] == hashes
        for key, there in zip(keys, held, strict=True):
            if not there:
                yield key


class Marks:
    """A set of row numbers, a bit each."""

    def __init__(self, length: int) -> None:
        self._bits = np.zeros(length // 8 + 1, np.uint8)
        self.count = 0

    def set(self, rows: NDArray[np.int64]) -> None:
        """Mark some rows."""
        np.bitwise_or.at(self._bits, rows >> 3, (1 << (rows & 7)).astype(np.uint8))
        self.count += len(rows)

    def __contains__(self, row: int) -> bool:
        return bool(self._bits[row >> 3] >> (row & 7) & 1)
