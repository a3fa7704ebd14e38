"""An index of the keys of a file, which finds duplicate rows and missing keys.

The index has hashes of 64 bits, eight bytes each: those of a large file in a temporary file, which
is processed in parts, so that memory does not grow with it. Two distinct keys with one hash would
count as duplicates; the probability is about 3 in a million for ten million keys (n² / 2⁶⁵).
"""

import tempfile
from array import array
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import IO

from app.ingest.loading.row_bitmap import RowBitmap

HASHES_PER_CHUNK = 1 << 16
"""Hashes that are kept in memory, and written at once."""


class KeyIndex:
    """An index of the keys of all rows, in the order of the rows."""

    def __init__(self) -> None:
        self.length = 0
        self.keyless = 0
        """The number of rows whose key could not be read."""
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._waiting = array("q")

    def __enter__(self) -> "KeyIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def _is_small(self) -> bool:
        """Whether no hash had to be written."""
        return len(self._waiting) == self.length

    def add_key(self, key: str | None) -> None:
        """Add the key of the next row; a row without a key (None) never counts as a duplicate."""
        if key is None:
            self.keyless += 1
        self._waiting.append(hash(key if key is not None else ("", self.length)))
        self.length += 1
        if len(self._waiting) >= HASHES_PER_CHUNK:
            self._flush_hashes()

    def _flush_hashes(self) -> IO[bytes]:
        self._file.write(self._waiting.tobytes())
        self._file.flush()
        del self._waiting[:]
        return self._file

    def find_replaced_rows(self) -> RowBitmap:
        """Find the rows whose key occurs again in a later row."""
        if not self._is_small:
            found: RowBitmap
            found = _import_arrays().find_replaced_rows(self._flush_hashes(), self.length)
            return found
        marks, later = RowBitmap(self.length), set()
        for row in range(self.length - 1, -1, -1):
            if self._waiting[row] in later:
                marks.add_row(row)
            else:
                later.add(self._waiting[row])
        return marks

    def find_varied_rows(self, other: "KeyIndex") -> RowBitmap:
        """Find the rows whose key an earlier row has, the first of which differs in another index.

        `other` has further keys of the same rows.
        """
        if not self._is_small:
            files = self._flush_hashes(), other._flush_hashes()
            found: RowBitmap = _import_arrays().find_varied_rows(*files, self.length)
            return found
        marks = RowBitmap(self.length)
        first: dict[int, int] = {}
        for row, (key, further) in enumerate(zip(self._waiting, other._waiting, strict=True)):
            if first.setdefault(key, further) != further:
                marks.add_row(row)
        return marks

    def find_missing_keys(self, keys: Sequence[str]) -> Iterator[str]:
        """Find those of some keys that no row of the file has."""
        if not self._is_small:
            file = self._flush_hashes()
            yield from _import_arrays().find_missing_keys(file, self.length, keys)
            return
        present = set(self._waiting)
        yield from (key for key in keys if hash(key) not in present)


def _import_arrays() -> ModuleType:
    # NumPy takes a tenth of a second to import, as long as some thousand rows to load.
    from app.ingest.loading import key_arrays  # noqa: PLC0415

    return key_arrays
