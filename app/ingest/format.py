"""What a format is: how its rows are recognised, and what they become."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.ingest.given import Item, RejectedError
from app.sources.schemas import Dataset

Cells = Mapping[str, str]
"""The cells of a row by the name of their column, in lower case and with underscores."""
Warn = Callable[[str, str], None]
"""Takes the field and what is odd about it."""
_SPLIT = re.compile(r"[^a-z0-9%]+")


@dataclass(frozen=True, slots=True)
class Format:
    """A format of the field."""

    name: str
    dataset: Dataset
    """Where rows of this format are said to come from, unless the loader is told otherwise."""
    given: Callable[[Any, Warn], Item]
    """Of all cells by column, or of those of `used`, in their order."""
    key: Callable[[Cells], str]
    header: tuple[frozenset[str], ...]
    """Columns by which a header is recognised; any one of these sets will do."""
    columns: tuple[tuple[str, ...], ...] = ()
    """The order of the columns where there is no header, told apart by their number."""
    looks: Callable[[Sequence[str]], bool] = field(default=lambda _: False)
    """Whether a first row without a header is of this format."""
    quotes: bool = True
    day: Callable[[Cells], str | None] | None = None
    """The day on which a row was added, where that and not the event's tells what is covered."""
    keyed: tuple[str, ...] = ()
    """The columns that `key` looks at; all, where none is named."""
    dated: tuple[str, ...] = ()
    """Those that `day` looks at."""
    used: tuple[str, ...] = ()
    """Those that `given` is handed one by one; where none is named it has all, by column."""


def name_of(cell: str) -> str:
    """A column's name, however it is written."""
    return _SPLIT.sub("_", cell.strip().lower()).strip("_")


def number(cells: Cells, name: str) -> float | None:
    """A number; None where the cell is empty."""
    return numbered(cells.get(name, ""), name)


def numbered(text: str, name: str) -> float | None:
    """As `number`, of a cell by itself."""
    text = text.strip()
    if not text:
        return None
    try:
        found = float(text)
    except ValueError as wrong:
        raise RejectedError(name, f"is not a number: {text[:40]!r}") from wrong
    if found - found != 0 or "_" in text:  # what is no number, or endless, less itself is none
        raise RejectedError(name, f"is not a number: {text[:40]!r}")
    return found


def whole(cells: Cells, name: str) -> int | None:
    """A whole number, also where a spreadsheet made `369.0` of it; None where it is empty."""
    found = number(cells, name)
    if found is None:
        return None
    if found != int(found):
        raise RejectedError(name, f"is not a whole number: {cells[name][:40]!r}")
    return int(found)


def needed(cells: Cells, name: str) -> str:
    """A text that must be there."""
    return there(cells.get(name, ""), name)


def there(text: str, name: str) -> str:
    """As `needed`, of a cell by itself."""
    text = text.strip()
    if not text:
        raise RejectedError(name, "is empty")
    return text


def clipped(text: str, most: int) -> str:
    """A text that fits, with an ellipsis where it was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def several(text: str, separator: str = ";") -> list[str]:
    """The parts of a cell that holds several, each once."""
    return list(dict.fromkeys(part for p in text.split(separator) if (part := p.strip())))
