"""Write XLSX: a sheet of events, and a sheet that cites their datasets."""

from collections.abc import Iterator
from datetime import date
from tempfile import TemporaryFile

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from app.events.flat import EVENT_COLUMNS, flatten_event
from app.feeds.feed import Feed
from app.sources.citation import format_citation

MOST = 1_048_575
"""Rows of a sheet in Excel, without the one for the names of columns."""
CELL_LIMIT = 32_767
"""Characters that a cell takes in Excel."""
BYTES_PER_READ = 1 << 16
FIRST_EXCEL_DAY = "1900-03-01"
"""Excel takes 1900 for a leap year, so days before this one are written as text."""
HIDDEN = ("participants", "signals", "reports")
WIDTHS = {"title": 60, "summary": 60, "participant": 30, "publishers": 40, "id": 40}


def write_xlsx(feed: Feed) -> Iterator[bytes]:
    """Write the workbook to a temporary file first, because its beginning depends on all rows."""
    with TemporaryFile() as file:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(file, options) as book:
            shown = [(n, name) for n, name in enumerate(EVENT_COLUMNS) if name not in HIDDEN]
            _write_about_sheet(book.add_worksheet("about"), feed)
            sheet = book.add_worksheet("events")
            sheet.activate()
            sheet.freeze_panes(1, 0)
            formats = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
            for number, (_, name) in enumerate(shown):
                sheet.set_column(number, number, WIDTHS.get(name, 12))
                sheet.write_string(0, number, name, formats[0])
            line = 0
            for documents in feed.chunks:
                for line, document in enumerate(documents, line + 1):  # noqa: B020
                    _write_row(sheet, line, shown, document, formats[1])
            sheet.autofilter(0, 0, max(line, 1), len(shown) - 1)
        file.seek(0)
        while piece := file.read(BYTES_PER_READ):
            yield piece


def _write_row(
    sheet: Worksheet, line: int, shown: list[tuple[int, str]], document: str, of_days: Format
) -> None:
    cells = flatten_event(document)
    for number, (n, name) in enumerate(shown):
        value = cells[n]
        if value is None:
            continue
        if EVENT_COLUMNS[name] == "day" and value >= FIRST_EXCEL_DAY:
            sheet.write_datetime(line, number, date.fromisoformat(value), of_days)
        elif isinstance(value, str):
            sheet.write_string(line, number, fit_to_cell(value))
        else:
            sheet.write_number(line, number, value)


def fit_to_cell(text: str) -> str:
    """Shorten a text to the limit of a cell, and append its full length where it is cut."""
    if len(text) <= CELL_LIMIT:
        return text
    note = f" … ({len(text):,} characters in all)"
    return text[: CELL_LIMIT - len(note)] + note


def _write_about_sheet(sheet: Worksheet, feed: Feed) -> None:
    rows = [
        ("Request", feed.address),
        ("Version of the database", str(feed.version)),
        *((f"Dataset {d.code}", format_citation(d)) for d in feed.datasets),
        ("Nested parts", "Quotes, signals and grades: format=csv, parquet or json."),
    ]
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 100)
    for line, (name, text) in enumerate(rows):
        sheet.write_string(line, 0, name)
        sheet.write_string(line, 1, fit_to_cell(text))
