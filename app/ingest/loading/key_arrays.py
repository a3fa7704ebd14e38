"""The work on the keys of large files, in parts whose hashes are sorted as arrays."""

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

from app.ingest.loading.row_bitmap import RowBitmap

HASHES_PER_PART = 4_000_000
"""Hashes that are sorted in memory at once."""
BYTES_PER_READ = 8 << 16
Hashes = NDArray[np.int64]


def _count_parts(length: int) -> int:
    return max(1, -(-length // HASHES_PER_PART))


def _read_part(file: IO[bytes], number: int, parts: int) -> tuple[Hashes, Hashes]:
    """Read the hashes of one part and their row numbers, in the order of the rows."""
    file.seek(0)
    found, rows, at = [], [], 0
    while body := file.read(BYTES_PER_READ):
        hashes = np.frombuffer(body, dtype=np.int64)
        ours = np.flatnonzero(hashes % parts == number) if parts > 1 else np.arange(len(hashes))
        found.append(hashes[ours])
        rows.append(ours + at)
        at += len(hashes)
    file.seek(0, 2)
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(found), np.concatenate(rows)


def _mark_rows(marks: RowBitmap, rows: Hashes) -> None:
    bits = np.frombuffer(marks.bits, np.uint8)
    np.bitwise_or.at(bits, rows >> 3, (1 << (rows & 7)).astype(np.uint8))
    marks.count += len(rows)


def find_replaced_rows(file: IO[bytes], length: int) -> RowBitmap:
    """Find the rows whose hash in a file occurs again in a later row."""
    marks = RowBitmap(length)
    parts = _count_parts(length)
    for number in range(parts):
        hashes, rows = _read_part(file, number, parts)
        order = np.argsort(hashes, kind="stable")
        again = hashes[order][1:] == hashes[order][:-1]
        _mark_rows(marks, rows[order][:-1][again])
    return marks


def find_varied_rows(file: IO[bytes], other: IO[bytes], length: int) -> RowBitmap:
    """Find the rows whose hash an earlier row has, the first of which differs in another file."""
    marks = RowBitmap(length)
    further = np.memmap(other, np.int64, "r")
    parts = _count_parts(length)
    for number in range(parts):
        hashes, rows = _read_part(file, number, parts)
        order = np.argsort(hashes, kind="stable")
        hashes, rows = hashes[order], rows[order]
        begins = np.concatenate(([True], hashes[1:] != hashes[:-1]))[: len(hashes)]
        first = np.maximum.accumulate(np.where(begins, np.arange(len(hashes)), 0))
        found = further[rows]
        _mark_rows(marks, rows[found != found[first]])
    return marks


def find_missing_keys(file: IO[bytes], length: int, keys: Sequence[str]) -> Iterator[str]:
    """Find those of some keys whose hash is not in a file."""
    hashes = np.fromiter((hash(key) for key in keys), np.int64, len(keys))
    parts = _count_parts(length)
    present = np.zeros(len(keys), bool)
    for number in range(parts):
        ours = np.unique(_read_part(file, number, parts)[0])
        if len(ours):
            at = np.minimum(np.searchsorted(ours, hashes), len(ours) - 1)
            present |= ours[at] == hashes
    for key, there in zip(keys, present, strict=True):
        if not there:
            yield key
