"""An index of the keys of a file, which finds duplicate rows and missing keys.

The index has hashes of 64 bits, eight bytes each, in a temporary file. They are processed in parts,
so that memory does not grow with the file. Two distinct keys with one hash would count as
duplicates; the probability is about 3 in a million for ten million keys (n² / 2⁶⁵).
"""

import tempfile
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

HASHES_PER_PART = 4_000_000
"""Hashes that are sorted in memory at once."""
HASHES_PER_CHUNK = 1 << 16
"""Hashes that are written or read at once."""


class KeyIndex:
    """An index of the keys of all rows, in the order of the rows."""

    def __init__(self) -> None:
        self.length = 0
        self.keyless = 0
        """The number of rows whose key could not be read."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._waiting = array("q")

    def __enter__(self) -> "KeyIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add_key(self, key: str | None) -> None:
        """Add the key of the next row; a row without a key (None) never counts as a duplicate."""
        if key is None:
            self.keyless += 1
        self._waiting.append(hash(key if key is not None else ("", self.length)))
        self.length += 1
        if len(self._waiting) >= HASHES_PER_CHUNK:
            self._flush_hashes()

    def _flush_hashes(self) -> None:
        self._file.write(self._waiting.tobytes())
        del self._waiting[:]

    def _count_parts(self) -> int:
        return max(1, -(-self.length // HASHES_PER_PART))

    def _read_part(self, number: int, parts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Read the hashes of one part and their row numbers, in the order of the rows."""
        self._flush_hashes()
        self._file.seek(0)
        found, rows, at = [], [], 0
        while body := self._file.read(HASHES_PER_CHUNK * 8):
            hashes = np.frombuffer(body, dtype=np.int64)
            ours = np.flatnonzero(hashes % parts == number) if parts > 1 else np.arange(len(hashes))
            found.append(hashes[ours])
            rows.append(ours + at)
            at += len(hashes)
        self._file.seek(0, 2)
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(found), np.concatenate(rows)

    def find_replaced_rows(self) -> "RowBitmap":
        """Find the rows whose key occurs again in a later row."""
        marks = RowBitmap(self.length)
        parts = self._count_parts()
        for number in range(parts):
            hashes, rows = self._read_part(number, parts)
            order = np.argsort(hashes, kind="stable")
            again = hashes[order][1:] == hashes[order][:-1]
            marks.mark_rows(rows[order][:-1][again])
        return marks

    def find_varied_rows(self, other: "KeyIndex") -> "RowBitmap":
        """Find the rows whose key an earlier row has, the first of which differs in another index.

        `other` has further keys of the same rows.
        """
        marks = RowBitmap(self.length)
        other._flush_hashes()
        other._file.flush()
        further = np.memmap(other._file, np.int64, "r") if self.length else np.empty(0, np.int64)
        parts = self._count_parts()
        for number in range(parts):
            hashes, rows = self._read_part(number, parts)
            order = np.argsort(hashes, kind="stable")
            hashes, rows = hashes[order], rows[order]
            begins = np.concatenate(([True], hashes[1:] != hashes[:-1]))[: len(hashes)]
            first = np.maximum.accumulate(np.where(begins, np.arange(len(hashes)), 0))
            found = further[rows]
            marks.mark_rows(rows[found != found[first]])
        return marks

    def find_missing_keys(self, keys: Sequence[str]) -> Iterator[str]:
        """Find those of some keys that no row of the file has."""
        hashes = np.fromiter((hash(key) for key in keys), np.int64, len(keys))
        parts = self._count_parts()
        present = np.zeros(len(keys), bool)
        for number in range(parts):
            ours = np.unique(self._read_part(number, parts)[0])
            if len(ours):
                at = np.minimum(np.searchsorted(ours, hashes), len(ours) - 1)
                present |= ours[at] == hashes
        for key, there in zip(keys, present, strict=True):
            if not there:
                yield key


class RowBitmap:
    """A set of row numbers, one bit per row."""

    def __init__(self, length: int) -> None:
        self._bits = np.zeros(length // 8 + 1, np.uint8)
        self.count = 0

    def mark_rows(self, rows: NDArray[np.int64]) -> None:
        """Add rows to the set."""
        np.bitwise_or.at(self._bits, rows >> 3, (1 << (rows & 7)).astype(np.uint8))
        self.count += len(rows)

    def __contains__(self, row: int) -> bool:
        return bool(self._bits[row >> 3] >> (row & 7) & 1)
