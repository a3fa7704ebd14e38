"""Place marks and their labels along a line, so that none lies on another. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MARK = 10
"""Pixels from one mark to the next on top of it."""
ROW, LETTER = 15, 6.3
"""Pixels of a row of labels and of the width of a letter."""
MAX_STACK = 4
"""Marks above the line, and below it, at one place."""
ROWS_ABOVE, ROWS_BELOW = 3, 5


class Label(NamedTuple):
    """A text beside the line, with the line that leads from its mark to it."""

    text: str
    x: float
    """Where the leading line is; the text begins there, or ends there."""
    row: int
    """1, 2 … below the line, -1, -2 … above it."""
    leftward: bool


class Box(NamedTuple):
    """A rectangle in one row, from one pixel to another."""

    left: float
    right: float
    row: int


@dataclass(slots=True)
class LabelSpace:
    """The room beside a line, and what of it is taken."""

    width: float
    boxes: list[Box] = field(default_factory=list)
    leads: list[tuple[float, int]] = field(default_factory=list)
    """Lines that lead to a label: where, and to which row."""

    def place_label(self, text: str, x: float) -> Label | None:
        """Place a text where it is free of others, as near to the line as there is room."""
        long = len(text) * LETTER + 4
        for row in _order_rows():
            for leftward in (False, True):
                left, right = (x - long, x + 3) if leftward else (x - 3, x + long)
                box = Box(left, right, row)
                if left >= -3 and right <= self.width + 3 and self._is_free(box, x):
                    self.boxes.append(box)
                    self.leads.append((x, row))
                    return Label(text, x, row, leftward)
        return None

    def _is_free(self, box: Box, lead: float) -> bool:
        """Whether neither the text nor its leading line crosses another."""
        return not any(
            other.row == box.row and other.left < box.right and other.right > box.left
            for other in self.boxes
        ) and not any(
            _is_nearer(other.row, box.row) and other.left < lead < other.right
            for other in self.boxes
        ) and not any(
            (_is_nearer(box.row, row) or row == box.row) and box.left < x < box.right
            for x, row in self.leads
        )  # fmt: skip


def _order_rows() -> list[int]:
    """List the rows, the nearest first, below before above."""
    rows = [*range(1, ROWS_BELOW + 1), *range(-1, -ROWS_ABOVE - 1, -1)]
    return sorted(rows, key=lambda row: (abs(row), -row))


def _is_nearer(row: int, other: int) -> bool:
    """Whether a row lies between the line and another one on the same side."""
    return row * other > 0 and abs(row) < abs(other)


def place_labels(texts: Sequence[str], places: Sequence[float], width: float) -> list[Label]:
    """Place a label for each text where there is room; the others are left out.

    `texts` are in the order of their weight, and `places` are their pixels from the left.
    """
    by_place = sorted(range(len(texts)), key=lambda n: -places[n])
    orders: tuple[Sequence[int], ...] = (range(len(texts)), by_place)
    return max((_place_all(texts, places, width, order) for order in orders), key=len)


def _place_all(
    texts: Sequence[str], places: Sequence[float], width: float, order: Sequence[int]
) -> list[Label]:
    space = LabelSpace(width)
    placed = (space.place_label(texts[n], places[n]) for n in order)
    return [label for label in placed if label is not None]


def stack_marks(places: Sequence[float]) -> list[int]:
    """Stack marks that would lie on each other: for each the steps below or above (-) the line."""
    slots = sorted(range(-MAX_STACK, MAX_STACK + 1), key=lambda n: (abs(n), n))
    taken: list[tuple[float, int]] = []
    found: list[int] = []
    for x in places:
        near = {slot for other, slot in taken if abs(other - x) < MARK}
        slot = next((n for n in slots if n not in near), 0)
        taken.append((x, slot))
        found.append(slot)
    return found
