"""Rows as read from a file: their keys, days and hashes, and their conversion to records."""

import json
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

import msgspec

from app.events.record import RejectedError, decode_event_record
from app.events.reimport import is_exported_event, record_from_document
from app.ingest.formats import entente
from app.ingest.formats.file_format import Cells, FileFormat, Warn
from app.ingest.formats.hashing import hash_to_int64
from app.ingest.formats.records import LoadRecord

MAX_END_CELLS = 8
"""Maximum cells to split off the ends of a line; beyond it, splitting the line is cheaper."""


class FilledCells(dict[str, str]):
    """Cells by column; a column that the file lacks reads as empty."""

    def __missing__(self, _: str) -> str:
        return ""


class LineLayout(msgspec.Struct, frozen=True, gc=False):
    """The columns of a line, and functions that extract cells from it."""

    columns: tuple[str, ...]
    separator: str
    pick_key_cells: Callable[[str], Cells]
    """Extract the cells that the format's `read_key` needs."""
    pick_day_cells: Callable[[str], Cells]
    """Extract the cells that its `read_day` needs."""
    pick_values: Callable[[str], object]
    """Extract what its `parse_row` takes."""


class InputRow(msgspec.Struct, frozen=True, gc=False):
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
    format: FileFormat = entente.ENTENTE_FORMAT
    layout: LineLayout | None = None
    """The layout of an unquoted line, also of one that has the wrong number of cells."""
    dataset: str = ""
    """The dataset of a row from a rejects file: the one it was rejected from."""
    notes: tuple[tuple[str, str], ...] = ()
    """What was mended while it was read: fields and messages to warn about."""


class Reject(msgspec.Struct, omit_defaults=True):
    """A line of a rejects file: correct `row`, then load that file."""

    line: int
    field: str
    reason: str
    format: str
    row: object
    table: bool = False
    """Whether `row` is an object of text cells by column."""
    columns: list[str] = []
    separator: str = ""
    file: str = ""
    dataset: str = ""
    """The dataset that the row is loaded into once it is corrected."""


class _KeyOnly(msgspec.Struct):
    key: str


_key_decoder = msgspec.json.Decoder(_KeyOnly)


def make_line_layout(format_: FileFormat, columns: tuple[str, ...], separator: str) -> LineLayout:
    """Make the layout of lines with these columns."""
    keyed = _make_end_picker(columns, format_.key_columns or columns, separator)
    dated = _make_end_picker(columns, format_.day_columns or columns, separator)
    used = _make_value_picker(columns, format_.value_columns, separator)
    return LineLayout(columns, separator, keyed, dated, used)


def read_row_cells(row: InputRow) -> Cells:
    """Read all cells of a row that is not JSON, by column."""
    content = row.content
    assert not isinstance(content, bytes)
    if not isinstance(content, str):
        return content
    assert row.layout is not None
    return FilledCells(zip(row.layout.columns, content.split(row.layout.separator), strict=True))


def parse_row_record(row: InputRow, warn: Warn) -> LoadRecord:
    """Parse a row into a record; raises `RejectedError`."""
    content = row.content
    if row.wrong is not None:
        raise row.wrong
    for note in row.notes:
        warn(*note)
    if isinstance(content, str):
        return row.format.parse_row(row.layout.pick_values(content), warn)  # type: ignore[union-attr]
    if isinstance(content, bytes):
        return decode_event_record(content)
    for name, cell in content.items():
        if "\x00" in cell:
            raise RejectedError(name, "must not contain a NUL character")
    used = row.format.value_columns
    return row.format.parse_row([content.get(name, "") for name in used] if used else content, warn)


def convert_exported_line(line: bytes) -> bytes:
    """Convert a line that was exported to the load format; other lines are unchanged."""
    if not line.startswith(b'{"id":'):
        return line
    try:
        values = json.loads(line)
        return (
            msgspec.json.encode(record_from_document(values)) if is_exported_event(values) else line
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return line  # decoding it later reports the error


def read_row_key(row: InputRow) -> str | None:
    """Read the key of a row, unique within its dataset; None if it cannot be read."""
    content = row.content
    if row.wrong is not None and (isinstance(content, bytes | str) or not content):
        return None
    if isinstance(content, bytes):
        try:
            found = _key_decoder.decode(content).key
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
    else:
        cells = row.layout.pick_key_cells(content) if isinstance(content, str) else content  # type: ignore[union-attr]
        found = row.format.read_key(cells)
    return found if found and "\x00" not in found else None


def read_row_day(row: InputRow) -> str | None:
    """Read the day on which a row was added; None where the format does not record it."""
    content, read_day = row.content, row.format.read_day
    if read_day is None or row.wrong is not None or isinstance(content, bytes):
        return None
    return read_day(row.layout.pick_day_cells(content) if isinstance(content, str) else content)  # type: ignore[union-attr]


def measure_row_length(row: InputRow) -> int:
    """Measure a row in bytes, approximately: a character of text counts as one."""
    content = row.content
    if isinstance(content, bytes) or isinstance(content, str):  # noqa: SIM101 - the quicker one
        return len(content) or len(row.raw)
    return sum(map(len, content.values())) or len(row.raw)


def hash_input_row(row: InputRow) -> int:
    """Hash a row as it was written; the result is never 0."""
    # 0 is stored for rows that have to be read again: see `StoredHashes`.
    content = row.content
    if isinstance(content, bytes):
        return hash_to_int64(content) or 1
    if isinstance(content, str):
        whole = content.replace(row.layout.separator, "\x1f")  # type: ignore[union-attr]
    else:
        whole = "\x1f".join(content.values())
    return hash_to_int64(whole.encode()) or 1


def make_reject(row: InputRow, wrong: RejectedError, file: str, dataset: str) -> Reject:
    """Make the line of a rejects file for a row and its error."""
    content, table = row.content, False
    columns: list[str] = []
    separator = ""
    if isinstance(content, bytes):
        try:  # `json` would decode lone surrogates, which cannot be encoded as UTF-8
            shown: object = msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            shown = content.decode("utf-8", "replace")
    elif content:
        shown, table = dict(read_row_cells(row)), True
    else:
        shown = row.raw
        if row.layout is not None:
            columns, separator = list(row.layout.columns), row.layout.separator
    return Reject(
        row.number, wrong.field, wrong.reason, row.format.name, shown, table, columns, separator,
        file, dataset,
    )  # fmt: skip


def _make_cell_picker(
    columns: Sequence[str], wanted: Sequence[str], separator: str
) -> Callable[[str], Cells]:
    """Make a function that extracts cells of some columns from a line, by column.

    Columns that the line lacks are empty.
    """
    place = {name: n for n, name in enumerate(columns)}
    there = [name for name in wanted if name in place]
    pick = _make_item_getter([place[name] for name in there])
    missing = dict.fromkeys(set(wanted) - place.keys(), "")

    def pick_cells(line: str) -> Cells:
        return dict(zip(there, pick(line.split(separator)), strict=True)) | missing

    if missing:
        return pick_cells
    return lambda line: dict(zip(there, pick(line.split(separator)), strict=True))


def _make_value_picker(
    columns: Sequence[str], used: Sequence[str], separator: str
) -> Callable[[str], object]:
    """Make a function that extracts the cells of `used` from a line, as a sequence in that order.

    Where `used` is empty, the function returns all cells by column. Columns that the line lacks
    are empty.
    """
    if not used:
        return _make_cell_picker(columns, columns, separator)
    place = {name: n for n, name in enumerate(columns)}
    pick = _make_item_getter([place.get(name, len(columns)) for name in used])
    if place.keys() >= set(used):
        return lambda line: pick(line.split(separator))
    return lambda line: pick([*line.split(separator), ""])


def _make_item_getter(at: Sequence[int]) -> Callable[[Sequence[str]], Iterable[str]]:
    return itemgetter(*at) if len(at) > 1 else lambda cells: [cells[n] for n in at]


def _make_end_picker(
    columns: Sequence[str], wanted: Sequence[str], separator: str
) -> Callable[[str], Cells]:
    """Make a function like `_make_cell_picker`, fast for columns near the ends of a line."""
    place, size = {name: n for n, name in enumerate(columns)}, len(columns)
    at = [(name, place[name]) for name in wanted if name in place]
    first = [(name, n) for name, n in at if n < size / 2]
    last = [(name, n - size) for name, n in at if n >= size / 2]
    from_left = max([n + 1 for _, n in first], default=0)
    from_right = max([-n for _, n in last], default=0)
    if len(at) < len(wanted) or from_left + from_right > MAX_END_CELLS:
        return _make_cell_picker(columns, wanted, separator)

    def pick_end_cells(line: str) -> Cells:
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

    return pick_end_cells
