"""Rows as read from a file: their keys, days and hashes, and their conversion to records."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from app.ingest.digest import digest
from app.ingest.format import Cells, Format, Warn
from app.ingest.formats import entente
from app.ingest.given import Item, RejectedError, from_json

MOST_STEPS = 8
"""Maximum cells to split off the ends of a line; beyond it, splitting the line is cheaper."""


class Filled(dict[str, str]):
    """Cells by column; a column that the file lacks reads as empty."""

    def __missing__(self, _: str) -> str:
        return ""


class Layout(msgspec.Struct, frozen=True, gc=False):
    """The columns of a line, and functions that extract cells from it."""

    columns: tuple[str, ...]
    separator: str
    keyed: Callable[[str], Cells]
    """Extract the cells that the format's `read_key` needs."""
    dated: Callable[[str], Cells]
    """Extract the cells that its `read_day` needs."""
    used: Callable[[str], Any]
    """Extract what its `parse_row` takes."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row as read: JSON as bytes, an unquoted line as text, or cells by column.

    A line of text is split only when its cells are needed.
    """

    # Splitting and naming the sixty cells of a GDELT row costs more than all other work on it, and
    # rows that are unchanged since the last load need none but the key.

    number: int
    content: bytes | str | Cells
    wrong: RejectedError | None = None
    raw: str = ""
    """The text of a row that cannot be split into cells, for the rejects file."""
    format: Format = entente.TABLE
    layout: Layout | None = None
    """The layout of an unquoted line, also of one that has the wrong number of cells."""
    dataset: str = ""
    """The dataset of a row from a rejects file: the one it was rejected from."""


class Reject(msgspec.Struct, omit_defaults=True):
    """A line of a rejects file: correct `row`, then load that file."""

    line: int
    field: str
    reason: str
    format: str
    row: Any
    table: bool = False
    """Whether `row` is an object of text cells by column."""
    columns: list[str] = []
    separator: str = ""
    file: str = ""
    dataset: str = ""
    """The dataset that the row is loaded into once it is corrected."""


class _Keyed(msgspec.Struct):
    key: str


_keyed = msgspec.json.Decoder(_Keyed)


def layout(format_: Format, columns: tuple[str, ...], separator: str) -> Layout:
    """Make the layout of lines with these columns."""
    keyed = _near_the_ends(columns, format_.keyed or columns, separator)
    dated = _near_the_ends(columns, format_.dated or columns, separator)
    used = _one_by_one(columns, format_.used, separator)
    return Layout(columns, separator, keyed, dated, used)


def cells(row: Row) -> Cells:
    """Read all cells of a row that is not JSON, by column."""
    content = row.content
    assert not isinstance(content, bytes)
    if not isinstance(content, str):
        return content
    assert row.layout is not None
    return Filled(zip(row.layout.columns, content.split(row.layout.separator), strict=True))


def item(row: Row, warn: Warn) -> Item:
    """Parse a row into a record; raises `RejectedError`."""
    content = row.content
    if row.wrong is not None:
        raise row.wrong
    if isinstance(content, str):
        return row.format.given(row.layout.used(content), warn)  # type: ignore[union-attr]
    if isinstance(content, bytes):
        return from_json(content)
    for name, cell in content.items():
        if "\x00" in cell:
            raise RejectedError(name, "must not contain a NUL character")
    used = row.format.used
    return row.format.given([content.get(name, "") for name in used] if used else content, warn)


def key(row: Row) -> str | None:
    """Read the key of a row, unique within its dataset; None if it cannot be read."""
    content = row.content
    if row.wrong is not None:
        return None
    if isinstance(content, bytes):
        try:
            found = _keyed.decode(content).key
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
    else:
        told = row.layout.keyed(content) if isinstance(content, str) else content  # type: ignore[union-attr]
        found = row.format.key(told)
    return found if found and "\x00" not in found else None


def day(row: Row) -> str | None:
    """Read the day on which a row was added; None where the format does not record it."""
    content, told = row.content, row.format.day
    if told is None or row.wrong is not None or isinstance(content, bytes):
        return None
    return told(row.layout.dated(content) if isinstance(content, str) else content)  # type: ignore[union-attr]


def length(row: Row) -> int:
    """Measure a row in bytes, approximately: a character of text counts as one."""
    content = row.content
    if isinstance(content, bytes) or isinstance(content, str):  # noqa: SIM101 - the quicker one
        return len(content) or len(row.raw)
    return sum(map(len, content.values())) or len(row.raw)


def signature(row: Row) -> int:
    """Hash a row as it was written; the result is never 0."""
    # 0 is stored for rows that have to be read again: see `StoredHashes`.
    content = row.content
    if isinstance(content, bytes):
        return digest(content) or 1
    if isinstance(content, str):
        whole = content.replace(row.layout.separator, "\x1f")  # type: ignore[union-attr]
    else:
        whole = "\x1f".join(content.values())
    return digest(whole.encode()) or 1


def reject(row: Row, wrong: RejectedError, file: str, dataset: str) -> Reject:
    """Make the line of a rejects file for a row and its error."""
    content, table = row.content, False
    columns: list[str] = []
    separator = ""
    if isinstance(content, bytes):
        try:  # `json` would decode lone surrogates, which cannot be encoded as UTF-8
            told: Any = msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            told = content.decode("utf-8", "replace")
    elif content:
        told, table = dict(cells(row)), True
    else:
        told = row.raw
        if row.layout is not None:
            columns, separator = list(row.layout.columns), row.layout.separator
    return Reject(
        row.number, wrong.field, wrong.reason, row.format.name, told, table, columns, separator,
        file, dataset,
    )  # fmt: skip


def _picked(
    columns: Sequence[str], wanted: Sequence[str], separator: str
) -> Callable[[str], Cells]:
    """Make a function that extracts cells of some columns from a line, by column.

    Columns that the line lacks are empty.
    """
    place = {name: n for n, name in enumerate(columns)}
    there = [name for name in wanted if name in place]
    pick: Any = _items([place[name] for name in there])
    missing = dict.fromkeys(set(wanted) - place.keys(), "")

    def picked(line: str) -> Cells:
        return dict(zip(there, pick(line.split(separator)), strict=True)) | missing

    if missing:
        return picked
    return lambda line: dict(zip(there, pick(line.split(separator)), strict=True))


def _one_by_one(
    columns: Sequence[str], used: Sequence[str], separator: str
) -> Callable[[str], Any]:
    """Make a function that extracts the cells of `used` from a line, as a sequence in that order.

    Where `used` is empty, the function returns all cells by column. Columns that the line lacks
    are empty.
    """
    if not used:
        return _picked(columns, columns, separator)
    place = {name: n for n, name in enumerate(columns)}
    pick: Any = _items([place.get(name, len(columns)) for name in used])
    if place.keys() >= set(used):
        return lambda line: pick(line.split(separator))
    return lambda line: pick([*line.split(separator), ""])


def _items(at: Sequence[int]) -> Callable[[Sequence[str]], Iterable[str]]:
    return itemgetter(*at) if len(at) > 1 else lambda cells: [cells[n] for n in at]


def _near_the_ends(
    columns: Sequence[str], wanted: Sequence[str], separator: str
) -> Callable[[str], Cells]:
    """Make a function like `_make_cell_picker`, fast for columns near the ends of a line."""
    place, size = {name: n for n, name in enumerate(columns)}, len(columns)
    at = [(name, place[name]) for name in wanted if name in place]
    first = [(name, n) for name, n in at if n < size / 2]
    last = [(name, n - size) for name, n in at if n >= size / 2]
    from_left = max([n + 1 for _, n in first], default=0)
    from_right = max([-n for _, n in last], default=0)
    if len(at) < len(wanted) or from_left + from_right > MOST_STEPS:
        return _picked(columns, wanted, separator)

    def told(line: str) -> Cells:
        found = {}
        if first:
            begun = line.split(separator, from_left)
            for name, n in first:
                found[name] = begun[n]
        if last:
            ending = line.rsplit(separator, from_right)
            for name, n in last:
                found[name] = ending[n]
        return found

    return told
