"""This module mends cells that spreadsheets and data frames damaged, as the whole file shows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

import msgspec

from app.events.record import RejectedError
from app.ingest.formats.days import (
    NumberedDay,
    expand_short_year,
    match_numbered_day,
    read_epoch_day,
    read_serial_days,
)
from app.ingest.formats.file_format import Cells, FileFormat
from app.ingest.formats.missing import (
    NAMIBIA,
    empty_missing_cells,
    has_missing_cells,
    strip_text_mark,
)
from app.ingest.readers.files import InputFile, InputStream
from app.ingest.readers.recognized_file import RecognizedFile
from app.ingest.readers.rows import FilledCells, InputRow, read_row_cells

SAMPLED_ROWS = 100
"""Rows that are searched for damage; a data frame leaves it on every one."""
_YEAR_COLUMNS = ("year", "monthyear")


@dataclass(slots=True)
class FileEvidence:
    """What all rows of a file say about how it is written."""

    day_first: tuple[int, str] | None = None
    """Line and text of a date that can only have the day first."""
    month_first: tuple[int, str] | None = None
    writes_na: bool = False
    """Whether NA is the missing value in a column where it cannot be Namibia."""

    def add_cells(self, number: int, cells: FilledCells, format_: FileFormat) -> None:
        """Add what the cells of a row show."""
        for name in format_.dated_columns:
            if (day := match_numbered_day(text := cells[name].strip())) is None:
                continue
            day_first = day.is_day_first
            if day_first is None and day.first != day.second:
                month = cells["monthyear"].strip()[4:6]
                day_first = {f"{day.second:02}": True, f"{day.first:02}": False}.get(month)
            if day_first is True and self.day_first is None:
                self.day_first = (number, text)
            elif day_first is False and self.month_first is None:
                self.month_first = (number, text)
        if not self.writes_na:
            self.writes_na = any(
                cell.strip() == NAMIBIA and name not in format_.meant_markers
                for name, cell in cells.items()
                if len(cell) <= 4
            )


@dataclass(slots=True)
class RowMender:
    """A mender of the rows of one file, which reads all of them where one does not show enough."""

    file: InputFile
    reading: RecognizedFile
    splits_lines: bool = False
    """Whether lines of text are split into cells, because they may be damaged."""
    has_text_marks: bool = False
    """Whether cells may have marks that keep them text in a spreadsheet."""
    _evidence: FileEvidence | None = field(default=None)

    def mend_rows(self, stream: InputStream | None) -> Iterator[InputRow]:
        """Read the rows of the file, mended."""
        for row in self.reading.read_rows(stream):
            yield self.mend_row(row)

    def mend_row(self, row: InputRow) -> InputRow:
        """Mend the cells of a row; JSON and lines that need no mending stay as they are."""
        content = row.content
        if row.wrong is not None or isinstance(content, bytes):
            return row
        if isinstance(content, str):
            if not self.splits_lines:
                return row
            cells = FilledCells((n, _unquote(c)) for n, c in read_row_cells(row).items())
            row = msgspec.structs.replace(row, content=cells, layout=None)
        else:
            # A reader makes them for each row, so that they may change.
            assert isinstance(content, FilledCells)
            cells = content
        if self.has_text_marks:
            for name, cell in cells.items():
                cells[name] = strip_text_mark(cell)
        if has_missing_cells(cells):
            self._empty_missing(cells, row.format)
        for name in row.format.dated_columns:
            text = cells[name]
            if text and text[4:5] != "-" and not (len(text) in (8, 14) and text.isdigit()):
                row = self._mend_dated_cell(row, cells, name)
        return row

    def _mend_dated_cell(self, row: InputRow, cells: FilledCells, name: str) -> InputRow:
        try:
            notes = self._mend_day(cells, name)
        except RejectedError as refused:
            return msgspec.structs.replace(row, wrong=refused.with_traceback(None))
        return msgspec.structs.replace(row, notes=(*row.notes, *notes)) if notes else row

    def _empty_missing(self, cells: FilledCells, format_: FileFormat) -> None:
        meant = format_.meant_markers
        for name, markers in meant.items():
            if NAMIBIA in markers and cells[name].strip() == NAMIBIA:
                meant = {} if self._read_evidence().writes_na else meant
                break
        empty_missing_cells(cells, meant)

    def _mend_day(self, cells: FilledCells, name: str) -> list[tuple[str, str]]:
        """Write a day as ISO where the file tells what it means; raises `RejectedError`.

        Returns what to warn about.
        """
        text, year = cells[name].strip(), _read_year(cells)
        if (day := match_numbered_day(text)) is not None:
            day_first = self._choose_order(day, text, name)
            cells[name] = _read_numbered_day(day, day_first, year, text, name).isoformat()
            return [(name, f"is read with the {'day' if day_first else 'month'} first")]
        if (whole := expand_short_year(text, year)) is not None:
            cells[name] = whole
            return []
        # The calendars of spreadsheets are four years apart, so that one at most has the year.
        for serial in read_serial_days(text):
            if year == serial.year:
                cells[name] = serial.isoformat()
                return [(name, "is a serial number of a spreadsheet, read as its day")]
        instant = read_epoch_day(text)
        if instant is not None and year in (None, instant.year):
            cells[name] = instant.isoformat()
            return [(name, "is a number of seconds since 1970, read as its day in UTC")]
        return []

    def _choose_order(self, day: NumberedDay, text: str, name: str) -> bool:
        """Return whether the dates of the file have the day first; raises `RejectedError`."""
        evidence = self._read_evidence()
        if evidence.day_first and evidence.month_first:
            (one, first), (other, second) = evidence.day_first, evidence.month_first
            raise RejectedError(
                name,
                f"cannot be read: {text[:40]!r}; the day is first in {first[:40]!r} (line {one})"
                f" and the month in {second[:40]!r} (line {other}); write dates as YYYY-MM-DD",
            )
        if evidence.day_first or evidence.month_first:
            return evidence.day_first is not None
        # Nowhere are days written with points and the month first.
        if day.separator == "." or day.first == day.second:
            return True
        year = day.year.rjust(4, "X")
        readings = " or ".join(
            f"{year}-{month:02}-{one:02}"
            for one, month in ((day.first, day.second), (day.second, day.first))
        )
        raise RejectedError(
            name,
            f"is {readings}: {text[:40]!r}; no date of the file tells which;"
            " write dates as YYYY-MM-DD",
        )

    def _read_evidence(self) -> FileEvidence:
        """Read the whole file for its evidence, once."""
        if self._evidence is None:
            self._evidence = FileEvidence()
            with self.file.open() as stream:
                for row in self.reading.read_rows(stream):
                    if row.wrong is None and not isinstance(row.content, bytes):
                        cells = FilledCells(read_row_cells(row))
                        self._evidence.add_cells(row.number, cells, row.format)
        return self._evidence


def _read_year(cells: FilledCells) -> int | None:
    """Read the year that another column of the row states."""
    for name in _YEAR_COLUMNS:
        text = cells[name].strip()[:4]
        if text.isdecimal() and len(text) == 4:
            return int(text)
    return None


def _read_numbered_day(
    day: NumberedDay, day_first: bool, stated: int | None, text: str, name: str
) -> date:
    """Read a day in the order of its file; a year of two digits must be that of the row."""
    year = int(day.year)
    if len(day.year) == 2:
        if stated is None or stated % 100 != year:
            reason = f"has a year of two digits: {text[:40]!r}; write it as YYYY-MM-DD"
            raise RejectedError(name, reason)
        year = stated
    try:
        return day.read(year, day_first=day_first)
    except ValueError:
        raise RejectedError(name, f"is not a day: {text[:40]!r}") from None


def _unquote(cell: str) -> str:
    """Remove the quotes that a spreadsheet puts around cells with commas or quotes."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell


def mend_file_rows(file: InputFile, reading: RecognizedFile, has_header: bool) -> RecognizedFile:
    """Return a reading whose rows are mended; a file of undamaged lines is read as it is."""
    are_lines, is_damaged, has_text_marks = True, has_header, False
    with file.open() as stream:
        # One row at a time, since rows of Parquet may be as long as a batch is allowed to be.
        for row in islice(reading.read_rows(stream), SAMPLED_ROWS):
            if row.wrong is None and not isinstance(row.content, bytes):
                cells = read_row_cells(row)
                are_lines = are_lines and isinstance(row.content, str)
                is_damaged = is_damaged or has_missing_cells(cells)
                text = "".join(cells.values())
                if '"' in text or "'" in text:  # few have any
                    is_damaged = is_damaged or _has_quotes(cells)
                    marked = any(strip_text_mark(cell) != cell for cell in cells.values())
                    has_text_marks = has_text_marks or marked
    if are_lines and not is_damaged:
        return reading
    mender = RowMender(file, reading, splits_lines=True, has_text_marks=has_text_marks)
    return reading._replace(read_rows=mender.mend_rows)


def _has_quotes(cells: Cells) -> bool:
    """Return whether a line has quotes around cells, or marks that keep them text."""
    return any(_unquote(cell) != cell or strip_text_mark(cell) != cell for cell in cells.values())
