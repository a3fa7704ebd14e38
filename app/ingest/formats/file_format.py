"""The description of a file format: how to recognise its rows and how to parse them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.events.record import RejectedError
from app.ingest.formats.records import LoadRecord
from app.sources.schemas import Dataset

Cells = Mapping[str, str]
"""The cells of a row by the name of their column, in lower case and with underscores."""
Warn = Callable[[str, str], None]
"""A function that records a warning, from a field and a message."""
_NON_NAME_CHARACTERS = re.compile(r"[^a-z0-9%]+")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format: one of the conflict and event data field, or the service's own."""

    name: str
    dataset: Dataset
    """The dataset that rows are loaded into, unless the caller names another."""
    parse_row: Callable[[Any, Warn], LoadRecord]
    """Parse a row: all cells by column, or the cells of `value_columns` in order."""
    read_key: Callable[[Cells], str]
    """Read the key of a row; it is unique within the dataset."""
    header: tuple[frozenset[str], ...]
    """Sets of columns; a header that contains any one of them is of this format."""
    columns: tuple[tuple[str, ...], ...] = ()
    """The columns of files without a header, one tuple per version; their lengths differ."""
    matches_first_row: Callable[[Sequence[str]], bool] = field(default=lambda _: False)
    """Return whether the first row of a file without a header is of this format."""
    has_quotes: bool = True
    """Whether cells may be quoted."""
    read_day: Callable[[Cells], str | None] | None = None
    """Read the day a row was added, where the coverage follows from that and not from events."""
    key_columns: tuple[str, ...] = ()
    """The columns that `read_key` needs; empty means all."""
    day_columns: tuple[str, ...] = ()
    """The columns that `read_day` needs; empty means all."""
    value_columns: tuple[str, ...] = ()
    """The columns that `parse_row` gets, in order; empty means all, as a mapping."""


def normalize_column_name(cell: str) -> str:
    """Normalize the name of a column to lower case, with underscores between words."""
    return _NON_NAME_CHARACTERS.sub("_", cell.strip().lower()).strip("_")


def parse_number_cell(cells: Cells, name: str) -> float | None:
    """Parse a cell as a finite number; None if it is empty. Raises `RejectedError`."""
    return parse_number_text(cells.get(name, ""), name)


def parse_number_text(text: str, name: str) -> float | None:
    """Parse text as a finite number; None if it is empty. Raises `RejectedError`.

    `name` is the column, for the error.
    """
    text = text.strip()
    if not text:
        return None
    try:
        found = float(text)
    except ValueError as wrong:
        raise RejectedError(name, f"is not a number: {text[:40]!r}") from wrong
    if found - found != 0 or "_" in text:  # NaN or infinite; float() accepts 1_000 too
        raise RejectedError(name, f"is not a number: {text[:40]!r}")
    return found


def parse_integer_cell(cells: Cells, name: str) -> int | None:
    """Parse a cell as an integer; None if it is empty. Raises `RejectedError`."""
    # Spreadsheets write integers as `369.0`.
    found = parse_number_cell(cells, name)
    if found is None:
        return None
    if found != int(found):
        raise RejectedError(name, f"is not a whole number: {cells[name][:40]!r}")
    return int(found)


def require_cell(cells: Cells, name: str) -> str:
    """Return the text of a cell; raises `RejectedError` if it is empty."""
    return require_cell_text(cells.get(name, ""), name)


def require_cell_text(text: str, name: str) -> str:
    """Return text without surrounding blanks; raises `RejectedError` if it is empty.

    `name` is the column, for the error.
    """
    text = text.strip()
    if not text:
        raise RejectedError(name, "is empty")
    return text


def clip_with_ellipsis(text: str, most: int) -> str:
    """Shorten text to at most `most` characters; text that was cut ends with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def split_list_cell(text: str, separator: str = ";") -> list[str]:
    """Split a cell that lists several values; each distinct value is returned once."""
    return list(dict.fromkeys(part for p in text.split(separator) if (part := p.strip())))
