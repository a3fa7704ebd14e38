"""Reads a workbook as the standard says, with no library that made it."""

import io
import zipfile
from typing import Any
from xml.etree import ElementTree


def read_sheets(content: bytes) -> dict[str, list[list[Any]]]:
    """Read the cells of a workbook by sheet, straight from its XML."""
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [
            s.attrib["name"]
            for s in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{main}sheet")
        ]
        shared: list[str] = []
        if "xl/sharedStrings.xml" in book.namelist():
            table = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
            shared = ["".join(t.text or "" for t in item.iter(f"{main}t")) for item in table]
        found = {}
        for number, name in enumerate(names, 1):
            sheet = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            assert not list(sheet.iter(f"{main}f")), "a formula"
            found[name] = [_read_cells(row, main, shared) for row in sheet.iter(f"{main}row")]
    return found


def _read_cells(row: ElementTree.Element, main: str, shared: list[str]) -> list[Any]:
    cells: list[Any] = []
    for cell in row.iter(f"{main}c"):
        letters = "".join(c for c in cell.attrib["r"] if c.isalpha())
        place = 0
        for letter in letters:
            place = place * 26 + ord(letter) - 64
        cells += [None] * (place - 1 - len(cells))
        value = cell.find(f"{main}v")
        kind = cell.attrib.get("t")
        if kind == "inlineStr":
            cells.append("".join(t.text or "" for t in cell.iter(f"{main}t")))
        elif value is None:
            cells.append(None)
        else:
            text = value.text or ""
            cells.append(shared[int(text)] if kind == "s" else float(text))
    return cells
