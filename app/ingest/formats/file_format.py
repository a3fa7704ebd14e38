"""The description of a file format: how to recognise its rows and how to parse them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.events.record import COUNTRY_SEPARATOR, RejectedError
from app.ingest.formats.days import expand_shortened_number
from app.ingest.formats.records import LoadRecord
from app.ingest.formats.ucdp_release import Release
from app.sources.schemas import Dataset

MAX_EXACT_DIGITS = 15
"""Maximum digits of an integer that a float represents exactly."""
MAX_COUNTED = 1_000_000_000
"""The greatest number of people, articles or sources that a cell may count."""
MAX_NUMBER_LENGTH = 40
"""Characters of a text that may be a number with separators."""
Cells = Mapping[str, str]
"""The cells of a row by the name of their column, in lower case and with underscores."""
Warn = Callable[[str, str], None]
"""A function that records a warning, from a field and a message."""
_GROUP_MARKS = r"[,.'’ \u00a0\u202f]"
_GROUPED = re.compile(rf"[+-]?\d{{1,3}}(?P<mark>{_GROUP_MARKS})\d{{3}}(?:(?P=mark)\d{{3}})*")
_GROUPED_FRACTION = re.compile(
    rf"(?P<whole>[+-]?\d{{1,3}}(?:(?P<mark>{_GROUP_MARKS})\d{{3}})+)(?!(?P=mark))[.,](?P<part>\d+)"
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
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
    """Read the day a row was added, where the coverage follows from that and not from events.

    Where the source publishes a file for each slot of a day, it is the slot: `2026-01-01T00:15`.
    """
    widens_coverage: bool = True
    """Whether a file says that the events of its days are there; mentions of events do not."""
    gap_days: int | None = None
    """Days without events, between those of two files, from which on they are a gap in coverage.

    None: the days between two files are covered too."""
    find_release: Callable[[str], Release | None] = field(default=lambda _: None)
    """Find the release that a file is by its name."""
    key_columns: tuple[str, ...] = ()
    """The columns that `read_key` needs; empty means all."""
    day_columns: tuple[str, ...] = ()
    """The columns that `read_day` needs; empty means all."""
    dated_columns: tuple[str, ...] = ()
    """The columns of days, whose order of day and month may follow from the whole file."""
    meant_markers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By column, the markers of a missing value that are values there, such as Namibia's NA."""
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
        plain = _read_local_number(text)
        if plain is None:
            raise RejectedError(name, f"is not a number: {text[:40]!r}") from wrong
        found = float(plain)
    if found - found != 0 or "_" in text:  # NaN or infinite; float() accepts 1_000 too
        raise RejectedError(name, f"is not a number: {text[:40]!r}")
    return found


def _read_local_number(text: str) -> str | None:
    """Read a number with decimal comma or separated thousands; None for other text.

    A single comma is taken for the decimal one: no measure of these files reaches a thousand.
    """
    if len(text) > MAX_NUMBER_LENGTH:
        return None
    if _DECIMAL_COMMA.fullmatch(text):
        return text.replace(",", ".")
    if (found := _GROUPED_FRACTION.fullmatch(text)) is not None:
        return f"{found['whole'].replace(found['mark'], '')}.{found['part']}"
    return join_grouped_digits(text)


def join_grouped_digits(text: str) -> str | None:
    """Return a whole number without its separators of thousands; None for other text."""
    found = _GROUPED.fullmatch(text.strip()) if len(text) <= MAX_NUMBER_LENGTH else None
    return found and found[0].replace(found["mark"], "")


def read_number_key(cell: str) -> str:
    """Read a key that is a number, also where a data frame made `123.0` of it."""
    return cell.strip().removesuffix(".0")


def parse_number_key(cell: str, name: str) -> str:
    """Parse a key that is a number; raises `RejectedError` if it is empty or lost its digits."""
    key = read_number_key(require_cell_text(cell, name))
    if not key.isdigit() and expand_shortened_number(key) is not None:
        raise RejectedError(name, f"lost digits in a spreadsheet: {key[:40]!r}; export it as text")
    return key


def parse_integer_cell(cells: Cells, name: str) -> int | None:
    """Parse a cell as an integer; None if it is empty. Raises `RejectedError`."""
    # Spreadsheets write integers as `369.0`.
    text = cells.get(name, "")
    if text.isdecimal() and len(text) <= MAX_EXACT_DIGITS:
        return int(text)
    grouped = join_grouped_digits(text) if "," in text else None
    found = parse_number_text(grouped or text, name)
    if found is None:
        return None
    if found != int(found):
        raise RejectedError(name, f"is not a whole number: {cells[name][:40]!r}")
    return int(found)


def require_within(value: float, name: str, low: float, high: float) -> None:
    """Raise `RejectedError` for a number outside the bounds that its column has."""
    if not low <= value <= high:
        raise RejectedError(name, f"is not between {low:,} and {high:,}: {value:g}")


def parse_bounded_integer(cells: Cells, name: str, low: int, high: int) -> int | None:
    """Parse a cell as an integer within bounds; None if it is empty. Raises `RejectedError`."""
    if (found := parse_integer_cell(cells, name)) is not None:
        require_within(found, name, low, high)
    return found


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


def join_country_names(code: str | None, scheme: str, name: str) -> str | None:
    """Join the code of a country and its name, which counts where no country has the code."""
    name = name.strip().replace(COUNTRY_SEPARATOR, " ")
    named = f"{scheme}:{clip_with_ellipsis(name, 150)}" if name else None
    return COUNTRY_SEPARATOR.join(part for part in (code, named) if part) or None


def split_list_cell(text: str, separator: str = ";") -> list[str]:
    """Split a cell that lists several values; each distinct value is returned once."""
    return list(dict.fromkeys(part for p in text.split(separator) if (part := p.strip())))
