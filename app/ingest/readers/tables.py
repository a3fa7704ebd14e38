"""This module reads the rows of a table of delimited text whose format is known."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from app.events.record import RejectedError
from app.ingest.formats.file_format import FileFormat, normalize_column_name
from app.ingest.readers.delimited import (
    TruncatedLineError,
    decode_leniently,
    read_quoted_records,
    read_text_lines,
    read_unquoted_records,
)
from app.ingest.readers.files import InputStream
from app.ingest.readers.line_decoder import LineDecoder
from app.ingest.readers.recognized_file import RecognizedFile
from app.ingest.readers.rows import FilledCells, InputRow, make_line_layout

SAMPLED_ROWS = 100
"""Rows at the beginning of a file that show how it is written."""


class TableShape(NamedTuple):
    """How a table is written: its format, its separator, and its header if it has one."""

    format: FileFormat
    separator: str
    quotes: bool
    """Whether cells may be quoted."""
    header: list[str] | None


def make_table_reader(decoder: LineDecoder, table: TableShape) -> RecognizedFile:
    """Make the reader of delimited text; it skips all headers and rows of HXL tags."""
    format_, separator, quotes, header = table
    names = None
    if header is not None:
        names = tuple(normalize_column_name(cell) for cell in header)
        names = _widen_columns(names, _sample_cells(decoder, table))
    every = format_.columns if names is None else (names,)
    layouts = {len(columns): make_line_layout(format_, columns, separator) for columns in every}
    expected, likely = " or ".join(map(str, layouts)), next(iter(layouts.values()))

    def make_rejected_row(number: int, wrong: RejectedError, raw: str) -> InputRow:
        likely_layout = None if isinstance(wrong, TruncatedLineError) else likely
        return InputRow(number, {}, wrong, raw, format_, likely_layout)

    def make_miscounted_row(number: int, count: int, raw: str) -> InputRow:
        return make_rejected_row(
            number, RejectedError("", f"has {count} cells; expected {expected}"), raw
        )

    def read_quoted_rows(stream: InputStream | None) -> Iterator[InputRow]:
        assert stream is not None
        for record in read_quoted_records(stream, separator, decoder.decode_line):
            laid = layouts.get(len(record.cells))
            if record.wrong is not None:
                yield make_rejected_row(record.number, record.wrong, record.raw)
            elif laid is not None and not is_header_row(record.cells, laid.columns):
                content = FilledCells(zip(laid.columns, record.cells, strict=True))
                notes = decoder.list_notes(record.raw) if decoder.is_legacy else ()
                yield InputRow(record.number, content, None, "", format_, None, "", notes)
            elif laid is None and record.cells != header:
                yield make_miscounted_row(record.number, len(record.cells), record.raw)

    def read_unquoted_rows(stream: InputStream | None) -> Iterator[InputRow]:
        assert stream is not None
        for line in read_text_lines(stream):
            try:
                if line.wrong is not None:
                    raise line.wrong
                body = decoder.decode_line(line)
            except RejectedError as wrong:
                yield make_rejected_row(line.number, wrong, decode_leniently(line.body))
                continue
            laid = layouts.get(body.count(separator) + 1)
            if laid is None:
                if header is None or body.split(separator) != header:
                    count = body.count(separator) + 1
                    yield make_miscounted_row(line.number, count, body)
            elif body[:1].isdigit() or not is_header_row(body.split(separator), laid.columns):
                notes = decoder.list_notes(body) if decoder.is_legacy else ()
                yield InputRow(line.number, body, None, "", format_, laid, "", notes)

    return RecognizedFile(format_, read_quoted_rows if quotes else read_unquoted_rows)


def _sample_cells(decoder: LineDecoder, table: TableShape) -> list[list[str]]:
    """Read the cells of the first rows below the header."""
    read = read_quoted_records if table.quotes else read_unquoted_records
    with decoder.file.open() as stream:
        records = read(stream, table.separator, decoder.decode_line)
        sample = islice(records, SAMPLED_ROWS)
        return [r.cells for r in sample if r.wrong is None and r.cells != table.header]


def _widen_columns(names: tuple[str, ...], sample: Sequence[list[str]]) -> tuple[str, ...]:
    """Add the columns without a name that all rows of a file have beyond its header.

    R numbers its rows in a first column, and spreadsheets append empty ones.
    """
    # One wide row alone may have a separator in its text: its cells are not where they belong.
    width, most = len(names), max(map(len, sample), default=0)
    if most <= width or any(len(cells) != most for cells in sample):
        return names
    numbers = [cells[0] for cells in sample] if most == width + 1 else []
    # The last column may be empty in all rows, so that counting in the first decides.
    if len(numbers) > 1 and numbers == [str(n) for n in range(1, len(numbers) + 1)]:
        return ("", *names)
    if not any(cell for cells in sample for cell in cells[width:]):
        return (*names, *[""] * (most - width))
    if numbers and all(number.isdecimal() for number in numbers):
        return ("", *names)
    return names


def is_header_row(cells: Sequence[str], columns: Sequence[str]) -> bool:
    """Return whether a row repeats the header, or has tags of HXL."""
    first = cells[0]
    if first[:1].isdigit():
        return False
    if normalize_column_name(first) == columns[0] and normalize_column_name(cells[1]) == columns[1]:
        return True
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and all(cell.startswith("#") for cell in filled)
