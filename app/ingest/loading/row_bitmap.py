"""A set of row numbers of a file. Pure."""


class RowBitmap:
    """A set of row numbers, one bit per row."""

    def __init__(self, length: int) -> None:
        self.bits = bytearray(length // 8 + 1)
        self.count = 0

    def add_row(self, row: int) -> None:
        """Add a row that is not in the set."""
        self.bits[row >> 3] |= 1 << (row & 7)
        self.count += 1

    def __contains__(self, row: int) -> bool:
        return bool(self.bits[row >> 3] >> (row & 7) & 1)
