"""The ways in which files write that a value is missing, and where they mean something. Pure."""

from collections.abc import Mapping

MISSING_MARKERS = frozenset(
    {
        "NA", "N/A", "n/a", "n.a.", "#N/A", "<NA>", "NULL", "null", "nan", "NaN", "NAN", "NaT",
        "None", "\\N", "-", "--", "–", "—", ".", "..",
    }
)  # fmt: skip
"""What R, pandas, SQL, Hive, Stata, ICEWS and spreadsheets write for a missing value."""
# Upper and lower case count: Nan is a province of Thailand, and Na a town.
MAX_MARKER_LENGTH = 8
"""Characters of a cell, blanks included, up to which it may be a marker."""
NAMIBIA = "NA"
"""Namibia's code in ISO 3166-1 alpha-2, and R's marker of a missing value."""


def is_missing(cell: str) -> bool:
    """Return whether a cell says that its value is missing; an empty one does not say it."""
    return len(cell) <= MAX_MARKER_LENGTH and cell.strip() in MISSING_MARKERS


def strip_text_mark(cell: str) -> str:
    """Strip what keeps a cell text in a spreadsheet: `="020"` and `'020` are 020."""
    if len(cell) > 3 and cell[:2] == '="' and cell[-1] == '"':
        return cell[2:-1]
    return cell[1:] if cell[0] == "'" and cell[1:].isdigit() else cell


def empty_missing_cells(cells: dict[str, str], meant: Mapping[str, frozenset[str]]) -> None:
    """Empty the cells that hold a marker, except where it is a value of that column."""
    for name, cell in cells.items():
        if not cell:
            continue
        if cell[0] in "='":
            cells[name] = strip_text_mark(cell)
        elif is_missing(cell) and cell.strip() not in meant.get(name, ()):
            cells[name] = ""
